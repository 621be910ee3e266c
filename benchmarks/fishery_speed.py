"""Environment steps per CPU-second of the fishery (Model 3), beside the paper's own environment in the same run.

    python benchmarks/fishery_speed.py [--device cuda] [--worlds 8192] [--seconds 3] [--peer CLONE]

The batched rows time the transition alone (noise drawn beforehand, no observation): 50 years at a constant mortality,
without gradients, then with one backward pass through all of them. The vector environment is timed with automatic
reset and observations, once with the noise drawn beforehand and once with everything included. Time is process time on
one thread (wall time on a GPU).

CLONE is a checkout of the code of arXiv 2308.13654
(`git clone https://github.com/boettiger-lab/approx-model-or-approx-soln`). Its environment is timed as it stands: the
published parameters, the same actions, and a reset after 200 years or at the end of the world.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import gymnasium
import numpy as np
import torch
from inventory_speed import Row, rate, transition

import scenarium  # noqa: F401  (registers the ids)
from scenarium.envs import make_model
from scenarium.envs.core.namespace import torch_namespace
from scenarium.envs.core.tree import tree_map
from scenarium.envs.core.vector import ScenariumVectorEnv

ENV_ID = "Fishery-v0"
YEARS, MORTALITY = 50, 0.2
BARS = {"eager": (30e6, 8e6), "compiled": (60e6, 18e6)}


def batched(worlds: int, device: str, compiled: bool, seconds: float) -> tuple[float, float]:
    """Forward, and forward plus backward, steps per second of `worlds` worlds."""
    model, xp = make_model(ENV_ID), torch_namespace(device)
    scenario = model.scenario(torch.arange(worlds, device=device))
    start = tree_map(torch.Tensor.contiguous, model.initial(scenario, xp))
    noise = [tree_map(torch.Tensor.clone, scenario.at(t)) for t in range(YEARS)]
    ticks = list(torch.arange(YEARS, device=device))
    step = transition(model, device, compiled)
    mortality = torch.full((worlds, 2), MORTALITY, device=device)

    def forward() -> int:
        state = start
        with torch.no_grad():
            for shock, t in zip(noise, ticks, strict=True):
                state, _ = step(state, mortality, shock, t)
        return YEARS * worlds

    scale = torch.ones((), device=device, requires_grad=True)

    def forward_backward() -> int:
        state, total = start, torch.zeros((), device=device)
        action = mortality * scale
        for shock, t in zip(noise, ticks, strict=True):
            state, reward = step(state, action, shock, t)
            total = total + reward.sum()
        scale.grad = None
        torch.autograd.backward(total)
        return YEARS * worlds

    return rate(forward, seconds, device), rate(forward_backward, seconds, device)


class DrawnBeforehand:
    """A scenario whose noise repeats a few years drawn once, to time a vector environment without the drawing."""

    def __init__(self, scenario: Any) -> None:
        self._scenario = scenario
        self._years = [tree_map(torch.Tensor.clone, scenario.at(t)) for t in range(YEARS)]
        self._next = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._scenario, name)

    def at(self, t: Any) -> Any:
        """The next of the years, whatever the period."""
        self._next = (self._next + 1) % YEARS
        return self._years[self._next]


def vector(worlds: int, device: str, seconds: float, drawn: bool) -> float:
    """Steps per second of the vector environment, automatic reset and observation included."""
    model = make_model(ENV_ID)
    if drawn:
        kept: list[DrawnBeforehand] = []
        make = model.scenario

        def scenario(seeds: Any) -> Any:
            kept[:] = kept or [DrawnBeforehand(make(seeds))]
            kept[0]._scenario = make(seeds)
            return kept[0]

        def renew(scenario: Any, seeds: Any, mask: Any) -> Any:
            scenario._scenario = type(model).renew(model, scenario._scenario, seeds, mask)
            return scenario

        model.scenario, model.renew = scenario, renew  # type: ignore[method-assign]
    envs = ScenariumVectorEnv(model, worlds, device=device)
    envs.reset(seed=0)
    actions = torch.full((worlds, 2), MORTALITY, device=device)

    def run() -> int:
        for _ in range(YEARS):
            envs.step(actions)
        return YEARS * worlds

    return rate(run, seconds, device)


def single(env: Any, seconds: float) -> float:
    """Steps per second of one environment with a fixed action, started anew at its end or after 200 years."""
    env.reset(seed=0)
    action = np.full(2, MORTALITY, np.float32)

    def run() -> int:
        years = 0
        for _ in range(2000):
            _, _, terminated, truncated, _ = env.step(action)
            years += 1
            if terminated or truncated or years == 200:
                env.reset()
                years = 0
        return 2000

    return rate(run, seconds, "cpu")


def peer(clone: Path) -> Any:
    """The paper's environment of Model 3, from a checkout of its code."""

    def load(name: str, path: str) -> Any:
        spec = importlib.util.spec_from_file_location(name, clone / "src" / path)
        if spec is None or spec.loader is None or not (clone / "src" / path).is_file():
            raise SystemExit(f"{clone} has no src/{path}; see this file's first lines for what to clone")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    numbers = load("peer_parameters", "parameters.py").parameters()
    config = {
        "parameters": numbers.parameters(),
        "growth_fn": load("peer_growth", "envs/growth_functions.py").default_population_growth,
        "initial_pop": numbers.init_state(),
    }
    return load("peer_fishing", "envs/two_three_fishing.py").twoThreeFishing(config)


def rows(worlds: int, device: str, seconds: float, clone: Path | None) -> list[Row]:
    """All figures."""
    table = []
    for mode, bars in BARS.items():
        rates = batched(worlds, device, mode == "compiled", seconds)
        for what, value, bar in zip(("forward", "forward + backward"), rates, bars, strict=True):
            table.append(Row(f"{mode}, {what}", value, bar))
    table.append(Row("vector environment, noise drawn beforehand", vector(worlds, device, seconds, True), 15e6))
    table.append(Row("vector environment, everything included", vector(worlds, device, seconds, False)))
    found = None if clone is None else single(peer(clone), seconds)
    bar = None if found is None else 2.0 * found
    table.append(Row(f"gym.make({ENV_ID!r})", single(gymnasium.make(ENV_ID), seconds), bar, found))
    return table


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description="Environment steps per CPU-second of the fishery.")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--worlds", type=int, default=8192)
    parser.add_argument("--seconds", type=float, default=3.0, help="measuring time per figure")
    parser.add_argument("--peer", type=Path, help="checkout of boettiger-lab/approx-model-or-approx-soln")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    where = torch.cuda.get_device_name(chosen.device) if chosen.device.startswith("cuda") else "1 thread"
    print(f"{ENV_ID}, {chosen.worlds} worlds, {where}, torch {torch.__version__}, numpy {np.__version__}")
    print(f"{'steps per second':56s}{'here':>10s}{'bar':>10s}{'peer':>10s}{'ratio':>8s}")
    for row in rows(chosen.worlds, chosen.device, chosen.seconds, chosen.peer):
        bar = "" if row.bar is None else f"{row.bar:.3g}"
        other = "" if row.peer is None else f"{row.peer:.3g}"
        ratio = "" if row.peer is None else f"{row.steps_per_second / row.peer:.2f}x"
        print(f"{row.name:56s}{row.steps_per_second:>10.3g}{bar:>10s}{other:>10s}{ratio:>8s}", flush=True)


if __name__ == "__main__":
    main()
