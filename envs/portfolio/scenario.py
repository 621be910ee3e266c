"""Worlds of a market: rolled out once, then addressed by day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from scenarium.envs.core import rng
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.namespace import Array, Namespace
from scenarium.envs.core.scenario import Scenario
from scenarium.envs.portfolio.calendar import STAMP_DUTY, day_number, trading_days
from scenarium.envs.portfolio.costs import Rates
from scenarium.envs.portfolio.market import Bars, Market, Rolled

_CALENDAR_STREAM = 40
FIRST_DAY, LAST_DAY = "2016-01-01", "2025-12-31"
"""Synthetic worlds lie between these days."""
_AT_ONCE = 32  # worlds rolled out together on a CPU: their arrays then stay in its cache

FEATURES = ("close", "high", "low", "open", "volume")
"""What an image may show: log prices over the last close, and log-volume over its usual level."""
PRICES = FEATURES[:4]


@dataclass(frozen=True)
class Layout:
    """What is kept of each day.

    Attributes:
        names: Number of stocks N.
        window: Past days an observation shows W.
        horizon: Days played T.
        features: Of `FEATURES`, in this order.
        frictions: Whether price limits and suspensions restrict trading.
        cash: Daily return of cash.
        exits: Whether names may be delisted, so that what is held of them is sold.
    """

    names: int
    window: int
    horizon: int
    features: tuple[str, ...] = PRICES
    frictions: bool = False
    cash: float = 0.0
    exits: bool = False

    @property
    def pixels(self) -> int:
        """Numbers of a day in the image, F N."""
        return len(self.features) * self.names


class Day(NamedTuple):
    """The exogenous values of a period: the bar the decision meets.

    Attributes:
        moves: [K] or [K, B]: arithmetic returns from close to open (cash first, N + 1), from open to close (N + 1), of
            the index (1), and with frictions whether each name can be bought and sold at the open (N each).
        rates: Trading costs.
        date: Of the bar, days since 1970-01-01.
    """

    moves: Array
    rates: Rates
    date: Array


class Fees(NamedTuple):
    """Trading costs of a model, per unit of value traded.

    Attributes:
        buy: Of purchases.
        sell: Of sales, stamp duty aside.
        stamp: Whether the dated stamp duty comes on top of sales.
    """

    buy: float
    sell: float
    stamp: bool = True


class MarketScenario(Scenario):
    """Rolled-out worlds.

    Row W + t holds the bar of period t, rows 0 to W - 1 those before the start. A row has two parts: what observations
    show (levels of the features, flags, the costs of the next day) and what the step needs (`Day.moves`).

    Args:
        seeds: An int, or int64 [B].
        market: What rolls them out.
        layout: What to keep.
        fees: Trading costs.
    """

    def __init__(self, seeds: Array, market: Market, layout: Layout, fees: Fees) -> None:
        super().__init__(seeds)
        self.layout, self.rows = layout, layout.window + layout.horizon + 1
        self.dates = _dates(seeds, self.rows, self.xp)
        """Of each row, days since 1970-01-01, int32 [rows] or [rows, B]."""
        parts = [self._roll(market, some, fees, dates) for some, dates in self._chunks()]
        self.caps = _join([part.caps for part in parts], self.xp)
        """Index weights on the first day, [N] or [N, B]."""
        self.buy, self.sell = (_join([part[i] for part in parts], self.xp) for i in (3, 4))
        seen = [part.seen for part in parts]
        moves = [part.moves for part in parts]
        if self.xp.batched:
            self._seen = self.xp.concat(seen, 1)
            self._moves = _join(moves, self.xp)
            self._lane = self.xp.constant(np.arange(self.size or 0), "index")
        else:
            self._all = self.xp.concat([seen[0], moves[0]], 1)
            self._width = seen[0].shape[1]

    def draw(self, first: int, length: int) -> Array:
        """Whole rows of one world from period `first` on, [length, X]."""
        start = first + self.layout.window
        if not 0 <= start <= start + length <= self.rows:
            raise ScenariumError(
                f"periods {first} to {first + length - 1} asked of a world that has {-self.layout.window} to "
                f"{self.layout.horizon}; make the problem with a longer horizon"
            )
        return self._all[start : start + length]

    def at(self, t: Array) -> Day:
        row = t + self.layout.window
        if not self.xp.batched:
            moves = self.draw(t, 1)[0, self._width :]
            return Day(moves, Rates(self.buy[row], self.sell[row]), self.dates[row])
        if isinstance(t, int):
            return Day(self._moves[row], Rates(self.buy[row], self.sell[row]), self.dates[row])
        lane = self._lane
        rates = Rates(self.buy[row, lane], self.sell[row, lane])
        return Day(self._moves[row, :, lane].T, rates, self.dates[row, lane])

    def span(self, first: Array, length: int) -> Array:
        """What observations show of consecutive periods, [length, X] or [length, B, X]."""
        if not self.xp.batched:
            return self.draw(first, length)[:, : self._width]
        if isinstance(first, int):
            start = first + self.layout.window
            return self._seen[start : start + length]
        days = self.xp.constant(np.arange(self.layout.window, self.layout.window + length)[:, None], "index")
        return self._seen[first + days, self._lane]

    def _chunks(self) -> list[tuple[Array, Array]]:
        size = self.size
        if size is None or size <= _AT_ONCE or self.seeds.device.type != "cpu":
            return [(self.seeds, self.dates)]
        starts = range(0, size, _AT_ONCE)
        return [(self.seeds[i : i + _AT_ONCE], self.dates[:, i : i + _AT_ONCE]) for i in starts]

    def _roll(self, market: Market, seeds: Array, fees: Fees, dates: Array) -> _Part:
        xp = self.xp
        rolled = market.roll(seeds, self.rows, xp)
        buy, sell = rates_of(rolled, fees, dates, xp)
        levels = xp.cumsum(xp.cast(rolled.bars.overnight + rolled.bars.intraday, "double"), 0)
        seen = seen_of(rolled, levels, buy, sell, self.layout, xp)
        return _Part(rolled.caps, seen, moves_of(rolled, levels, self.layout, xp), buy, sell)


class _Part(NamedTuple):
    """Some of the worlds of a scenario."""

    caps: Array
    seen: Array
    moves: Array
    buy: Array
    sell: Array


def _join(parts: list[Array], xp: Namespace) -> Array:
    return parts[0] if len(parts) == 1 else xp.concat(parts, -1)


def _dates(seeds: Array, rows: int, xp: Namespace) -> Array:
    """A start hashed from the seed, and the trading days from there."""
    calendar = trading_days()
    first, last = (int(np.searchsorted(calendar, day_number(day))) for day in (FIRST_DAY, LAST_DAY))
    choices = last - rows - first
    if choices < 1:
        raise ScenariumError(f"window and horizon take {rows} days; a synthetic world has at most {last - first - 1}")
    word = rng.words(rng.stream_key(seeds, _CALENDAR_STREAM), 0)
    start = xp.cast(xp.floor(rng.uniform(xp, word) * choices), "index") + first
    days = xp.constant(np.arange(rows)[:, None], "index") + start
    dates = xp.constant(calendar, "int")[days]
    return dates if xp.batched else dates[:, 0]


def rates_of(rolled: Rolled, fees: Fees, dates: Array, xp: Namespace) -> tuple[Array, Array]:
    """Cost of purchases and of sales on each day, float32 of the shape of `dates`."""
    none = xp.cast(dates, "float") * 0.0
    if rolled.costs is not None:
        commission, stamp, slippage = rolled.costs
        return none + (commission + slippage), none + (commission + slippage + stamp)
    duty, before = none, 0.0
    for day, rate in STAMP_DUTY:
        duty, before = duty + xp.cast(dates >= day_number(day), "float") * (rate - before), rate
    return none + fees.buy, none + fees.sell + (duty if fees.stamp else 0.0)


def seen_of(rolled: Rolled, levels: Array, buy: Array, sell: Array, layout: Layout, xp: Namespace) -> Array:
    """The part of the rows that observations show: [rows, X], or [rows, B, X]."""
    bars = rolled.bars
    close = xp.cast(levels, "float") if rolled.noise is None else xp.cast(levels + rolled.noise, "float")
    known = {
        "close": close,
        "high": close + bars.high,
        "low": close + bars.low,
        "open": close - bars.intraday,
        "volume": bars.volume,
    }
    parts = [known[name] for name in layout.features]
    flags = [bars.traded, bars.close_below, bars.close_above]
    parts += flags if layout.frictions else [flag * 0.0 + 1.0 for flag in flags]
    # Costs are known a day ahead, in percent; the last row has no later one and repeats its own.
    parts += [xp.concat([rate[1:], rate[-1:]], 0)[:, None] * 100.0 for rate in (buy, sell)]
    row = xp.concat(parts, 1)
    return row.movedim(-1, 1).contiguous() if xp.batched else row


def moves_of(rolled: Rolled, levels: Array, layout: Layout, xp: Namespace) -> Array:
    """The part of the rows that the step needs, [rows, K] or [rows, K, B]."""
    bars: Bars = rolled.bars
    overnight, intraday = (
        xp.cast(xp.exp(xp.cast(move, "double")) - 1.0, "float") for move in (bars.overnight, bars.intraday)
    )
    none = overnight[:, :1] * 0.0
    parts = [none, overnight, none + layout.cash, intraday, _index(rolled.caps, levels, layout, xp)]
    if layout.frictions:
        parts += [bars.traded * bars.open_below, bars.traded * bars.open_above]
    return xp.concat(parts, 1)


def _index(caps: Array, levels: Array, layout: Layout, xp: Namespace) -> Array:
    """Returns of the index: the portfolio that starts with the weights `caps` and never trades."""
    value = xp.total(caps * xp.exp(levels - levels[max(layout.window - 1, 0)]), 1)[:, None]
    later = value[1:] / value[:-1] - 1.0
    return xp.cast(xp.concat([later[:1] * 0.0, later], 0), "float")
