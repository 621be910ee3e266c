"""Constraints as a differentiable projection: the nearest portfolio along the way the trader would be allowed to hold.

What a constraint refuses stays in cash. The order is: cap per name, cash floor, turnover, tradability; the last is a
fact of the market and therefore wins over the others. Arrays are names first, cash in row 0, batch last.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.namespace import Array, Namespace
from scenarium.envs.portfolio.costs import sum_of


@dataclass(frozen=True)
class Limits:
    """The mandate of a portfolio.

    Raises:
        ScenariumError: A limit is out of its range.
    """

    cap: float = 1.0
    """Largest weight of a name, in (0, 1]."""
    cash_floor: float = 0.0
    """Smallest weight of cash, in [0, 1)."""
    turnover: float | None = None
    """Most value traded in a day, purchases plus sales over wealth, costs aside; None for no limit."""

    def __post_init__(self) -> None:
        if not 0.0 < self.cap <= 1.0:
            raise ScenariumError(f"cap is {self.cap}; the largest weight of a name must be in (0, 1]")
        if not 0.0 <= self.cash_floor < 1.0:
            raise ScenariumError(f"cash_floor is {self.cash_floor}; it must be in [0, 1)")
        if self.turnover is not None and not self.turnover > 0.0:
            raise ScenariumError(f"turnover is {self.turnover}; it must be positive, or None for no limit")


class Tradable(NamedTuple):
    """What the market allows at the fill: 1.0 or 0.0 for each risky asset, [N] or [N, B]."""

    buy: Array
    sell: Array


def project(
    target: Array, held: Array, limits: Limits, tradable: Tradable | None, xp: Namespace
) -> tuple[Array, Array | None]:
    """The portfolio to trade to.

    Args:
        target: Weights asked for [N + 1] or [N + 1, B], summing to 1.
        held: Weights before the trade.
        limits: The mandate.
        tradable: The market's restrictions, or None where there are none.
        xp: Namespace.

    Returns:
        The weights, and 1.0 for each risky asset that must not be touched (None without restrictions).
    """
    risky, before = target[1:], held[1:]
    bound = limits.cap < 1.0 or limits.cash_floor > 0.0 or limits.turnover is not None
    if not bound and tradable is None:
        return target, None
    risky = _within_mandate(risky, before, limits, xp)
    fixed = None
    if tradable is not None:
        risky, fixed = _within_market(risky, before, held[0], limits.cash_floor, tradable, xp)
    cash = xp.maximum(1.0 - sum_of(risky, xp), 0.0)
    return xp.concat([cash[None], risky], 0), fixed


def _within_mandate(risky: Array, before: Array, limits: Limits, xp: Namespace) -> Array:
    if limits.cap < 1.0:
        risky = xp.minimum(risky, limits.cap)
    if limits.cash_floor > 0.0:
        invested = sum_of(risky, xp)
        risky = risky * xp.minimum((1.0 - limits.cash_floor) / xp.maximum(invested, 1e-9), 1.0)
    if limits.turnover is not None:
        change = risky - before
        traded = sum_of(xp.maximum(change, -change), xp)
        risky = before + change * xp.minimum(limits.turnover / xp.maximum(traded, 1e-9), 1.0)
    return risky


def _within_market(
    risky: Array, before: Array, cash: Array, floor: float, tradable: Tradable, xp: Namespace
) -> tuple[Array, Array]:
    """Leaves alone what cannot be traded, and scales purchases down to the cash there is."""
    change = risky - before
    buys = xp.maximum(change, 0.0)
    sells = (buys - change) * tradable.sell
    buys = buys * tradable.buy
    available = xp.maximum(cash + sum_of(sells, xp) - floor, 0.0)
    buys = buys * xp.minimum(available / xp.maximum(sum_of(buys, xp), 1e-9), 1.0)
    risky = before + buys - sells
    # Facts without a gradient: what is not to be sold cannot be, or what is not to be bought.
    stuck = xp.maximum(
        xp.cast(change <= 0.0, "float") * (1.0 - tradable.sell), xp.cast(change >= 0.0, "float") * (1.0 - tradable.buy)
    )
    return risky, stuck
