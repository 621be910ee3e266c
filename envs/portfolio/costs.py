"""The exact cost of trading from one set of weights to another, with its exact gradient.

Trading from weights h (before) to weights w (after, of what is left) shrinks wealth by the factor m that solves

    m = 1 - c_s sum_i (h_i - m w_i)^+ - c_b sum_i (m w_i - h_i)^+        (i over risky assets; cash trades free)

(Ormos and Urban, "Performance analysis of log-optimal portfolio strategies with transaction costs", Quantitative
Finance 13, 2013; Jiang, Xu and Liang, arXiv 1706.10059, section 2.3, solve it by fixed-point iteration). The right
side is piecewise linear in m with slopes of the order of the rates, so Newton's method from m = 1 is right to 1e-10
after two steps, up to rates of 5 %. Only the second step is differentiable, with its slope held constant: by the
implicit function theorem its gradient is that of m.

Arrays are names first, cash in row 0, batch last: [N + 1] or [N + 1, B].
"""

from __future__ import annotations

from typing import NamedTuple

from scenarium.envs.core.namespace import Array, Namespace


def sum_of(x: Array, xp: Namespace) -> Array:
    """Sum over the first axis; for one world a product with ones, a quarter of the time of a reduction."""
    if xp.batched:
        return xp.total(x, 0)
    size = len(x)
    if size not in _ONES:
        _ONES[size] = xp.constant([1.0] * size)
    return _ONES[size].dot(x)


_ONES: dict[int, Array] = {}


class Rates(NamedTuple):
    """Cost per unit of value traded, a number or [B].

    Attributes:
        buy: Of purchases.
        sell: Of sales.
    """

    buy: Array
    sell: Array


class Trade(NamedTuple):
    """What a trade leads to.

    Attributes:
        weights: Of what is left, [N + 1] or [N + 1, B].
        cost: 1 - m, the part of wealth the trade costs, a number or [B].
        turnover: Value bought plus value sold over wealth before, a number or [B].
    """

    weights: Array
    cost: Array
    turnover: Array


def trade(held: Array, target: Array, rates: Rates, xp: Namespace, fixed: Array | None = None) -> Trade:
    """Trades from `held` to `target`, paying for it.

    Args:
        held: Weights before, summing to 1.
        target: Weights wanted, summing to 1.
        rates: Costs.
        xp: Namespace.
        fixed: 1.0 for risky assets that cannot be traded, [N] or [N, B]: these keep their value exactly and the others
            pay; None if all can be. `target` must equal `held` there.
    """
    if fixed is None:
        return Trade(target, *_solve(_Order(held[1:], target[1:], held[0], target[0]), rates, None, xp))
    kept = held[1:] * fixed
    free = 1.0 - fixed
    wanted = target[1:] * free
    share = 1.0 - sum_of(kept, xp)
    part, turnover = _solve(_Order(held[1:] * free, wanted, held[0], target[0]), rates, share, xp)
    cost = part * share
    scale, left = 1.0 - part, 1.0 / (1.0 - cost)
    risky = (kept + wanted * scale) * left
    return Trade(xp.concat([target[:1] * (scale * left), risky], 0), cost, turnover)


class _Order(NamedTuple):
    """What is to be traded: values before and wanted of the risky assets that can be, and of cash."""

    before: Array
    wanted: Array
    cash_before: Array
    cash_wanted: Array


def _solve(order: _Order, rates: Rates, share: Array | None, xp: Namespace) -> tuple[Array, Array]:
    """The part c by which what can be traded shrinks, and the value traded.

    `share` is how much of wealth can be traded, None for all of it.
    """
    still = _Order(*(xp.stop(part) for part in order))
    quiet = None if share is None else xp.stop(share)
    start = _newton(0.0, still, still.wanted, rates, quiet, xp)[0]
    return _newton(start, order, still.wanted, rates, share, xp)


_ZEROS: dict[str, Array] = {}


def _zero(xp: Namespace) -> Array:
    """0.0 in the form that a backend combines fastest, built once."""
    if xp.key not in _ZEROS:
        _ZEROS[xp.key] = xp.scalar(0.0)
    return _ZEROS[xp.key]


def _newton(
    c: Array, order: _Order, weight: Array, rates: Rates, share: Array | None, xp: Namespace
) -> tuple[Array, Array]:
    """One Newton step on share c = cost(c), and the value traded at c; `weight`, for the slope, has no gradient."""
    buy, sell = rates
    whole, zero = 1.0 if share is None else share, _zero(xp)
    gap = order.before - order.wanted * (1.0 - c)
    sold = sum_of(xp.maximum(gap, zero), xp)
    # Cash takes what is sold and not bought: no second sum over the assets.
    bought = sold - (whole - order.cash_before - (whole - order.cash_wanted) * (1.0 - c))
    selling = xp.weighted(weight, gap > zero)
    buying = xp.stop(whole - order.cash_wanted) if share is not None else 1.0 - xp.stop(order.cash_wanted)
    # As c grows more is sold, which adds to the cost, and less is bought, which saves.
    rise = sell * selling - buy * (buying - selling)
    cost = sell * sold + buy * bought
    if share is None:
        return c + (cost - c) / (1.0 - rise), sold + bought
    # Where nothing can be traded, nothing is: the residual is 0 and so may be the slope.
    return c + (cost - share * c) / xp.maximum(xp.stop(share) - rise, 1e-6), sold + bought
