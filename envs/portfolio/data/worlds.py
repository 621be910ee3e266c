"""Worlds of a panel: a seed says where an episode starts and, where names are drawn, which ones it holds.

The panel is held once, as two tables of rows; a world is an offset into them. A name that is not there yet has no
prices: its returns are 0, its mask says that it does not trade, and nothing of its later prices shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from scenarium.envs.core import rng
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.namespace import NUMPY, Array, Namespace
from scenarium.envs.core.scenario import Scenario
from scenarium.envs.portfolio.calendar import day_text
from scenarium.envs.portfolio.costs import Rates
from scenarium.envs.portfolio.data.bars import FORCED, bars_of
from scenarium.envs.portfolio.data.panel import Panel, carry
from scenarium.envs.portfolio.market import Market, Rolled
from scenarium.envs.portfolio.scenario import Day, Fees, Layout, MarketScenario, moves_of, rates_of, seen_of

_START_STREAM, _NAMES_STREAM = 60, 61


class Tables(NamedTuple):
    """A panel as a scenario reads it; T days and one more, which nobody plays.

    Attributes:
        seen: What observations show of a day, [T + 1, X].
        moves: What the step needs of it (`Day.moves`), [T + 1, K].
        buy: Cost of purchases [T + 1].
        sell: Cost of sales [T + 1].
        dates: int32 [T + 1].
        caps: Market value of the names, or ones [T + 1, N].
        eligible: Whether a name may be drawn for a world that decides that evening first, bool [T + 1, N].
    """

    seen: Array
    moves: Array
    buy: Array
    sell: Array
    dates: Array
    caps: Array
    eligible: Array


class PanelMarket(Market):
    """A market that is a panel.

    Args:
        panel: The bars.
        names: How many names a world holds, drawn by its seed from those that are members when it starts; or which.
        part: First and last row that may be played (`splits.part_of`); None for all.
        price_limits: Whether price limits bind. Suspensions, listings and membership always do.
        haircut: Part of its last price that a delisted name loses; the rest is paid out.

    Raises:
        ScenariumError: An argument is invalid.
    """

    def __init__(
        self,
        panel: Panel,
        names: int | Sequence[str] | None = None,
        part: tuple[int, int] | None = None,
        price_limits: bool = True,
        haircut: float = 0.0,
    ) -> None:
        if not 0.0 <= haircut < 1.0:
            raise ScenariumError(f"haircut is {haircut}; the part of its price a delisted name loses must be in [0, 1)")
        self.drawn = isinstance(names, int)
        if isinstance(names, int):
            if isinstance(names, bool) or not 1 <= names <= panel.names:
                raise ScenariumError(f"names is {names}; the panel has {panel.names}")
        elif names is not None:
            panel = panel.choose([names] if isinstance(names, str) else names)
        self.panel, self.part = panel, part or (0, panel.days - 1)
        self.names = names if isinstance(names, int) else panel.names
        kinds = sorted(set(panel.industries))
        self.industries = () if self.drawn else tuple(kinds.index(one) for one in panel.industries)
        self.longest = panel.days + 1
        self.price_limits, self.haircut = bool(price_limits), float(haircut)
        self.data_hash = panel.sha256
        self.leaves = bool((panel.gone < panel.days).any())
        self._tables: dict[tuple[Any, ...], Tables] = {}

    def starts(self, layout: Layout) -> npt.NDArray[np.int64]:
        """Rows at which a world may begin, its window included.

        Raises:
            ScenariumError: There is none.
        """
        window, horizon = layout.window, layout.horizon
        first, last = self.part
        rows = np.arange(max(first - window, 0), last - window - horizon + 2)
        if not len(rows):
            room = last + 1 - max(first, window)
            raise ScenariumError(
                f"window {window} and horizon {horizon} do not fit: of the days {day_text(self.panel.dates[first])} to "
                f"{day_text(self.panel.dates[last])}, {max(room, 0)} can be played behind a full window"
            )
        if not self.drawn:
            return rows
        count = self._eligible()[rows + window - 1].sum(1)
        if count.max() < self.names:
            raise ScenariumError(f"names is {self.names}; at most {int(count.max())} are members on a day")
        return np.asarray(rows[count >= self.names])

    def worlds(self, seeds: Array, layout: Layout, fees: Fees) -> MarketScenario:
        return PanelScenario(seeds, self, layout, fees)

    def roll(self, seeds: Array, days: int, xp: Namespace) -> Rolled:
        layout = Layout(self.names, 1, days - 1)
        start = draw_starts(seeds, self.starts(layout), xp)
        tables = self.tables(layout, Fees(0.0, 0.0), xp)
        names = self.draw_names(seeds, tables.eligible[start], xp)
        bars = bars_of(self.panel, self.price_limits, self.haircut)
        rows = start + xp.constant(np.arange(days)[:, None], "index")
        parts = [_lanes(_cut(xp.constant(bar)[rows], names, xp), xp) for bar in bars]
        caps = _lanes(_shares(_cut(tables.caps[start], names, xp), xp)[None], xp)[0]
        return Rolled(type(bars)(*parts), caps)

    def tables(self, layout: Layout, fees: Fees, xp: Namespace) -> Tables:
        """The panel for a layout, built once for a backend."""
        key = (replace(layout, horizon=0, exits=False), fees, xp.key)
        if key not in self._tables:
            if xp.key == NUMPY.key:
                self._tables[key] = self._build(layout, fees)
            else:
                kinds = ("float",) * 4 + ("int", "float", "bool")
                plain = self.tables(layout, fees, NUMPY)
                self._tables[key] = Tables(*(xp.constant(part, kind) for part, kind in zip(plain, kinds)))
        return self._tables[key]

    def draw_names(self, seeds: Array, eligible: Array, xp: Namespace) -> Array:
        """Columns of each world's names, index [1, N] or [B, N] in the panel's order; None if all worlds have all."""
        if not self.drawn:
            return None
        key = rng.stream_key(seeds, _NAMES_STREAM)[:, None]
        u = rng.uniform_double(xp, rng.words(key, xp.constant(np.arange(self.panel.names)[None], "index")))
        return xp.sort(xp.where(eligible, u, u + 2.0).argsort(-1)[:, : self.names], -1)

    def _eligible(self) -> npt.NDArray[np.bool_]:
        return self.panel.member & self.panel.listed

    def _build(self, layout: Layout, fees: Fees) -> Tables:
        panel = self.panel
        wide = replace(layout, names=panel.names)
        bars = bars_of(panel, self.price_limits, self.haircut)
        levels = np.cumsum(bars.overnight + bars.intraday, axis=0)
        single = type(bars)(*(bar.astype(np.float32) for bar in bars))
        dates = np.append(panel.dates, panel.dates[-1] + 1).astype(np.int32)
        caps = np.ones((panel.days, panel.names)) if panel.market_value is None else carry(panel.market_value)
        caps = np.nan_to_num(np.concatenate([caps, caps[-1:]])).astype(np.float32)
        rolled = Rolled(single, caps[0])
        buy, sell = rates_of(rolled, fees, dates, NUMPY)
        moves = moves_of(rolled, levels, wide, NUMPY)
        moves[:-1, 2 * panel.names + 2] = panel.benchmark()
        moves[-1] = 0.0
        if layout.frictions:
            moves[:, -panel.names :][np.arange(panel.days + 1)[:, None] >= panel.gone] = FORCED
        eligible = np.concatenate([self._eligible(), self._eligible()[-1:]])
        return Tables(seen_of(rolled, levels, buy, sell, wide, NUMPY), moves, buy, sell, dates, caps, eligible)


def draw_starts(seeds: Array, starts: npt.NDArray[np.int64], xp: Namespace) -> Array:
    """The first row of each world, index [1] or [B]."""
    word = rng.words(rng.stream_key(seeds, _START_STREAM), 0)
    choice = xp.cast(xp.floor(rng.uniform_double(xp, word) * len(starts)), "index")
    return xp.constant(starts, "index")[choice]


class PanelScenario(MarketScenario):
    """Worlds that are offsets into a panel.

    Args:
        seeds: An int, or int64 [B].
        market: The panel.
        layout: What to keep.
        fees: Trading costs.
    """

    def __init__(self, seeds: Array, market: PanelMarket, layout: Layout, fees: Fees) -> None:
        Scenario.__init__(self, seeds)
        xp = self.xp
        self.layout, self.rows = layout, layout.window + layout.horizon + 1
        self.tables = market.tables(layout, fees, xp)
        self.start = draw_starts(seeds, market.starts(layout), xp)
        """First row of each world in the panel, index [1] or [B]."""
        last = self.start + (layout.window - 1)
        self.names = market.draw_names(seeds, self.tables.eligible[last], xp)
        """Columns of each world's names, index [1, N] or [B, N]; None if all worlds have all."""
        rows = xp.constant(np.arange(self.rows)[:, None], "index") + self.start
        self.buy, self.sell, self.dates = (_single(one[rows], xp) for one in self.tables[2:5])
        caps = _shares(_cut(self.tables.caps[last], self.names, xp), xp)
        self.caps = caps.T if xp.batched else caps[0]
        self._places: tuple[Array, Array] | None = None
        if self.names is not None:
            blocks = ([True] * (len(layout.features) + 3) + [False] * 2, _MOVES)
            self._places = tuple(_places(one, self.names, market.panel.names, xp) for one in blocks)
        if xp.batched:
            self._lane = xp.constant(np.arange(self.size or 0), "index")
            # Where all worlds are in the same period, some days are cut out together and then read in order.
            self._moved = self._shown = 0
            self._moves: Array = ()
            self._seen: Array = ()
        else:
            parts = [self._read(which, rows)[:, 0] for which in (0, 1)]
            self._all, self._width = np.concatenate(parts, 1), parts[0].shape[1]

    def at(self, t: Array) -> Day:
        if not self.xp.batched:
            return super().at(t)
        row = t + self.layout.window
        if not isinstance(row, int):
            at = (row, self._lane)
            return Day(self._read(1, self.start + row).T, Rates(self.buy[at], self.sell[at]), self.dates[at])
        if not self._moved <= row < self._moved + len(self._moves):
            stop = min(row + _AHEAD, self.rows)
            self._moved, self._moves = row, self._block(1, row, stop).swapaxes(1, 2).contiguous()
        return Day(self._moves[row - self._moved], Rates(self.buy[row], self.sell[row]), self.dates[row])

    def span(self, first: Array, length: int) -> Array:
        if not self.xp.batched:
            return super().span(first, length)
        row = first + self.layout.window
        if not isinstance(row, int):
            days = self.xp.constant(np.arange(length)[:, None], "index")
            return self._read(0, self.start + row + days)
        if not self._shown <= row <= row + length <= self._shown + len(self._seen):
            self._shown, self._seen = row, self._block(0, row, min(row + length + _AHEAD, self.rows))
        return self._seen[row - self._shown : row - self._shown + length]

    def _block(self, which: int, first: int, stop: int) -> Array:
        """Rows `first` to `stop` - 1 of every world, [rows, B, X]."""
        return self._read(which, self.start + self.xp.constant(np.arange(first, stop)[:, None], "index"))

    def _read(self, which: int, rows: Array) -> Array:
        """Rows of a table, one for each world along the last axis of `rows`, cut to its names: [..., B, X]."""
        table = self.tables[which]
        return table[rows] if self._places is None else table[rows[..., None], self._places[which]]


