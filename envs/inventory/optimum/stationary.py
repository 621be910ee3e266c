"""The exact cost of any stationary policy of one store with lost sales, and the best constant order.

Conventions are those of `lost_sales`. The Markov chain is built from the states that a policy reaches, not from a box:
that `stationary_cost` of an optimal table equals the cost value iteration found proves that its box was large enough.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

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
)

Integers = npt.NDArray[np.int64]
Policy = Callable[..., npt.NDArray[np.int64]]
"""Orders [n] from on-hand stock [n] and q_1, ..., q_{L-1}, each [n], in whole units; as `LostSalesOptimum.order`."""

_BITS = 62
_TOLERANCE = 1e-11
_MOST_STEPS = 100_000


class ConstantOrder(NamedTuple):
    """The policy that orders the same in every period.

    Attributes:
        cost: Long-run average cost per period.
        rate: r, units per period.
    """

    cost: float
    rate: float


def stationary_cost(
    policy: Policy,
    lead_time: int,
    underage: float,
    holding: float = 1.0,
    rate: float = 5.0,
    pmf: Sequence[float] | Floats | None = None,
    *,
    max_states: int = 2_000_000,
) -> float:
    """Exact long-run average cost of a stationary policy that starts with nothing.

    Args:
        policy: Orders as a function of states.
        lead_time: L >= 1, periods.
        underage: p, cost per unit of demand lost.
        holding: h, cost per unit held and period.
        rate: Mean of Poisson demand.
        pmf: Probabilities of demand 0, 1, 2, ... in a period, instead of Poisson.
        max_states: Number of states at which to give up.

    Raises:
        ScenariumError: An argument is out of range, the policy reaches too many states or orders a negative
            quantity, or its chain settles too slowly.
    """
    check_whole("lead time", lead_time, 1)
    check_costs(underage, holding)
    law = demand_pmf(rate, pmf)
    codes, chain = _chain(policy, lead_time, law, max_states)
    on_hand = _decode(codes, lead_time)[:, 0]
    return float(_distribution(chain) @ period_costs(law, int(on_hand.max()), underage, holding)[on_hand])


def constant_order_cost(
    order: float,
    underage: float,
    holding: float = 1.0,
    rate: float = 5.0,
    pmf: Sequence[float] | Floats | None = None,
    *,
    max_periods: int = 100_000,
) -> float:
    """Exact average cost of ordering r in every period, whatever the lead time.

    Of the mean demand, what is not ordered is lost. What is left over, W, follows W' = (W + r - D)^+, so that by
    Spitzer's identity E[W] = sum_n E[(n r - D_n)^+] / n, with D_n the demand of n periods.

    Args:
        order: r in [0, mean demand), units per period; need not be whole.
        underage: p, cost per unit of demand lost.
        holding: h, cost per unit held and period.
        rate: Mean of Poisson demand.
        pmf: Probabilities of demand 0, 1, 2, ... in a period, instead of Poisson; slower.
        max_periods: Terms of the sum at which to give up.

    Raises:
        ScenariumError: An argument is out of range, or r is so near the mean that the sum does not converge.
    """
    check_costs(underage, holding)
    law = demand_pmf(rate, pmf)
    mean = rate if pmf is None else moments(law)[0]
    if not 0.0 <= order < mean:
        raise ScenariumError(
            f"order is {order}; stock stays finite only for orders in [0, {mean:.6g}), the mean demand"
        )
    left, n = 0.0, 0
    terms = _poisson_terms(order, rate) if pmf is None else _pmf_terms(order, law)
    while n < max_periods:
        block = next(terms)
        n += len(block)
        left += float(block.sum())
        # The terms fall geometrically, at a rate that is far below 1 over a block as long as all before it.
        if block.max() * n < _TOLERANCE:
            return underage * (mean - order) + holding * left
    raise ScenariumError(f"order {order} is too near the mean demand {mean:.6g} to sum its cost")


def best_constant_order(underage: float, holding: float = 1.0, rate: float = 5.0) -> ConstantOrder:
    """The best constant order under Poisson demand; its cost is convex in r.

    Args:
        underage: p, cost per unit of demand lost.
        holding: h, cost per unit held and period.
        rate: Mean of Poisson demand.

    Raises:
        ScenariumError: A cost or the rate is not positive.
    """
    from scipy.optimize import minimize_scalar

    check_costs(underage, holding)
    found = minimize_scalar(
        lambda order: constant_order_cost(float(order), underage, holding, rate),
        bounds=(0.0, 0.99 * rate),
        method="bounded",
        options={"xatol": 1e-6},
    )
    return ConstantOrder(float(found.fun), float(found.x))


def _poisson_terms(order: float, rate: float) -> Any:
    from scipy.special import pdtr

    first, count = 1, 64
    while True:
        n = np.arange(first, first + count, dtype=np.float64)
        level, mean = n * order, n * rate
        whole = np.floor(level)
        # E[D; D <= y] is the mean times P(D <= y - 1).
        below = np.where(whole >= 1.0, pdtr(np.maximum(whole - 1.0, 0.0), mean), 0.0)
        yield np.maximum(level * pdtr(whole, mean) - mean * below, 0.0) / n
        first, count = first + count, first + count - 1


def _pmf_terms(order: float, law: Floats) -> Any:
    total, n = np.ones(1), 0
    while True:
        block = []
        for _ in range(max(n, 64)):
            n += 1
            # Only demand below n r counts now, and what is above stays above too little to come back.
            total = np.convolve(total, law)
            value = np.arange(len(total))
            block.append(float(np.maximum(n * order - value, 0.0) @ total) / n)
        yield np.array(block)


def _chain(policy: Policy, lead_time: int, law: Floats, max_states: int) -> tuple[Integers, Any]:
    """Sorted codes of the states reached from the empty system, and their transition matrix, transposed."""
    from scipy.sparse import csr_array

    known = frontier = np.zeros(1, np.int64)
    moves: list[tuple[Integers, Integers, Floats]] = []
    while len(frontier):
        states = _decode(frontier, lead_time)
        rows, targets, chance = _moves(states, np.asarray(policy(*states.T), np.int64), law)
        moves.append((frontier[rows], targets, chance))
        frontier = np.setdiff1d(targets, known)
        known = np.union1d(known, frontier)
        if len(known) > max_states:
            raise ScenariumError(f"the policy reaches more than {max_states:,} states; does it bound its stock?")
    source, target, chance = (np.concatenate(part) for part in zip(*moves))
    place = (np.searchsorted(known, target), np.searchsorted(known, source))
    return known, csr_array((chance, place), shape=(len(known), len(known)))


def _moves(states: Integers, orders: Integers, law: Floats) -> tuple[Integers, Integers, Floats]:
    """Row of the state, code of the next state, and probability of every move."""
    on_hand = states[:, 0]
    sold = np.arange(min(int(on_hand.max()), len(law) - 1) + 1)
    at_least = np.cumsum(law[::-1])[::-1]
    # Selling out takes in all larger demands.
    chance = np.where(sold < on_hand[:, None], law[sold], np.where(sold == on_hand[:, None], at_least[sold], 0.0))
    rows, column = np.nonzero(chance)
    after = np.concatenate([states[:, 1:], orders[:, None]], 1)[rows]
    after[:, 0] += on_hand[rows] - sold[column]
    return rows, _encode(after), chance[rows, column]


def _encode(states: Integers) -> Integers:
    bits = _BITS // states.shape[1]
    if int(states.min()) < 0 or int(states.max()) >= 1 << bits:
        raise ScenariumError(
            f"the policy leads to {states.min()}..{states.max()} units; it must stay in 0..{1 << bits}"
        )
    code = np.zeros(len(states), np.int64)
    for column in states.T:
        code = (code << bits) | column
    return code


def _decode(codes: Integers, lead_time: int) -> Integers:
    bits = _BITS // lead_time
    shifts = bits * np.arange(lead_time - 1, -1, -1)
    return np.asarray((codes[:, None] >> shifts) & ((1 << bits) - 1), np.int64)


def _distribution(chain: Any) -> Floats:
    """Long-run distribution from the first state, by letting the chain run until it is still."""
    now = np.zeros(chain.shape[0])
    now[0] = 1.0
    for _ in range(_MOST_STEPS):
        # Half steps have the same long-run average and settle where the chain itself is periodic.
        after = 0.5 * (now + np.asarray(chain @ now, np.float64))
        if np.abs(after - now).sum() < _TOLERANCE:
            return np.asarray(after / after.sum(), np.float64)
        now = after
    raise ScenariumError(f"the policy's chain does not settle in {_MOST_STEPS:,} steps")
