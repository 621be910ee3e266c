"""The optimum of one store with lost sales, and the exact cost of base-stock policies, by dynamic programming.

State before ordering: on-hand stock I, which includes all that has arrived, and the orders q_1, ..., q_{L-1} on the
way, q_1 usable next period. An order a placed at t is usable at t + L. Demand is then served from I, at cost
p (D - I)^+ + h (I - D)^+, and (I, q_1, ..., q_{L-1}) becomes ((I - D)^+ + q_1, q_2, ..., q_{L-1}, a).

Source: Zipkin, "Old and new methods for lost-sales inventory systems" (Operations Research, 2008), whose test bed of
Poisson(5) demand the defaults are from; Xin, "Understanding the performance of capped base-stock policies in
lost-sales inventory models" (Operations Research, 2021). Relative value iteration stops when the bounds on the average
cost are closer than `tolerance`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.inventory.optimum.newsvendor import (
    Floats,
    check_costs,
    check_whole,
    demand_pmf,
    moments,
    period_costs,
    quantile,
    total_demand,
)

_MOST_ENTRIES = 2e7
_MOST_SWEEPS = 5000
_FIRST_HALF_STEP = 300
LONGEST_LEAD_TIME = 4


@dataclass(frozen=True)
class LostSalesOptimum:
    """The optimal policy of one store with lost sales.

    Attributes:
        cost: Long-run average cost per period.
        policy: The order of each state, int [on_hand, q_1, ..., q_{L-1}], units.
        lead_time: L, periods.
        max_on_hand: Largest on-hand stock in the table.
        max_order: Largest order allowed.
        sweeps: Sweeps of value iteration taken.
    """

    cost: float
    policy: npt.NDArray[np.int64]
    lead_time: int
    max_on_hand: int
    max_order: int
    sweeps: int

    def order(self, on_hand: npt.ArrayLike, *pipeline: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Looks orders up, for arrays of states of one shape; what lies beyond the table counts as its edge.

        Args:
            on_hand: On-hand stock, whole units.
            *pipeline: q_1, ..., q_{L-1}.

        Raises:
            ScenariumError: The number of orders on the way is not L - 1.
        """
        if len(pipeline) != self.lead_time - 1:
            raise ScenariumError(
                f"{len(pipeline)} orders on the way; lead time {self.lead_time} has {self.lead_time - 1}"
            )
        index = [
            np.clip(np.asarray(x, dtype=np.int64), 0, n - 1) for x, n in zip((on_hand, *pipeline), self.policy.shape)
        ]
        return np.asarray(self.policy[tuple(index)])


@dataclass(frozen=True)
class BaseStockPolicy:
    """A base-stock policy, capped or not, for one store with lost sales.

    Attributes:
        cost: Long-run average cost per period.
        level: S, to which on-hand stock plus orders on the way are raised, units.
        cap: r, the most ordered in a period; None for no cap.
    """

    cost: float
    level: int
    cap: int | None


def lost_sales_optimum(
    lead_time: int = 4,
    underage: float = 9.0,
    holding: float = 1.0,
    rate: float = 5.0,
    pmf: Sequence[float] | Floats | None = None,
    *,
    max_on_hand: int | None = None,
    max_order: int | None = None,
    tolerance: float = 1e-6,
) -> LostSalesOptimum:
    """Solves the average-cost problem; under a second for L <= 3 and some seconds for L = 4, at a mean of 5.

    Args:
        lead_time: L in 1..4, periods.
        underage: p, cost per unit of demand lost.
        holding: h, cost per unit held and period.
        rate: Mean of Poisson demand.
        pmf: Probabilities of demand 0, 1, 2, ... in a period, instead of Poisson.
        max_on_hand: Largest on-hand stock considered; by default 6.25 standard deviations above the mean of L + 1
            periods, where no optimal policy goes.
        max_order: Largest order; by default one that a period's demand exceeds with probability under 1e-4 for
            L = 4, and 1e-9 for shorter lead times.
        tolerance: Width of the bounds on the average cost at which to stop.

    Raises:
        ScenariumError: An argument is out of range, or the table would be too large.
    """
    check_whole("lead time", lead_time, 1, LONGEST_LEAD_TIME)
    check_costs(underage, holding)
    law = demand_pmf(rate, pmf)
    mean, std = moments(law)
    stock = math.ceil(mean * (lead_time + 1) + 6.25 * std) if max_on_hand is None else max_on_hand
    tail = 1e-4 if lead_time == LONGEST_LEAD_TIME else 1e-9
    most = max(quantile(law, 1.0 - tail), 1) if max_order is None else max_order
    check_whole("largest on-hand stock", stock, 1)
    check_whole("largest order", most, 1)
    if (stock + 1.0) * (most + 1.0) ** lead_time > _MOST_ENTRIES:
        raise ScenariumError(f"{stock + 1} x {most + 1}^{lead_time} state-action pairs are too many; lower max_order")
    moves = _moves(law, stock, most)
    shape = (stock + 1,) + (most + 1,) * lead_time
    costs = period_costs(law, stock, underage, holding).reshape((-1,) + (1,) * (lead_time - 1))

    def ahead(values: Floats) -> Floats:
        # The table's axes (I, q_1, ..., q_{L-1}) are next period's, so its last axis is the order placed now.
        return np.asarray((moves @ values.reshape(stock + 1, -1)).reshape(shape))

    values, cost, sweeps = _iterate(lambda v: costs + ahead(v).min(-1), np.zeros(shape[:-1]), tolerance)
    policy = ahead(values).argmin(-1).astype(np.int64)
    return LostSalesOptimum(cost, policy, lead_time, stock, most, sweeps)


