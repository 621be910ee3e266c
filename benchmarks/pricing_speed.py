"""Sessions per CPU-second of ancillary pricing, next to a published simulator.

`python benchmarks/pricing_speed.py [--device cuda] [--worlds 8192] [--seconds 3]`

The batched rows time the transition alone, all of `info` included: 50 sessions at constant prices, with customers and
contexts drawn beforehand and no observation. "Everything" adds drawing the sessions, observing and automatic reset.
Time is process time on one thread (wall time on a GPU).

pricing_gym 0.2.0 (PyPI, MIT) is timed in the same run where it is installed: `pip install pricing-gym pyyaml networkx`.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import time
from collections.abc import Callable
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

import gymnasium
import numpy as np
import torch

import scenarium  # noqa: F401  (registers the ids)
from scenarium.envs import make_model
from scenarium.envs.core.namespace import torch_namespace

PERIODS = 50
IDS = tuple(f"AncillaryPricing-{name}v0" for name in ("", "TwoSided-", "Capacity-", "Drift-", "MultiProduct-", "Trap-"))
BATCHED_BAR, SINGLE_BAR = 10e6, 40e3


class Row(NamedTuple):
    """One line of the table: a figure and the least it should be."""

    name: str
    sessions_per_second: float
    bar: float | None = None


def rate(function: Callable[[], int], seconds: float, device: str) -> float:
    """Sessions per second: the best of three runs of at least `seconds / 3`."""
    gpu = device.startswith("cuda")
    clock = time.perf_counter if gpu else time.process_time
    function()
    best = 0.0
    for _ in range(3):
        sessions, start = 0, clock()
        while clock() - start < seconds / 3:
            sessions += function()
            if gpu:
                torch.cuda.synchronize()
        best = max(best, sessions / (clock() - start))
    return best


def middle(space: Any) -> Any:
    """The middle of an action space as an array."""
    if isinstance(space, gymnasium.spaces.Discrete):
        return np.int64(space.n // 2)
    return (0.5 * (space.low + space.high)).astype(np.float32)


def batched(env_id: str, worlds: int, device: str, compiled: bool, seconds: float) -> float:
    """Sessions per second of the transition alone."""
    model, xp = make_model(env_id), torch_namespace(device)
    scenario = model.scenario(torch.arange(worlds, device=device))
    sessions = [scenario.at(t) for t in range(PERIODS)]
    start = model.initial(scenario, xp)
    one = torch.as_tensor(middle(model.action_space), device=device)
    actions = one.expand(worlds, *one.shape).clone()

    def step(state: Any, session: Any, t: torch.Tensor) -> tuple[Any, Any]:
        after, outcome = model.step(state, actions, session, t, xp)
        return after, (outcome.reward, outcome.info)

    if compiled:
        torch._dynamo.reset()
        step = torch.compile(step, fullgraph=True, dynamic=False)
    ticks = list(torch.arange(PERIODS, device=device))

    def run() -> int:
        state = start
        with torch.no_grad():
            for session, t in zip(sessions, ticks, strict=True):
                state, _ = step(state, session, t)
        return PERIODS * worlds

    return rate(run, seconds, device)


def everything(env_id: str, worlds: int, device: str, seconds: float) -> float:
    """Sessions per second of the vector environment."""
    envs = gymnasium.make_vec(env_id, num_envs=worlds, device=device)
    envs.reset(seed=0)
    one = torch.as_tensor(middle(envs.single_action_space), device=device)
    actions = one.expand(worlds, *one.shape).clone()

    def run() -> int:
        for _ in range(PERIODS):
            envs.step(actions)
        return PERIODS * worlds

    return rate(run, seconds, device)


def single(env: Any, seconds: float) -> float:
    """Sessions per second of one environment through `reset` and `step`, at one price."""
    env.reset(seed=0)
    action = middle(env.action_space)

    def run() -> int:
        for _ in range(1000):
            _, _, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                env.reset()
        return 1000

    return rate(run, seconds, "cpu")


def peer(seconds: float) -> float | None:
    """pricing_gym's toy environment in this process, if it is installed."""
    if importlib.util.find_spec("pricing_gym") is None:
        return None
    before = set(gymnasium.registry)
    importlib.import_module("pricing_gym")
    toys = [name for name in gymnasium.registry if name not in before and "Toy" in name]
    return single(gymnasium.make(toys[0], disable_env_checker=True), seconds) if toys else None


def rows(worlds: int, device: str, seconds: float) -> list[Row]:
    """All figures."""
    table = []
    for env_id in IDS:
        for mode in ("eager", "compiled"):
            value = batched(env_id, worlds, device, mode == "compiled", seconds)
            table.append(Row(f"{env_id}, transition, {mode}", value, BATCHED_BAR if env_id == IDS[0] else None))
    for env_id in (IDS[0], IDS[2]):
        table.append(Row(f"{env_id}, everything included", everything(env_id, worlds, device, seconds)))
    for env_id in IDS:
        value = single(gymnasium.make(env_id), seconds)
        table.append(Row(f"gym.make({env_id!r})", value, SINGLE_BAR if env_id == IDS[0] else None))
    found = peer(seconds)
    if found is not None:
        table.append(Row("pricing_gym toy environment, in this run", found))
    return table


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description="Sessions per CPU-second of ancillary pricing.")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--worlds", type=int, default=8192)
    parser.add_argument("--seconds", type=float, default=3.0, help="measuring time per figure")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    where = torch.cuda.get_device_name(chosen.device) if chosen.device.startswith("cuda") else "1 thread"
    print(f"{chosen.worlds} worlds, {where}, torch {torch.__version__}, numpy {np.__version__}")
    print(f"{'sessions per second':64s}{'here':>10s}{'bar':>10s}")
    for row in rows(chosen.worlds, chosen.device, chosen.seconds):
        bar = "" if row.bar is None else f"{row.bar:.3g}"
        print(f"{row.name:64s}{row.sessions_per_second:>10.3g}{bar:>10s}", flush=True)


if __name__ == "__main__":
    main()
