"""Selling a limited number of units over a fixed number of sessions: dynamic programming on the units left.

With V_t(c) the best expected revenue of sessions t, ..., T - 1 from c units,

    V_t(c) = V_{t+1}(c) + F(V_{t+1}(c) - V_{t+1}(c - 1)),   F(D) = E_x max_P p(x, P) (P - D),

so that customers enter through one function only: the best expected margin F when a sold unit costs D later. It is
convex and falling in D. The decision maker's information is what x stands for: everything, the observable context, or
nothing. Source of the form: Gallego and van Ryzin, "Optimal dynamic pricing of inventories with stochastic demand
over finite horizons" (Management Science, 1994).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.pricing.optimum.curves import PriceGrid

Floats = npt.NDArray[np.float64]
Margin = Callable[[Floats], Floats]
"""F: the best expected margin of a session, for an array of opportunity costs."""


class CapacityOptimum(NamedTuple):
    """The optimum for every number of sessions and units.

    Attributes:
        value: V_t(c) [T + 1, C + 1]; `value[0, C]` is that of the whole cycle.
        cost: Opportunity cost of a unit V_{t+1}(c) - V_{t+1}(c - 1) [T, C + 1]; infinite at c = 0.
    """

    value: Floats
    cost: Floats


def capacity_program(margin: Margin, sessions: int, units: int) -> CapacityOptimum:
    """Solves the dynamic program.

    Args:
        margin: F, called with arrays.
        sessions: T >= 1.
        units: C >= 1.

    Raises:
        ScenariumError: Sessions or units are less than one.
    """
    _check(sessions, units)
    value = np.zeros((sessions + 1, units + 1))
    cost = np.full((sessions, units + 1), np.inf)
    for t in range(sessions - 1, -1, -1):
        cost[t, 1:] = value[t + 1, 1:] - value[t + 1, :-1]
        value[t, 1:] = value[t + 1, 1:] + margin(cost[t, 1:])
    return CapacityOptimum(value, cost)


def tabulated(margin: Margin, highest: float, nodes: int = 49) -> Margin:
    """A cubic spline through F on [0, highest], for where F averages over a large sample.

    Args:
        margin: F.
        highest: The largest opportunity cost asked for; the highest legal price is enough, and beyond it F is 0.
        nodes: Points of the spline.
    """
    from scipy.interpolate import CubicSpline

    at = np.linspace(0.0, highest, nodes)
    spline = CubicSpline(at, margin(at))

    def smooth(cost: Floats) -> Floats:
        inside = np.maximum(np.asarray(spline(np.clip(cost, 0.0, highest)), dtype=np.float64), 0.0)
        return np.asarray(np.where(cost < highest, inside, 0.0), dtype=np.float64)

    return smooth


def sampled_margin(probability: npt.ArrayLike, at: PriceGrid) -> Margin:
    """F of equally likely contexts whose purchase probabilities are known on a grid of prices.

    Args:
        probability: p(x, P) [contexts, G].
        at: The prices.

    Raises:
        ScenariumError: Shapes do not fit.
    """
    curves = torch.as_tensor(np.asarray(probability, dtype=np.float64))
    if curves.ndim != 2 or curves.shape[1:] != at.values.shape:
        raise ScenariumError(f"probability is {tuple(curves.shape)}; it must be [contexts, {len(at.values)}]")

    def margin(cost: Floats) -> Floats:
        found = [float(at.best(curves, float(d))[1].clamp_min(0.0).mean()) for d in cost]
        return np.asarray(found, dtype=np.float64)

    return margin


def expected_sales(probability: float, sessions: int, units: int) -> float:
    """Mean number of units sold, E min(C, Binomial(T, p)), when every session sells with probability p."""
    from scipy.stats import binom

    _check(sessions, units)
    counts = np.arange(units)
    return units - float(((units - counts) * binom.pmf(counts, sessions, probability)).sum())


def stationary_value(probability: float, revenue: float, sessions: int, units: int) -> float:
    """Expected revenue of a policy that treats every session alike until the units are gone.

    Sessions are independent and alike, so each of the sales brings revenue / probability on average.

    Args:
        probability: Of a sale in a session.
        revenue: Expected, of a session.
        sessions: T.
        units: C.
    """
    return expected_sales(probability, sessions, units) * revenue / probability if probability > 0.0 else 0.0


def best_static_price(mean_probability: Floats, prices: Floats, sessions: int, units: int) -> tuple[float, float]:
    """The best price never changed, of a grid, and the expected revenue it brings.

    Args:
        mean_probability: Purchase probability at each price, averaged over customers [prices].
        prices: [prices].
        sessions: T.
        units: C.
    """
    rows = zip(mean_probability, prices, strict=True)
    values = [stationary_value(float(p), float(p) * float(price), sessions, units) for p, price in rows]
    best = int(np.argmax(values))
    return float(prices[best]), float(values[best])


def _check(sessions: int, units: int) -> None:
    if sessions < 1 or units < 1:
        raise ScenariumError(f"sessions {sessions} and units {units} must be at least 1")
