"""Sessions per CPU-second of ancillary pricing, next to a published simulator.

`python benchmarks/pricing_speed.py [--device cuda] [--worlds 8192] [--seconds 3]`

The batched rows time the transition alone, all of `info` included: 50 sessions at constant prices, with customers and
contexts drawn beforehand and no observation. "Everything" adds drawing the sessions, observing and automatic reset.
Time is process time on one thread (wall time on a GPU).

pricing_gym 0.2.0 (PyPI, MIT) is timed in the same run where it is installed: `pip install pricing-gym pyyaml networkx`.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np
import torch
from speed import Drawn, Row, arguments, print_table, single, transition, vector

import scenarium  # noqa: F401  (registers the ids)
from scenarium.envs import make_model

PERIODS = 50
IDS = tuple(f"AncillaryPricing-{name}v0" for name in ("", "TwoSided-", "Capacity-", "Drift-", "MultiProduct-", "Trap-"))
BATCHED_BAR, SINGLE_BAR = 10e6, 40e3


def middle(space: Any) -> Any:
    """The middle of an action space as an array."""
    if isinstance(space, gymnasium.spaces.Discrete):
        return np.int64(space.n // 2)
    return (0.5 * (space.low + space.high)).astype(np.float32)


def prices(space: Any, worlds: int, device: str) -> torch.Tensor:
    """The middle of an action space for all worlds."""
    one = torch.as_tensor(middle(space), device=device)
    return one.expand(worlds, *one.shape).clone()


def batched(env_id: str, worlds: int, device: str, compiled: bool, seconds: float) -> float:
    """Sessions per second of the transition alone, with all that `info` says."""
    model = make_model(env_id)
    step = transition(model, device, compiled, lambda outcome: (outcome.reward, outcome.info))
    drawn = Drawn(model, worlds, device, PERIODS)
    return drawn.forward(step, [prices(model.action_space, worlds, device)], seconds)


def everything(env_id: str, worlds: int, device: str, seconds: float) -> float:
    """Sessions per second of the vector environment."""
    envs = gymnasium.make_vec(env_id, num_envs=worlds, device=device)
    return vector(envs, prices(envs.single_action_space, worlds, device), PERIODS, seconds)


def one_world(env: Any, seconds: float) -> float:
    """Sessions per second of one environment at one price."""
    return single(env, seconds, middle(env.action_space))


def peer(seconds: float) -> float | None:
    """pricing_gym's toy environment in this process, if it is installed."""
    if importlib.util.find_spec("pricing_gym") is None:
        return None
    before = set(gymnasium.registry)
    importlib.import_module("pricing_gym")
    toys = [name for name in gymnasium.registry if name not in before and "Toy" in name]
    return one_world(gymnasium.make(toys[0], disable_env_checker=True), seconds) if toys else None


def rows(worlds: int, device: str, seconds: float) -> Iterator[Row]:
    """All figures."""
    for env_id in IDS:
        for mode in ("eager", "compiled"):
            value = batched(env_id, worlds, device, mode == "compiled", seconds)
            yield Row(f"{env_id}, transition, {mode}", value, BATCHED_BAR if env_id == IDS[0] else None)
    for env_id in (IDS[0], IDS[2]):
        yield Row(f"{env_id}, everything included", everything(env_id, worlds, device, seconds))
    found = peer(seconds)
    for env_id in IDS:
        value = one_world(gymnasium.make(env_id), seconds)
        bar, other = (SINGLE_BAR, found) if env_id == IDS[0] else (None, None)
        yield Row(f"gym.make({env_id!r})", value, bar, other)


def main() -> None:
    """Prints the table."""
    chosen = arguments("Sessions per CPU-second of ancillary pricing.", 8192).parse_args()
    torch.set_num_threads(1)
    print_table(rows(chosen.worlds, chosen.device, chosen.seconds), chosen.worlds, chosen.device)


if __name__ == "__main__":
    main()
