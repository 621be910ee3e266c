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

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import torch
from speed import Drawn, Row, arguments, print_table, single, transition, vector

import scenarium  # noqa: F401  (registers the ids)
from scenarium.envs import make_model
from scenarium.envs.core.tree import tree_map
from scenarium.envs.core.vector import ScenariumVectorEnv

ENV_ID = "Fishery-v0"
YEARS, MORTALITY = 50, 0.2
BARS = {"eager": (30e6, 8e6), "compiled": (60e6, 18e6)}


def batched(worlds: int, device: str, compiled: bool, seconds: float) -> tuple[float, float]:
    """Forward, and forward plus backward, steps per second of `worlds` worlds."""
    model = make_model(ENV_ID)
    drawn, step = Drawn(model, worlds, device, YEARS), transition(model, device, compiled)
    mortality = [torch.full((worlds, 2), MORTALITY, device=device)]
    return drawn.forward(step, mortality, seconds), drawn.backward(step, mortality, seconds)


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


def worlds_with_resets(worlds: int, device: str, seconds: float, drawn: bool) -> float:
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
    return vector(envs, torch.full((worlds, 2), MORTALITY, device=device), YEARS, seconds)


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


def rows(worlds: int, device: str, seconds: float, clone: Path | None) -> Iterator[Row]:
    """All figures."""
    for mode, bars in BARS.items():
        rates = batched(worlds, device, mode == "compiled", seconds)
        for what, value, bar in zip(("forward", "forward + backward"), rates, bars, strict=True):
            yield Row(f"{ENV_ID}, {mode}, {what}", value, bar)
    drawn, everything = (worlds_with_resets(worlds, device, seconds, before) for before in (True, False))
    yield Row("vector environment, noise drawn beforehand", drawn, 15e6)
    yield Row("vector environment, everything included", everything)
    action = np.full(2, MORTALITY, np.float32)
    found = None if clone is None else single(peer(clone), seconds, action, longest=200)
    bar = None if found is None else 2.0 * found
    yield Row(f"gym.make({ENV_ID!r})", single(gymnasium.make(ENV_ID), seconds, action), bar, found)


def main() -> None:
    """Prints the table."""
    parser = arguments("Environment steps per CPU-second of the fishery.", 8192)
    parser.add_argument("--peer", type=Path, help="checkout of boettiger-lab/approx-model-or-approx-soln")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    print_table(rows(chosen.worlds, chosen.device, chosen.seconds, chosen.peer), chosen.worlds, chosen.device)


if __name__ == "__main__":
    main()
