"""CPU-seconds of one gradient step of the graph policy, beside published code.

    python benchmarks/gnn_gradient_step.py [--repeats 5] [--profile]

One step draws fresh worlds, unrolls 50 periods of one warehouse and n stores, and differentiates the mean cost. Process
time on one thread, the best of the repeats. The peer is the code of Alvo et al.
(github.com/MatiasAlvo/Neural_inventory_control) with its own graph policy on one thread of an AMD EPYC; its worlds are
drawn beforehand, and its simulator does not ration.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from typing import NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from scenarium.agents.hdpo.pathwise import Course, pathwise_losses
from scenarium.agents.networks import build_policy
from scenarium.envs import make_model

PERIODS = 50


class Case(NamedTuple):
    """A size to time.

    Attributes:
        stores: Number of stores.
        worlds: Worlds per gradient step.
        bar: The most CPU-seconds a step should take, if there is a bar.
        peer: CPU-seconds of the published code, where measured.
    """

    stores: int
    worlds: int
    bar: float | None = None
    peer: float | None = None


CASES = (Case(5, 64, peer=0.40), Case(5, 256, peer=0.69), Case(5, 1024, peer=2.37), Case(50, 128, 1.5, 3.6))


def gradient_step(case: Case, policy: str) -> Callable[[], None]:
    """One step as a function without arguments; it leaves gradients and no more."""
    model = make_model("InventoryNet-OneWarehouse-v0", n=case.stores).native()
    torch.manual_seed(0)
    module = build_policy(policy, model)

    def step() -> None:
        module.zero_grad()
        scenario = model.scenario(torch.arange(case.worlds))
        start = Course(model.initial(scenario, scenario.xp))
        for part, _ in pathwise_losses(
            model, scenario, lambda observation, memory, t: (module(observation), None), start, range(PERIODS)
        ):
            torch.autograd.backward(part)

    return step


def seconds(step: Callable[[], None], repeats: int) -> float:
    """CPU-seconds of a call, the best of some repeats after one to warm up."""
    step()
    best = float("inf")
    for _ in range(repeats):
        start = time.process_time()
        step()
        best = min(best, time.process_time() - start)
    return best


def profile(step: Callable[[], None]) -> str:
    """Where the time of a call goes, by operation."""
    step()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as measured:
        step()
    return str(measured.key_averages().table(sort_by="self_cpu_time_total", row_limit=20))


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description="CPU-seconds of one gradient step of the graph policy.")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--profile", action="store_true", help="also show where the time of the last case goes")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{'stores':>6s}{'worlds':>8s}{'gnn':>8s}{'mlp':>8s}{'bar':>8s}{'peer':>8s}{'ratio':>8s}   CPU-s per step")
    for case in CASES:
        taken = {name: seconds(gradient_step(case, name), chosen.repeats) for name in ("gnn", "mlp")}
        bar = "" if case.bar is None else f"{case.bar:.2f}"
        peer = "" if case.peer is None else f"{case.peer:.2f}"
        ratio = "" if case.peer is None else f"{case.peer / taken['gnn']:.1f}x"
        figures = f"{taken['gnn']:8.3f}{taken['mlp']:8.3f}{bar:>8s}{peer:>8s}{ratio:>8s}"
        print(f"{case.stores:6d}{case.worlds:8d}{figures}", flush=True)
    if chosen.profile:
        print(profile(gradient_step(CASES[-1], "gnn")))


if __name__ == "__main__":
    main()
