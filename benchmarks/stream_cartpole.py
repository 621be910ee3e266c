"""Stream Q(lambda) on CartPole-v1: returns while learning, episodes capped at 500 steps.

    python benchmarks/stream_cartpole.py
    python benchmarks/stream_cartpole.py --picture docs/images/stream_cartpole.png

Five seeds, 100,000 steps each; the bar is a mean of at least 400 over the last 100 episodes in at least four of them.
The paper's own CartPole caps episodes at 10,000 steps; its returns are not comparable.
"""

from __future__ import annotations

import argparse

import torch
from curves import picture
from stream_curves import running, train

BAR = 400.0


def main() -> None:
    """Prints a line per seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agent", default="stream_q", choices=["stream_q", "stream_sarsa", "stream_ac"])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--picture")
    options = parser.parse_args()
    torch.set_num_threads(1)
    _, runs, seconds = train(options.agent, "CartPole-v1", options.seeds, options.steps)
    for seed, run in enumerate(runs):
        print(f"seed {seed}: last 100 episodes {run.last(100):6.1f}, {len(run.returns)} episodes")
    reached = sum(run.last(100) >= BAR for run in runs)
    rate = options.seeds * options.steps / seconds
    print(
        f"{reached} of {options.seeds} at {BAR:g} or more; {seconds:.0f} CPU-s in all, {rate:,.0f} learner-steps/CPU-s"
    )
    if options.picture:
        bars = {f"{BAR:g}": BAR}
        drawn = running(runs, 100)
        picture(options.picture, f"{options.agent} on CartPole-v1", drawn, bars, "return, mean of 100 episodes")


if __name__ == "__main__":
    main()
