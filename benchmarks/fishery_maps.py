"""Draws a trained policy as a map over the stock plane, beside the dynamic program's for the same information.

    scenarium train Fishery-v0 hdpo --seeds 0 --out runs/hdpo
    python benchmarks/fishery_maps.py runs/hdpo/seed_0 --out docs/images/fishery_policies.png

Needs the dynamic program's table of the fishery, which is shipped for Models 1 to 4.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

from matplotlib.image import imsave

from scenarium.agents import HDPO
from scenarium.baselines import make_baseline
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.files import write_atomic
from scenarium.envs.fishery.model import Fishery
from scenarium.envs.fishery.picture import draw_policies


def main() -> None:
    """Writes the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="folder of a trained HDPO agent")
    parser.add_argument("--out", type=Path, required=True, help="PNG to write")
    parser.add_argument("--year", type=int, default=100)
    parser.add_argument("--predator", type=float, default=0.4, help="stock of Z")
    chosen = parser.parse_args()
    agent = HDPO.load(chosen.run)
    model = agent.model
    if not isinstance(model, Fishery):
        raise ScenariumError(f"{chosen.run} was not trained on a fishery")
    optimum = make_baseline("dp_timed" if model.time_observed else "dp_stationary", model)
    policies = {"HDPO": agent, "dynamic program": optimum}
    picture = draw_policies(model, policies, t=chosen.year, predator=chosen.predator)
    buffer = io.BytesIO()
    imsave(buffer, picture, format="png")
    write_atomic(chosen.out, buffer.getvalue())


if __name__ == "__main__":
    main()
