"""The backward recursion over harvest and growth.

With N the stocks before the harvest, s <= N those left by it (equal to N for species that are not fished), and f the
fished species,

    W_t(s) = E[V_{t+1}(N') 1{no N'_i <= threshold}] - penalty / (t + 1) * P(some N'_i <= threshold),
    V_t(N) = sum_f N_f + max over s <= N of [W_t(s) - sum_f s_f],    V_T = 0,

because the reward is the harvest, without cost. The maximum over s <= N at all nodes is a running maximum along the
fished species' axes. Decisions between nodes are found by a parabola through the three nodes around the best.

Source of the problem: Montealegre-Mora et al. (2023), arXiv 2308.13654, which solves it by reinforcement learning; that
constant escapement is optimal for one species with concave growth is due to Reed (1979), "Optimal escapement levels in
stochastic and deterministic harvesting models" (Journal of Environmental Economics and Management 6).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from scenarium.envs.core.namespace import PYTHON
from scenarium.envs.fishery.dynamics import Parameters, drifted
from scenarium.envs.fishery.optimum.grid import Floats, Grid, make_grid
from scenarium.envs.fishery.optimum.transition import Transition


class Year(NamedTuple):
    """One year of the recursion.

    Attributes:
        t: The year.
        left: W_t at the nodes after the harvest, future return given what is left.
        value: V_t at the nodes before the harvest.
    """

    t: int
    left: Floats
    value: Floats


class Years:
    """The transitions of a fishery by year; that of the year before is used again where nothing has moved.

    Args:
        parameters: The fishery.
        grid: Nodes.
        every: Years over which coefficients that move are held, at their value in the middle.
    """

    def __init__(self, parameters: Parameters, grid: Grid, every: int = 1) -> None:
        self._parameters, self._grid, self._every = parameters, grid, every
        self._key: object = None
        self._transition: Transition | None = None

    def at(self, t: int) -> Transition:
        """The transition of year t."""
        p, t = self._parameters, t - t % self._every + self._every // 2
        key = (drifted(p.coefficients, p.trends, t, PYTHON), t if p.abiotic else 0)
        if self._transition is None or key != self._key:
            self._key, self._transition = key, Transition(p, self._grid, t)
        return self._transition


def solve(parameters: Parameters, grid: Grid | None = None, years: Years | None = None) -> Iterator[Year]:
    """The optimum with the year known, from the last year to year 0.

    Args:
        parameters: The fishery.
        grid: Nodes; the default ones if left out.
        years: The transitions, to share them among several recursions.
    """
    grid = make_grid(parameters) if grid is None else grid
    years = Years(parameters, grid) if years is None else years
    value = np.zeros(grid.shape)
    for t in reversed(range(parameters.horizon)):
        left = what_is_left(parameters, years.at(t), value, t)
        value = before_harvest(left, grid, parameters.harvested)
        yield Year(t, left, value)


def what_is_left(parameters: Parameters, transition: Transition, value: Floats, t: int) -> Floats:
    """W_t from V_{t+1}."""
    dead = 1.0 - transition.alive
    return np.asarray(transition.ahead(value) - parameters.penalty / (t + 1) * dead)


def fished(axes: tuple[Floats, ...], harvested: int) -> Floats:
    """Sum of the fished species' stocks at all nodes, of a shape that broadcasts against them."""
    return np.asarray(sum(np.ix_(*axes)[:harvested]))


def before_harvest(left: Floats, grid: Grid, harvested: int) -> Floats:
    """V_t from W_t: the running maximum, at the nodes before the harvest."""
    best = left - fished(grid.after, harvested)
    for axis in range(harvested):
        best = np.maximum.accumulate(best, axis=axis)
    kept = tuple(slice(len(a) - len(b), None) for a, b in zip(grid.after, grid.before, strict=True))
    return np.asarray(best[kept] + fished(grid.before, harvested))


def value_at(value: Floats, grid: Grid, stocks: tuple[float, ...]) -> float:
    """A value between nodes, linear in every species."""
    from scipy.interpolate import RegularGridInterpolator

    return float(RegularGridInterpolator(grid.before, value)(np.asarray(stocks))[0])
