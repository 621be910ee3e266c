"""Environment steps per CPU-second of the inventory networks, next to published code measured on the same kind of CPU.

`python benchmarks/inventory_speed.py [--device cuda] [--worlds 8192] [--seconds 3]`

The batched rows time the transition alone (demand drawn beforehand, no observation): 50 steps with constant orders,
without gradients, then with one backward pass through all of them. "Everything" adds drawing demand, observing and
automatic reset. Time is process time on one thread (wall time on a GPU).

Reference figures: the simulator of Alvo et al. (github.com/MatiasAlvo/Neural_inventory_control), which does not ration,
and gym-invmgmt 0.2.1, both on one thread of an AMD EPYC. gym-invmgmt is also timed in the same run where it is
installed (`pip install gym-invmgmt`).
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
from scenarium.envs.core.model import Model
from scenarium.envs.core.namespace import torch_namespace
from scenarium.envs.core.tree import tree_map

PERIODS = 50
ONE_STORE, NETWORK = "InventoryNet-OneStoreLost-v0", "InventoryNet-v0"


class Row(NamedTuple):
    """One line of the table: a figure, the least it should be, and a peer's (both optional)."""

    name: str
    steps_per_second: float
    bar: float | None = None
    peer: float | None = None


BARS: dict[tuple[str, str], tuple[float, float]] = {
    (ONE_STORE, "eager"): (60e6, 20e6),
    (ONE_STORE, "compiled"): (60e6, 20e6),
    (NETWORK, "eager"): (8e6, 4e6),
    (NETWORK, "compiled"): (30e6, 5e6),
}
PEERS = {ONE_STORE: (21.8e6, 8.1e6), NETWORK: (4.4e6, 2.3e6)}
PEER_SINGLE = 5.9e3


def rate(function: Callable[[], int], seconds: float, device: str) -> float:
    """Steps per second: the best of three runs of at least `seconds / 3`; `function` returns the steps it made."""
    gpu = device.startswith("cuda")
    clock = time.perf_counter if gpu else time.process_time
    function()
    best = 0.0
    for _ in range(3):
        steps, start = 0, clock()
        while clock() - start < seconds / 3:
            steps += function()
            if gpu:
                torch.cuda.synchronize()
        best = max(best, steps / (clock() - start))
    return best


def transition(model: Model, device: str, compiled: bool) -> Callable[..., Any]:
    """The step as a function of tensors alone."""
    xp = torch_namespace(device)

    def step(state: Any, action: torch.Tensor, demand: torch.Tensor, t: torch.Tensor) -> tuple[Any, torch.Tensor]:
        after, outcome = model.step(state, action, demand, t, xp)
        return after, outcome.reward

    if not compiled:
        return step
    torch._dynamo.reset()
    compiled_step: Callable[..., Any] = torch.compile(step, fullgraph=True, dynamic=False)
    return compiled_step


def batched(env_id: str, worlds: int, device: str, compiled: bool, seconds: float) -> tuple[float, float]:
    """Forward, and forward plus backward, steps per second of `worlds` worlds."""
    model = make_model(env_id, action_mode="quantity")
    scenario = model.scenario(torch.arange(worlds, device=device))
    xp = torch_namespace(device)
    start = tree_map(torch.Tensor.contiguous, model.initial(scenario, xp))
    demands = [scenario.at(t).clone() for t in range(PERIODS)]
    ticks = list(torch.arange(PERIODS, device=device))
    step = transition(model, device, compiled)
    mean = torch.as_tensor(model.action_mean, dtype=torch.float32, device=device)  # type: ignore[attr-defined]
    orders = mean.expand(worlds, -1).clone()

    def forward() -> int:
        state = start
        with torch.no_grad():
            for demand, t in zip(demands, ticks, strict=True):
                state, _ = step(state, orders, demand, t)
        return PERIODS * worlds

    scale = torch.ones((), device=device, requires_grad=True)

    def forward_backward() -> int:
        state, total = start, torch.zeros((), device=device)
        action = orders * scale
        for demand, t in zip(demands, ticks, strict=True):
            state, reward = step(state, action, demand, t)
            total = total + reward.sum()
        scale.grad = None
        torch.autograd.backward(total)
        return PERIODS * worlds

    return rate(forward, seconds, device), rate(forward_backward, seconds, device)


def everything(env_id: str, worlds: int, device: str, seconds: float) -> float:
    """Steps per second of the vector environment: demand, observation and automatic reset included."""
    envs = gymnasium.make_vec(env_id, num_envs=worlds, device=device)
    envs.reset(seed=0)
    actions = torch.zeros((worlds, *envs.single_action_space.shape), device=device)  # type: ignore[misc]

    def run() -> int:
        for _ in range(PERIODS):
            envs.step(actions)
        return PERIODS * worlds

    return rate(run, seconds, device)


def single(env: Any, seconds: float) -> float:
    """Steps per second of one environment through `reset` and `step`, with one fixed action."""
    env.reset(seed=0)
    env.action_space.seed(0)
    action = env.action_space.sample()

    def run() -> int:
        for _ in range(1000):
            _, _, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                env.reset()
        return 1000

    return rate(run, seconds, "cpu")


def peer(seconds: float) -> float | None:
    """gym-invmgmt's multi-echelon environment in this process, if it is installed."""
    if importlib.util.find_spec("gym_invmgmt") is None:
        return None
    importlib.import_module("gym_invmgmt")
    ids = [name for name in gymnasium.registry if "MultiEchelon" in name]
    return single(gymnasium.make(ids[0]), seconds)


def rows(worlds: int, device: str, seconds: float) -> list[Row]:
    """All figures."""
    table = []
    for env_id in (ONE_STORE, NETWORK):
        for mode in ("eager", "compiled"):
            rates = batched(env_id, worlds, device, mode == "compiled", seconds)
            for what, value, bar, other in zip(
                ("forward", "forward + backward"), rates, BARS[env_id, mode], PEERS[env_id], strict=True
            ):
                table.append(Row(f"{env_id}, {mode}, {what}", value, bar, other))
    for env_id in (ONE_STORE, NETWORK):
        table.append(Row(f"{env_id}, everything included", everything(env_id, worlds, device, seconds)))
    table.append(Row(f"gym.make({NETWORK!r})", single(gymnasium.make(NETWORK), seconds), 40e3, PEER_SINGLE))
    found = peer(seconds)
    if found is not None:
        table.append(Row("gym-invmgmt multi-echelon, in this run", found))
    return table


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description="Environment steps per CPU-second of the inventory networks.")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--worlds", type=int, default=8192)
    parser.add_argument("--seconds", type=float, default=3.0, help="measuring time per figure")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    where = torch.cuda.get_device_name(chosen.device) if chosen.device.startswith("cuda") else "1 thread"
    print(f"{chosen.worlds} worlds, {where}, torch {torch.__version__}, numpy {np.__version__}")
    print(f"{'steps per second':64s}{'here':>10s}{'bar':>10s}{'peer':>10s}{'ratio':>8s}")
    for row in rows(chosen.worlds, chosen.device, chosen.seconds):
        bar = "" if row.bar is None else f"{row.bar:.3g}"
        other = "" if row.peer is None else f"{row.peer:.3g}"
        ratio = "" if row.peer is None else f"{row.steps_per_second / row.peer:.1f}x"
        print(f"{row.name:64s}{row.steps_per_second:>10.3g}{bar:>10s}{other:>10s}{ratio:>8s}", flush=True)


if __name__ == "__main__":
    main()
