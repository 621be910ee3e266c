"""Tuning a policy's parameters by simulation: the same worlds for every candidate, other worlds to judge the winner."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from scenarium.agents.core.evaluation import derived_seeds
from scenarium.baselines.base import Baseline
from scenarium.envs.core.model import Model
from scenarium.envs.core.namespace import Array
from scenarium.envs.core.rollout import Act, counted_rewards
from scenarium.envs.core.scenario import Scenario

TRAIN_STREAM, TEST_STREAM = 101, 102
Maker = Callable[[list[float]], Baseline]
"""From a vector of parameters to the policy that has them."""


class Recorded(Scenario):
    """A scenario that remembers its periods, for playing the same worlds many times."""

    def __init__(self, scenario: Scenario) -> None:
        super().__init__(scenario.seeds)
        self._scenario = scenario
        self._periods: dict[int, Any] = {}

    def at(self, t: Array) -> Any:
        if t not in self._periods:
            self._periods[t] = self._scenario.at(t)
        return self._periods[t]

    def span(self, first: Array, length: int) -> Array:
        return self._scenario.span(first, length)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_scenario"], name)


class Estimate(NamedTuple):
    """A mean over worlds and its standard error."""

    mean: float
    standard_error: float


class Tuned(NamedTuple):
    """What tuning found.

    Attributes:
        values: The parameter vector.
        train: Mean cost per period in the training worlds.
        test: Cost per period in the held-out worlds.
        evaluations: Candidates tried.
    """

    values: list[float]
    train: float
    test: Estimate
    evaluations: int


@torch.no_grad()
def world_costs(model: Model, act: Act, scenario: Scenario, periods: int, warm_up: int) -> Tensor:
    """Mean cost (minus reward) per period after the warm-up, of each world, float64 [B]."""
    total: Tensor = counted_rewards(model, scenario, act, periods, warm_up)
    return -total / (periods - warm_up)


def estimate(costs: Tensor) -> Estimate:
    """Mean and standard error over independent worlds."""
    return Estimate(float(costs.mean()), float(costs.std() / math.sqrt(len(costs))))


def tune(
    make: Maker,
    start: Sequence[float],
    step: Sequence[float],
    *,
    worlds: int = 512,
    periods: int = 150,
    warm_up: int = 50,
    evaluations: int = 200,
    whole: bool = False,
    device: str = "cpu",
) -> Tuned:
    """Minimises the mean cost by the method of Nelder and Mead.

    Args:
        make: Makes the policy of a vector.
        start: Where to begin.
        step: Size of the first simplex in every direction.
        worlds: Training worlds, and as many held-out ones.
        periods: Periods played.
        warm_up: First periods, not counted.
        evaluations: Most candidates.
        whole: Parameters are whole numbers: the neighbours of the rounded result are compared at the end.
        device: Where to simulate.
    """
    model = make(list(start)).native
    train, test = (_worlds(model, stream, worlds, device) for stream in (TRAIN_STREAM, TEST_STREAM))

    def cost(values: Any) -> float:
        policy = make([float(v) for v in values])
        return float(world_costs(model, policy.act_on(train), train, periods, warm_up).mean())

    values, best, count = _nelder_mead(cost, start, step, evaluations)
    if whole:
        near = list(itertools.product(*[(round(v) - 1, round(v), round(v) + 1) for v in values]))
        best, values = min((cost(candidate), [float(v) for v in candidate]) for candidate in near)
        count += len(near)
    policy = make(values)
    held_out = world_costs(model, policy.act_on(test), test, periods, warm_up)
    return Tuned(values, best, estimate(held_out), count)


def _nelder_mead(
    cost: Callable[[Any], float], start: Sequence[float], step: Sequence[float], evaluations: int
) -> tuple[list[float], float, int]:
    """The best vector found, its cost, and the candidates tried."""
    from scipy.optimize import minimize

    base = np.asarray(start, dtype=np.float64)
    options: Any = {
        "initial_simplex": np.vstack([base, base + np.diag(np.asarray(step, dtype=np.float64))]),
        "maxfev": evaluations,
        "adaptive": len(base) > 3,
        "xatol": 1e-3,
        "fatol": 1e-5,
    }
    found = minimize(cost, base, method="Nelder-Mead", options=options)
    return [float(v) for v in found.x], float(found.fun), int(found.nfev)


def _worlds(model: Model, stream: int, count: int, device: str) -> Recorded:
    return Recorded(model.scenario(derived_seeds(0, stream, 0, count, torch.device(device))))