def _moves(law: Floats, stock: int, most: int) -> Floats:
    """Probabilities [(I, arriving q), next I], what would exceed the largest stock counting as the largest."""
    on_hand, arriving, demand = np.ogrid[: stock + 1, : most + 1, : len(law)]
    after = np.minimum(np.maximum(on_hand - demand, 0) + arriving, stock)
    row = np.broadcast_to(on_hand * (most + 1) + arriving, after.shape)
    moves = np.zeros(((stock + 1) * (most + 1), stock + 1))
    np.add.at(moves, (row, after), np.broadcast_to(law, after.shape))
    return moves


def _iterate(update: Callable[[Floats], Floats], values: Floats, tolerance: float) -> tuple[Floats, float, int]:
    """Relative value iteration: the values, the average cost and the sweeps."""
    if not tolerance > 0.0:
        raise ScenariumError(f"tolerance is {tolerance}; it must be positive")
    for sweep in range(1, _MOST_SWEEPS + 1):
        new = update(values)
        change = new - values
        low, high = float(change.min()), float(change.max())
        # The bounds hold for any values, and half steps break the cycles of a periodic chain.
        values = new - new.flat[0] if sweep < _FIRST_HALF_STEP else values + 0.5 * (change - change.flat[0])
        if high - low < tolerance:
            return values, 0.5 * (low + high), sweep
    raise ScenariumError(
        f"value iteration did not converge in {_MOST_SWEEPS} sweeps; its cost may depend on the initial state"
    )


def base_stock_cost(
    level: int,
    cap: int | None = None,
    lead_time: int = 4,
    underage: float = 9.0,
    holding: float = 1.0,
    rate: float = 5.0,
    pmf: Sequence[float] | Floats | None = None,
    *,
    tolerance: float = 1e-6,
) -> float:
    """Exact average cost of ordering min(r, S - position) every period.

    Args:
        level: S, units.
        cap: r, the most ordered in a period; None for no cap.
        lead_time: L in 1..4, periods.
        underage: p, cost per unit of demand lost.
        holding: h, cost per unit held and period.
        rate: Mean of Poisson demand.
        pmf: Probabilities of demand 0, 1, 2, ... in a period, instead of Poisson.
        tolerance: Width of the bounds on the average cost at which to stop.

    Raises:
        ScenariumError: An argument is out of range, or the table would be too large.
    """
    check_whole("lead time", lead_time, 1, LONGEST_LEAD_TIME)
    check_costs(underage, holding)
    check_whole("base-stock level", level, 0)
    check_whole("cap", 0 if cap is None else cap, 0)
    law = demand_pmf(rate, pmf, tail=1e-10)
    # Uncapped, an order replaces the sales of the period before, so it is at most the largest demand, and the position
    # never falls further below S.
    most = min(level, len(law) - 1 if cap is None else cap)
    if (level + 1.0) * (most + 1.0) ** (lead_time - 1) > _MOST_ENTRIES:
        raise ScenariumError(
            f"{level + 1} x {most + 1}^{lead_time - 1} states are too many; lower the cap or the level"
        )
    states, numbers = _states(level, most, lead_time, level - most if cap is None else 0)
    order = np.minimum(level - sum(states), most)
    costs = period_costs(law, level, underage, holding)[states[0]]
    on_hand, *pipeline = states
    arriving, *rest = [*pipeline, order]
    after = np.maximum(on_hand[:, None] - np.arange(len(law)), 0) + arriving[:, None]
    key = (after, *(q[:, None] for q in rest))
    expected = _chain(numbers[key], law)
    return _iterate(lambda v: costs + expected(v), np.zeros(len(costs)), tolerance)[1]


