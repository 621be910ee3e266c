"""Exact search by matrix products, at 10,000 and 1,000,000 states: what an approximate index would have to beat.

    python benchmarks/retrieval_search.py
    python benchmarks/retrieval_search.py --device cuda

Trajectories of 50 states, keys of 64 and 256 numbers, 10 trajectories and 10 states kept, for a single decision with 4
slots and for 64 decisions at once. CPU-milliseconds on one thread (wall-clock on CUDA), median of the repeats.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch

from scenarium.agents.retrieval.search import search

LENGTH = 50


def measure(states: int, width: int, queries: int, device: str, repeats: int) -> float:
    """Milliseconds of one search."""
    generator = torch.Generator(device).manual_seed(0)
    key = torch.randn((1, states // LENGTH, LENGTH, width), generator=generator, device=device)
    query = torch.randn((1, queries, width), generator=generator, device=device)
    valid = torch.ones(key.shape[:3], dtype=torch.bool, device=device)
    times = []
    for _ in range(repeats + 1):
        start = _now(device)
        search(query, key, valid, None, 10, 10)
        times.append(_now(device) - start)
    return 1e3 * float(np.median(times[1:]))


def _now(device: str) -> float:
    if device == "cpu":
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


def main() -> None:
    """Prints a row per size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    for states in (10_000, 1_000_000):
        for width in (64, 256):
            single, many = (measure(states, width, n, options.device, options.repeats) for n in (4, 256))
            print(f"{states:9,} states, keys of {width:3}: {single:9.2f} ms a decision, {many:9.1f} ms for 64 at once")


if __name__ == "__main__":
    main()
