"""The optimum of a serial system with backlog and normal demand, clipped at 0 or not: Clark and Scarf's recursion.

Locations are numbered downstream first: 1 is the store, K the one supplied from outside. With LOCAL holding rates h_j,
lead times L_j, and D_m the demand of m periods (Clark and Scarf, Management Science, 1960, in the form of Gallego and
Zipkin, 1999):

    G_1(y)     = E[h_1 (y - D_{L_1 + 1})^+ + p (D_{L_1 + 1} - y)^+]
    S_j        = argmin_y G_j(y) - h_{j+1} y,  h_{K+1} = 0
    C_j(x)     = min_{y <= x} (G_j(y) - h_{j+1} y) + h_{j+1} x
    G_{j+1}(y) = E[C_j(y - D_{L_{j+1}})]

The average cost is min G_K, and raising every location's echelon position to S_j is optimal. Goods on the way cost
nothing. A location ships from what it held at the start of the period.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.inventory.optimum.newsvendor import Floats, check_costs, check_moments, check_whole

_REACH = 9.0
"""Half-width of the grid, in standard deviations of the demand over all lead times."""


@dataclass(frozen=True)
class ClarkScarfOptimum:
    """The optimal policy of a serial system.

    Attributes:
        cost: Long-run average cost per period.
        levels: Echelon base-stock levels S_1 (store), ..., S_K, units. A location's echelon position is all stock at
            it and below, all orders on the way to those, less the backlog.
    """

    cost: float
    levels: tuple[float, ...]


def clark_scarf(
    lead_times: Sequence[int],
    holding: Sequence[float],
    underage: float = 9.0,
    mean: float = 5.0,
    std: float = 2.0,
    *,
    clipped: bool = True,
    step: float | None = None,
) -> ClarkScarfOptimum:
    """Solves a serial system on a grid, to about 0.0005 % with the default step.

    Args:
        lead_times: L_1 (of the store), ..., L_K [K], periods >= 1 (the store's may be 0).
        holding: Local rates h_1, ..., h_K [K], each above the next and the last above 0.
        underage: p, cost per unit of backlog and period.
        mean: Mean demand of a period, units.
        std: Its standard deviation.
        clipped: Demand is max(normal, 0), as in the environments; otherwise it may be negative.
        step: Width of the grid, units; by default `std` / 100.

    Raises:
        ScenariumError: Lengths differ, or a value is out of range.
    """
    _check(lead_times, holding, underage, mean, std)
    step = std / 100.0 if step is None else step
    if not 0.0 < step <= std / 5.0:
        raise ScenariumError(f"step is {step}; it must be positive and at most a fifth of the standard deviation {std}")
    reach = _REACH * std * math.sqrt(sum(lead_times) + 1)
    whole = np.arange(math.floor(-reach / step), math.ceil((mean * (sum(lead_times) + 1) + reach) / step) + 1)
    grid = np.asarray(whole * step, dtype=np.float64)
    period = _one_period(mean, std, step, clipped)
    cost = np.where(grid > 0.0, holding[0] * grid, -underage * grid)
    cost = _expect(cost, period, lead_times[0] + 1)
    levels: list[float] = []
    for j, rate in enumerate([*holding[1:], 0.0]):
        index = int(np.argmin(cost - rate * grid))
        levels.append(_vertex(grid, cost - rate * grid, index))
        if rate:
            # Above S_j the rest of the stock waits upstream, at the rate there.
            induced = np.where(grid <= grid[index], cost, cost[index] + rate * (grid - grid[index]))
            cost = _expect(induced, period, lead_times[j + 1])
    return ClarkScarfOptimum(float(cost.min()), tuple(levels))


def _check(lead_times: Sequence[int], holding: Sequence[float], underage: float, mean: float, std: float) -> None:
    if not lead_times or len(lead_times) != len(holding):
        raise ScenariumError(
            f"{len(lead_times)} lead times and {len(holding)} holding rates; give one each, downstream first"
        )
    for j, lead in enumerate(lead_times):
        check_whole(f"lead time {j + 1}", lead, 1 if j else 0)
    for rate in holding:
        check_costs(underage, rate)
    if any(above >= below for below, above in zip(holding, holding[1:])):
        raise ScenariumError(f"holding rates {list(holding)} must fall from the store upstream; give the store's first")
    check_moments(mean, std)


def _one_period(mean: float, std: float, step: float, clipped: bool) -> tuple[Floats, int]:
    """Probabilities of the grid points that demand falls nearest to, and the number of steps from 0 to the first."""
    from scipy.special import ndtr

    first, last = math.floor((mean - _REACH * std) / step), math.ceil((mean + _REACH * std) / step)
    if clipped:
        first, last = max(first, 0), max(last, 1)
    below = ndtr((np.arange(first, last + 2) - 0.5) * step / std - mean / std)
    below[0], below[-1] = 0.0, 1.0
    return np.asarray(np.diff(below), dtype=np.float64), first


def _expect(values: Floats, period: tuple[Floats, int], periods: int) -> Floats:
    """E[f(y - D)] on the grid, D the demand of some periods, f going on as a straight line at both ends."""
    from scipy.signal import fftconvolve

    law, first = np.ones(1), period[1] * periods
    for _ in range(periods):
        law = np.convolve(law, period[0])
    low, high = max(first + len(law) - 1, 0), max(-first, 0)
    left = values[0] + (values[0] - values[1]) * np.arange(low, 0, -1)
    right = values[-1] + (values[-1] - values[-2]) * np.arange(1, high + 1)
    # Point n of the full convolution is at step n + first of the padded grid, which begins `low` steps early.
    full = fftconvolve(np.concatenate([left, values, right]), law)
    start = low - first
    return np.asarray(full[start : start + len(values)], dtype=np.float64)


def _vertex(grid: Floats, values: Floats, index: int) -> float:
    """Minimum of the parabola through the least value and its neighbours."""
    if not 0 < index < len(grid) - 1:
        raise ScenariumError("a level lies outside the grid: the cost rates differ too much from one another")
    below, at, above = (float(v) for v in values[index - 1 : index + 2])
    curvature = below - 2.0 * at + above
    shift = 0.5 * (below - above) / curvature if curvature > 0.0 else 0.0
    return float(grid[index] + shift * (grid[1] - grid[0]))
