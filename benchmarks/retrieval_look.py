"""What DQN with retrieval looks at, on a single store with lost sales: the query, the trajectories, the attention.

    python benchmarks/retrieval_look.py --picture docs/images/retrieval_look.png

It learns from recordings of the tuned base-stock policy and worse ones, and decides in the tenth period of a world.
"""

from __future__ import annotations

import argparse
import tempfile

import torch

from scenarium.agents import RADQN
from scenarium.agents.data.tasks import task_set
from scenarium.agents.retrieval.look import look, picture
from scenarium.envs.core.rollout import unroll


def main() -> None:
    """Trains, decides, draws."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--picture", default="docs/images/retrieval_look.png")
    parser.add_argument("--steps", type=int, default=40_000)
    options = parser.parse_args()
    torch.set_num_threads(1)
    task = task_set("inventory-10")[1]
    with tempfile.TemporaryDirectory() as folder:
        task.record(240).save(folder)
        settings = {"reward_scale": 0.05, "gamma": 0.95, "levels": 9, "span": 50, "bottleneck_weight": 0.01}
        agent = RADQN(task.model(), dataset=folder, device="cpu", **settings).learn(options.steps)
        model = agent.model
        moments = list(unroll(model, model.scenario(1_000_000), lambda seen, m, t: agent.predict(seen, m), 11))
        found = look(agent, moments[10].observation)
    names = ["on hand", *(f"arrives in {i + 1}" for i in range(len(found.query) - 1))]
    picture(found, options.picture, names)
    print(f"{task.name}: cost {-agent.mean_reward(range(1_000_000, 1_000_100)):.2f} a period -> {options.picture}")


if __name__ == "__main__":
    main()
