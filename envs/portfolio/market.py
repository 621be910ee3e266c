"""What a market is to the model: something that rolls out the bars of any world."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, NamedTuple

from scenarium.envs.core.namespace import Array, Namespace

if TYPE_CHECKING:
    from scenarium.envs.portfolio.scenario import Fees, Layout, MarketScenario


class Bars(NamedTuple):
    """Daily bars of N names over D days, log returns and flags, each [D, N] or [D, N, B].

    Attributes:
        overnight: Previous close to open.
        intraday: Open to close.
        high: Close to high, >= 0.
        low: Close to low, <= 0.
        volume: Log-volume less its usual level.
        traded: 1.0 on days on which the name trades.
        open_below: 1.0 where the open is below the upper price limit, so that the name can be bought at it.
        open_above: 1.0 where the open is above the lower price limit, so that it can be sold at it.
        close_below: The same of the close and the upper limit.
        close_above: The same of the close and the lower limit.
    """

    overnight: Array
    intraday: Array
    high: Array
    low: Array
    volume: Array
    traded: Array
    open_below: Array
    open_above: Array
    close_below: Array
    close_above: Array


class Costs(NamedTuple):
    """What trading costs in a world instead of the model's own rates; numbers or [B], per unit of value traded."""

    commission: Array
    stamp: Array
    slippage: Array


class Rolled(NamedTuple):
    """The worlds of some seeds.

    Attributes:
        bars: Their days.
        caps: Index weights of the names on the first day, [N] or [N, B].
        costs: Trading costs that belong to the world, or None for the model's.
        noise: What observed prices are off by (log), [D, N] or [D, N, B]; None for nothing.
    """

    bars: Bars
    caps: Array
    costs: Costs | None = None
    noise: Array | None = None


class Market(ABC):
    """A law of daily bars.

    Attributes:
        names: Number of stocks N.
        industries: The industry of each name, whole numbers [N]; empty if there are none.
        longest: Days a world may have.
        leaves: Whether names may be delisted.
        data_hash: SHA-256 of the data behind it; "" if there is none.
    """

    names: int
    industries: tuple[int, ...] = ()
    longest: int
    leaves: bool = False
    data_hash: str = ""

    @abstractmethod
    def roll(self, seeds: Array, days: int, xp: Namespace) -> Rolled:
        """The worlds of some seeds (an int, or int64 [B]): `days` days each."""

    def worlds(self, seeds: Array, layout: Layout, fees: Fees) -> MarketScenario:
        """The scenario of some seeds."""
        from scenarium.envs.portfolio.scenario import MarketScenario

        return MarketScenario(seeds, self, layout, fees)