def _states(
    level: int, most: int, lead_time: int, least: int
) -> tuple[list[npt.NDArray[np.int64]], npt.NDArray[np.int64]]:
    """States whose position is in [least, S], as on-hand and pipeline arrays, and the number of each in a box."""
    box = np.indices((level + 1,) + (most + 1,) * (lead_time - 1))
    position = box.sum(0)
    inside = (position >= least) & (position <= level)
    numbers = np.full(inside.shape, -1, dtype=np.int64)
    numbers[inside] = np.arange(int(inside.sum()))
    return [axis[inside].astype(np.int64) for axis in box], numbers


def _chain(target: npt.NDArray[np.int64], law: Floats) -> Callable[[Floats], Floats]:
    """The expectation of next period's values as a function of them, from the next state of each demand."""
    from scipy.sparse import csr_array

    count, demands = target.shape
    start = np.arange(count + 1) * demands
    matrix = csr_array((np.tile(law, count), target.ravel(), start), shape=(count, count))
    return lambda values: np.asarray(matrix @ values, dtype=np.float64)


def best_base_stock(
    lead_time: int = 4,
    underage: float = 9.0,
    holding: float = 1.0,
    rate: float = 5.0,
    pmf: Sequence[float] | Floats | None = None,
    *,
    tolerance: float = 1e-6,
) -> BaseStockPolicy:
    """The best base-stock policy; the cost is convex in S (Janakiraman and Roundy, 2004), so descent finds it.

    Args:
        lead_time: L in 1..4, periods.
        underage: p, cost per unit of demand lost.
        holding: h, cost per unit held and period.
        rate: Mean of Poisson demand.
        pmf: Probabilities of demand 0, 1, 2, ... in a period, instead of Poisson.
        tolerance: Accuracy of each cost.

    Raises:
        ScenariumError: An argument is out of range, or the table would be too large.
    """
    check_whole("lead time", lead_time, 1, LONGEST_LEAD_TIME)
    check_costs(underage, holding)
    law = demand_pmf(rate, pmf)
    # The level under backlog is an upper bound that is close where p is large.
    start = quantile(total_demand(law, lead_time + 1), underage / (underage + holding))

    def cost(point: tuple[int, ...]) -> float:
        return base_stock_cost(point[0], None, lead_time, underage, holding, pmf=law, tolerance=tolerance)

    (level,), least = _descend(cost, (start,))
    return BaseStockPolicy(least, level, None)


def best_capped_base_stock(
    lead_time: int = 4,
    underage: float = 9.0,
    holding: float = 1.0,
    rate: float = 5.0,
    pmf: Sequence[float] | Floats | None = None,
    *,
    tolerance: float = 1e-6,
) -> BaseStockPolicy:
    """The best capped base-stock policy (S, r), by steps to the best of the eight neighbours.

    Args:
        lead_time: L in 1..4, periods.
        underage: p, cost per unit of demand lost.
        holding: h, cost per unit held and period.
        rate: Mean of Poisson demand.
        pmf: Probabilities of demand 0, 1, 2, ... in a period, instead of Poisson.
        tolerance: Accuracy of each cost.

    Raises:
        ScenariumError: An argument is out of range, or the table would be too large.
    """
    check_whole("lead time", lead_time, 1, LONGEST_LEAD_TIME)
    check_costs(underage, holding)
    law = demand_pmf(rate, pmf)
    level = quantile(total_demand(law, lead_time + 1), underage / (underage + holding))
    cap = max(math.ceil(1.2 * moments(law)[0]), 1)

    def cost(point: tuple[int, ...]) -> float:
        return base_stock_cost(point[0], point[1], lead_time, underage, holding, pmf=law, tolerance=tolerance)

    (level, cap), least = _descend(cost, (level, cap))
    return BaseStockPolicy(least, level, cap)


def _descend(cost: Callable[[tuple[int, ...]], float], start: tuple[int, ...]) -> tuple[tuple[int, ...], float]:
    """Goes to the best neighbour on the lattice of whole numbers >= 0 until there is no better one."""
    known = {start: cost(start)}
    point = start
    while True:
        for near in itertools.product(*[range(max(x - 1, 0), x + 2) for x in point]):
            if near not in known:
                known[near] = cost(near)
        best = min(known, key=lambda candidate: known[candidate])
        if best == point:
            return point, known[point]
        point = best
