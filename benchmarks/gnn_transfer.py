"""A graph policy trained on five stores plays twenty, beside one trained on twenty for the same CPU time.

    python benchmarks/gnn_transfer.py [--train 5] [--play 20] [--seconds 240] [--seeds 0 1 2]

The weights are loaded unchanged: they do not depend on the number of stores. Costs are per store and period over a
long run of one warehouse and the larger number of stores, the first periods ignored. One thread. Alvo et al. (arXiv
2306.11246) publish 5.90 for a graph policy trained on twenty stores with 8,192 scenarios, and 5.96 with 128.
"""

from __future__ import annotations

import argparse
import os
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from common import long_run_cost
from hdpo_inventory import Row, train

from scenarium.agents import HDPO
from scenarium.envs import make_model
from scenarium.envs.inventory.network import Network

ENV_ID = "InventoryNet-OneWarehouse-v0"


def trained(stores: int, slots: int, seconds: float, seed: int) -> tuple[HDPO, float]:
    """An agent trained on so many stores, and the CPU-seconds it took."""
    config = {"policy_kwargs": {"slots": slots}}
    row = Row(ENV_ID, "gnn", seconds, float("inf"), "", "", kwargs={"n": stores}, config=config)
    return train(row, seed)


def common_slots(*stores: int) -> int:
    """Inventory slots that suffice for networks of all these sizes."""
    networks: list[Network] = [getattr(make_model(ENV_ID, n=n), "network") for n in stores]  # noqa: B009
    return max(network.slots for network in networks)


def cost(agent: HDPO, stores: int, options: argparse.Namespace) -> tuple[float, float]:
    """Long-run cost of an agent's weights on so many stores, and its standard error."""
    playing = HDPO(ENV_ID, "gnn", env_kwargs={"n": stores}, policy_kwargs=agent.policy_kwargs, device="cpu")
    playing.policy.load_state_dict(agent.policy.state_dict())

    def act(observation: Any, memory: Any, t: int) -> tuple[Any, Any]:
        return playing.predict(observation)

    return long_run_cost(playing.model, act, options.worlds, options.periods, options.warm_up, options.block)


def main() -> None:
    """Prints a line per seed and training size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", type=int, default=5, help="stores to train on")
    parser.add_argument("--play", type=int, default=20, help="stores to play")
    parser.add_argument("--seconds", type=float, default=240.0, help="training budget of each agent, CPU-seconds")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--worlds", type=int, default=2048)
    parser.add_argument("--periods", type=int, default=500)
    parser.add_argument("--warm-up", type=int, default=300)
    parser.add_argument("--block", type=int, default=512)
    options = parser.parse_args()
    torch.set_num_threads(1)
    slots = common_slots(options.train, options.play)
    for seed in options.seeds:
        for stores in (options.train, options.play):
            agent, taken = trained(stores, slots, options.seconds, seed)
            mean, error = cost(agent, options.play, options)
            print(
                f"seed {seed}: trained on {stores} stores for {taken:.0f} CPU-s ({agent.iterations} gradient steps),"
                f" plays {options.play} at {mean:.4f} +- {error:.4f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
