"""What HDPO reaches in a budget of CPU-seconds, beside the optimum, the bound and the published peer.

    python benchmarks/hdpo_inventory.py                   # every row, 3 seeds, long-run costs
    python benchmarks/hdpo_inventory.py one_store_60 --seeds 0 --worlds 1024 --periods 1000 --warm-up 600

One thread. Training time is the process's CPU time, calibrated on the first gradient steps so that the schedule ends
inside the budget; the seconds used are printed. Costs are per store and period, measured over a long run with the
first periods ignored, orders rounded where demand is Poisson. Peer figures: the published code of Alvo et al. run on
the same kind of machine (one thread, CPU-seconds).
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, field
from typing import Any

import torch
from common import long_run_cost

from scenarium.agents import HDPO
from scenarium.envs import make_model


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        env_id: Environment.
        kwargs: Its keyword arguments.
        policy: Policy name.
        seconds: Training budget, CPU-seconds.
        bar: Cost to reach.
        target: What is provably or presumably best, and its name.
        peer: What the published code reached, and in which time.
        config: Config fields over the preset.
    """

    env_id: str
    policy: str
    seconds: float
    bar: float
    target: str
    peer: str
    kwargs: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)


_STORE, _SERIAL, _NET = "InventoryNet-OneStoreLost-v0", "InventoryNet-Serial-v0", "InventoryNet-v0"
ROWS = {
    "one_store_60": Row(_STORE, "mlp", 60, 6.87, "optimum 6.8360", "6.854 at 98 s"),
    "one_store_150": Row(_STORE, "mlp", 150, 6.85, "optimum 6.8360", "6.854 at 98 s"),
    "serial": Row(_SERIAL, "mlp", 115, 10.89, "optimum 10.7339", "11.0, repaired 10.89, at 115 s"),
    "one_warehouse_mlp": Row(_NET, "mlp", 180, 5.31, "best published 5.26", "5.305 at 180 s"),
    "one_warehouse_gnn": Row(_NET, "gnn", 240, 5.40, "best published 5.26", "5.454 at 245 s"),
    "transshipment": Row("InventoryNet-Transshipment-v0", "mlp", 110, 5.40, "bound 5.2964", "5.41-5.44 at 110 s"),
}
WARM = 20
"""Gradient steps that calibrate the time per step."""


def train(row: Row, seed: int) -> tuple[HDPO, float]:
    """An agent trained within the row's budget, and the CPU-seconds it took, set-up and selection included."""
    start = time.process_time()
    probe = HDPO(row.env_id, row.policy, seed=seed, device="cpu", env_kwargs=row.kwargs, **row.config)
    per_iteration = probe.config.batch_size * (probe.config.horizon or probe.model.horizon)
    begun = time.process_time()
    probe.learn(per_iteration * WARM)
    per_step = (time.process_time() - begun) / WARM
    left = row.seconds * 0.93 - (time.process_time() - start)
    # Every dev_every gradient steps the development worlds are played once; the probe saw one such evaluation.
    steps = max(1, int(left / per_step))
    agent = HDPO(row.env_id, row.policy, seed=seed, device="cpu", env_kwargs=row.kwargs, **row.config)
    agent.learn(per_iteration * steps)
    return agent, time.process_time() - start


def measure(agent: HDPO, row: Row, options: argparse.Namespace) -> tuple[float, float]:
    """Long-run cost and its standard error."""
    rounding = getattr(agent.model, "demand").integer  # noqa: B009
    model = make_model(row.env_id, **{**row.kwargs, "rounding": rounding})

    def act(observation: Any, memory: Any, t: int) -> tuple[Any, Any]:
        return agent.predict(observation)

    return long_run_cost(model, act, options.worlds, options.periods, options.warm_up, options.block)


def main() -> None:
    """Prints a line per row and seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", default=list(ROWS), choices=[*ROWS, []], metavar="row", help=", ".join(ROWS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--worlds", type=int, default=8192)
    parser.add_argument("--periods", type=int, default=5000)
    parser.add_argument("--warm-up", type=int, default=3000)
    parser.add_argument("--block", type=int, default=1024)
    options = parser.parse_args()
    torch.set_num_threads(1)
    for name in options.rows:
        row = ROWS[name]
        for seed in options.seeds:
            agent, seconds = train(row, seed)
            cost, error = measure(agent, row, options)
            verdict = "met" if cost <= row.bar else "missed"
            print(
                f"{name} seed {seed}: cost {cost:.4f} +- {error:.4f} after {seconds:.0f} CPU-s"
                f" (bar {row.bar} in {row.seconds:.0f} s: {verdict}; {row.target}; peer {row.peer})",
                flush=True,
            )


if __name__ == "__main__":
    main()
