"""Stream AC(lambda) on Pendulum-v1: returns while learning.

    python benchmarks/stream_pendulum.py
    python benchmarks/stream_pendulum.py --picture docs/images/stream_pendulum.png

Three seeds, 200,000 steps each; the bar is a mean of at least -300 over the last 20 episodes. Exploration noise is in
these returns. Episodes end by their time limit only, and learning looks beyond it.
"""

from __future__ import annotations

import argparse

import torch
from curves import picture
from stream_curves import running, train

BAR = -300.0


def main() -> None:
    """Prints a line per seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=200_000)
    parser.add_argument("--picture")
    options = parser.parse_args()
    torch.set_num_threads(1)
    _, runs, seconds = train("stream_ac", "Pendulum-v1", options.seeds, options.steps)
    for seed, run in enumerate(runs):
        print(f"seed {seed}: last 20 episodes {run.last(20):7.1f}, last 100 {run.last(100):7.1f}")
    reached = sum(run.last(20) >= BAR for run in runs)
    rate = options.seeds * options.steps / seconds
    print(
        f"{reached} of {options.seeds} at {BAR:g} or more; {seconds:.0f} CPU-s in all, {rate:,.0f} learner-steps/CPU-s"
    )
    if options.picture:
        bars = {f"{BAR:g}": BAR}
        drawn = running(runs, 20)
        picture(options.picture, "Stream AC on Pendulum-v1", drawn, bars, "return, mean of 20 episodes")


if __name__ == "__main__":
    main()