_AHEAD = 64  # days cut out beyond those asked for
_MOVES = [False, True, False, True, False, True, True]
"""Blocks of `Day.moves`: whether each is as wide as there are names, or one column."""


def _places(blocks: Sequence[bool], names: Array, count: int, xp: Namespace) -> Array:
    """Columns of a table of all `count` names that are those of some names, index [B, X].

    Args:
        blocks: Whether each block of the table has a column per name, or one.
        names: Index [B, N].
        count: Names in the table.
        xp: Namespace.
    """
    parts, base = [], 0
    for wide in blocks:
        parts.append(names + base if wide else names[:, :1] * 0 + base)
        base += count if wide else 1
    return xp.concat(parts, 1)


def _cut(values: Array, names: Array, xp: Namespace) -> Array:
    """Of each world's names: [..., B, N] of [..., B, all names]."""
    if names is None:
        return values
    return values[..., xp.constant(np.arange(len(names))[:, None], "index"), names]


def _shares(values: Array, xp: Namespace) -> Array:
    """Values as parts of their sum along the last axis."""
    return (values + 1e-9) / xp.total(values + 1e-9, -1)[..., None]


def _single(values: Array, xp: Namespace) -> Array:
    """Without the batch axis for a single world."""
    return values if xp.batched else values[:, 0]


def _lanes(values: Array, xp: Namespace) -> Array:
    """[days, N, B] of [days, B, N]; [days, N] for a single world."""
    return values.swapaxes(1, 2) if xp.batched else values[:, 0]
