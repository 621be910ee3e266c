"""R2D2 with retrieval from its own replay, beside R2D2 of equal size, where part of the state is hidden.

    python benchmarks/retrieval_r2d2.py                  # fishery with falling growth, retail with hidden seasons
    python benchmarks/retrieval_r2d2.py Fishery-V0Drift-v0 --seeds 5 --picture curves.png

Returns of the greedy policy on held-out worlds, mean and 95 % interval over seeds (Student's t). R2D2 is widened until
it has as many parameters. Choices are those of PQN's preset. Time is CPU time of training, on one thread.
"""

from __future__ import annotations

import argparse
from typing import Any

import torch
from curves import Curve, Panel, bands, follow
from retrieval_tasks import interval

from scenarium.agents import R2D2, RAR2D2
from scenarium.agents.core.evaluation import world_rewards
from scenarium.agents.core.presets import preset
from scenarium.agents.networks.values import RecurrentQNetwork
from scenarium.agents.retrieval.network import count_parameters, widened
from scenarium.envs.core.rollout import MaskedAct

HELD_OUT = 9_000_000
POINTS = 4
LEARNING: dict[str, Any] = {
    "num_envs": 16, "steps": 20, "window": 10, "burn_in": 5, "updates": 4, "batch_size": 16, "epsilon_end": 0.1,
    "learning_starts": 32, "target_period": 100, "learning_rate": "linear 0.001", "gamma": 0.97, "device": "cpu",
}  # fmt: skip
CHANGES: dict[str, dict[str, Any]] = {"InventoryNet-RetailWeekly-v0": {"reward_scale": 0.001}}
"""What an id needs otherwise: weekly profits are thousands."""


def measure(agent: Any, worlds: int) -> float:
    """Mean return over whole episodes."""
    seeds = torch.arange(HELD_OUT, HELD_OUT + worlds)
    act = MaskedAct(lambda seen, memory, t, mask: agent._act(seen, memory, True, mask))
    return float(world_rewards(agent.model, act, seeds).mean()) * agent.model.horizon


def make(name: str, env_id: str, seed: int) -> R2D2:
    """An agent by its name; R2D2 as large as the one that retrieves."""
    known = preset("pqn", env_id, "mlp")
    settings = {**LEARNING, **{key: known[key] for key in ("menu", "levels", "reward_scale") if key in known}}
    settings |= CHANGES.get(env_id, {})
    retrieving = RAR2D2(env_id, seed=seed, policy_kwargs={"hidden": (64, 64)}, **settings)
    if name == "ra_r2d2":
        return retrieving
    space, shape = retrieving.model.roles[0].observation_space, retrieving._grid.shape
    size = count_parameters(retrieving.network)
    width = widened(lambda n: RecurrentQNetwork(space, shape, None, (n, n)), size)
    return R2D2(env_id, seed=seed, policy_kwargs={"hidden": (width, width)}, **settings)


def main() -> None:
    """Prints a row per agent and id."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ids", nargs="*", default=["Fishery-Model4-v0", "InventoryNet-RetailWeekly-v0"], metavar="id")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=60_000)
    parser.add_argument("--worlds", type=int, default=100)
    parser.add_argument("--picture", help="learning curves to write")
    options = parser.parse_args()
    torch.set_num_threads(1)
    panels = []
    for env_id in options.ids:
        runs: dict[str, list[Curve]] = {}
        for name in ("r2d2", "ra_r2d2"):
            curves = runs.setdefault(name, [])
            for seed in range(options.seeds):
                agent = make(name, env_id, seed)
                every = options.steps // POINTS
                curves.append(follow(agent, options.steps, every, lambda agent: measure(agent, options.worlds)))
            last, size = interval([curve.values[-1] for curve in curves]), count_parameters(agent.network)
            seconds = sum(curve.cpu_seconds for curve in curves) / len(curves)
            for curve in curves:
                print("   ", *(f"{value:.1f}" for value in curve.values))
            print(f"{env_id} {name:8} {last}  {size:,} parameters, {seconds:.0f} CPU-s a seed", flush=True)
        values = {name: [curve.values for curve in curves] for name, curves in runs.items()}
        panels.append(Panel(env_id, runs["r2d2"][0].steps, values, {}))
    if options.picture:
        bands(options.picture, panels, f"return, {options.worlds} worlds", "environment steps")


if __name__ == "__main__":
    main()
