"""Draws a trained policy: as a map over the stock plane beside the dynamic program's, and an episode it plays.

    scenarium train Fishery-v0 hdpo --seeds 0 --out runs/hdpo
    python benchmarks/fishery_pictures.py runs/hdpo/seed_0 --policies policies.png --episode episode.png

The map needs the dynamic program's table of the fishery, which is shipped for Models 1 to 4.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from scenarium.agents import HDPO
from scenarium.baselines import make_baseline
from scenarium.envs.core.canvas import write_png
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.rollout import unroll
from scenarium.envs.fishery.model import Fishery
from scenarium.envs.fishery.picture import draw_policies
from scenarium.envs.fishery.render import draw_episode


def main() -> None:
    """Writes the pictures that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="folder of a trained HDPO agent")
    parser.add_argument("--policies", type=Path, help="PNG of the maps to write")
    parser.add_argument("--episode", type=Path, help="PNG of the episode to write")
    parser.add_argument("--year", type=int, default=100, help="year of the maps")
    parser.add_argument("--predator", type=float, default=0.4, help="stock of Z in the maps")
    parser.add_argument("--seed", type=int, default=5, help="world of the episode")
    chosen = parser.parse_args()
    agent = HDPO.load(chosen.run)
    model = agent.model
    if not isinstance(model, Fishery):
        raise ScenariumError(f"{chosen.run} was not trained on a fishery")
    if chosen.policies is not None:
        optimum = make_baseline("dp_timed" if model.time_observed else "dp_stationary", model)
        policies = {"HDPO": agent, "dynamic program": optimum}
        write_png(chosen.policies, draw_policies(model, policies, t=chosen.year, predator=chosen.predator))
    if chosen.episode is not None:
        moments = unroll(model, model.scenario(chosen.seed), lambda seen, _, t: (agent.predict(seen)[0], None))
        write_png(chosen.episode, draw_episode(model, list(moments)))


if __name__ == "__main__":
    main()
