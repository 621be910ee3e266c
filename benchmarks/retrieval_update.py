"""CPU time and floating-point operations of one gradient step of DQN with retrieval, beside DQN.

    python benchmarks/retrieval_update.py              # the paper's sizes and the small preset
    python benchmarks/retrieval_update.py --device cuda

The paper's sizes: 256 states, 64 trajectories of 50 steps, units of 256, 4 slots; what is timed is drawing nothing, the
loss, its gradient, clipping and Adam, on random data of 11
features and 7 actions. Operations are those of matrix products, as `torch.utils.flop_counter` counts them.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from torch.utils.flop_counter import FlopCounterMode

from scenarium.agents import DQN, RADQN, RADQNConfig
from scenarium.agents.core.adam import adam_rates
from scenarium.agents.retrieval.network import count_parameters
from scenarium.agents.retrieval.store import Store

SMALL: dict[str, Any] = {
    "batch_size": 64, "trajectories": 16, "span": 25, "slots": 2, "slot_width": 64, "summary_width": 64,
    "key_width": 64, "k_trajectories": 5, "k_states": 5,
}  # fmt: skip
SIZES: dict[str, tuple[type[DQN], dict[str, Any], int]] = {
    "DQN, paper": (DQN, {}, 256),
    "RA-DQN, paper": (RADQN, {}, 256),
    "RA-DQN, paper, by return": (RADQN, {"select": "return"}, 256),
    "RA-DQN, paper, own target": (RADQN, {"target_summaries": "own"}, 256),
    "RA-DQN, small": (RADQN, SMALL, 64),
}


class Blank(gymnasium.Env[Any, Any]):
    """The spaces of the grid world of the paper, and nothing behind them."""

    observation_space = spaces.Box(-1.0, 1.0, (11,), np.float32)
    action_space = spaces.Discrete(7)


def prepared(kind: type[DQN], settings: dict[str, Any], hidden: int, device: str) -> tuple[DQN, Store]:
    """An agent and random episodes of 50 steps."""
    defaults = RADQNConfig(learning_rate=3e-4, **settings) if kind is RADQN else None
    chosen = defaults or kind.config_class(learning_rate=3e-4)
    agent = kind(Blank(), config=chosen, device=device, policy_kwargs={"hidden": (hidden, hidden)})
    store, generator = Store(16, 500, agent.device), torch.Generator(device).manual_seed(0)
    for t in range(500):
        seen, after = torch.rand((2, 16, 11), generator=generator, device=device)
        last = torch.full((16,), t % 50 == 49, device=device)
        choice = torch.randint(7, (16, 1), generator=generator, device=device)
        reward = torch.rand(16, generator=generator, device=device)
        row = {"seen": seen, "choice": choice, "reward": reward, "after": after, "after_mask": None}
        store.add({**row, "ended": torch.zeros_like(last), "last": last})
    return agent, store


def measure(name: str, device: str, repeats: int) -> None:
    """Prints a row."""
    kind, settings, hidden = SIZES[name]
    agent, store = prepared(kind, settings, hidden, device)
    rate = torch.tensor(adam_rates(1000, 3e-4), device=device)
    batch = agent._draw(store)
    agent._learner.update(rate, *batch)
    with FlopCounterMode(display=False) as counter:
        agent._learner.update(rate, *batch)
    times = []
    for _ in range(repeats):
        batch = agent._draw(store)
        start = time.process_time() if device == "cpu" else _synchronised()
        agent._learner.update(rate, *batch)
        times.append((time.process_time() if device == "cpu" else _synchronised()) - start)
    count, best = count_parameters(agent.network), float(np.median(times))
    print(
        f"{name:30} {1e3 * best:8.1f} ms {counter.get_total_flops() / 1e9:8.2f} GFLOP {count:10,} parameters",
        flush=True,
    )


def _synchronised() -> float:
    torch.cuda.synchronize()
    return time.perf_counter()


def main() -> None:
    """Prints a row per size: median CPU-milliseconds (wall-clock on CUDA) over the repeats."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    for name in SIZES:
        measure(name, options.device, options.repeats if "paper" in name else 4 * options.repeats)


if __name__ == "__main__":
    main()
