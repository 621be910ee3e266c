"""From files to a panel: read, check, align."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.portfolio.calendar import day_text
from scenarium.envs.portfolio.data.checks import Rows, clean, listing
from scenarium.envs.portfolio.data.columns import PRICES, Columns, columns_of
from scenarium.envs.portfolio.data.doubts import doubts_of, missing_days
from scenarium.envs.portfolio.data.fixture import SHIPPED, SHIPPED_LIMIT, SHIPPED_MEMBERS
from scenarium.envs.portfolio.data.limits import free_days, limit_prices, limit_rates, reference_close
from scenarium.envs.portfolio.data.membership import members
from scenarium.envs.portfolio.data.panel import Floats, Panel, carry
from scenarium.envs.portfolio.data.reader import NO_DAY, read_table, resolve
from scenarium.envs.portfolio.data.series import read_index


def read_panel(
    source: Any,
    columns: str | Mapping[str, Any] | Columns = "canonical",
    *,
    index: Any = None,
    membership: Any = None,
    daily_limit: float | str | None = "board",
    dirty: str = "refuse",
    start: str | None = None,
    end: str | None = None,
) -> Panel:
    """Reads daily bars into a panel.

    Args:
        source: A long table: path (relative ones start from the folder in SCENARIUM_DATA, if that is set) of CSV,
            .csv.gz or Parquet, or of a folder of such files; or a pandas data frame.
        columns: What its columns mean: a preset ("canonical", "akshare", "baostock", "tushare", "qlib"), a dict of
            fields and settings on top of one, or a `Columns`.
        index: Closes of the index, a table with the columns date and close. Its days are then the trading days.
        membership: Who belonged to the index when: a table with the columns symbol, start and end (empty: still).
            Without it everybody does, always.
        daily_limit: Price limit for names whose file gives none; see `limits.limit_rates`.
        dirty: "refuse" data with wrong rows, naming them, or "drop" these rows.
        start: First day to keep.
        end: Last day to keep.

    Raises:
        ScenariumError: There is no such file, or the data is wrong; the message names the rows.
    """
    mapping = columns_of(columns)
    level = None if index is None else read_index(index)
    rows = clean(read_table(source, mapping), mapping, dirty, None if level is None else level.dates)
    panel = _aligned(rows, mapping, daily_limit)
    if level is not None:
        doubts = (*panel.doubts, *missing_days(panel, level.dates))
        panel = replace(panel, index=level.on(panel.dates), doubts=doubts)
    if membership is not None:
        panel = replace(panel, member=members(membership, panel.dates, panel.symbols))
    if start is not None or end is not None:
        panel = panel.between(start or day_text(panel.dates[0]), end or day_text(panel.dates[-1]))
    if rows.dropped:
        warnings.warn(f"{len(rows.dropped)} rows dropped:\n{listing(rows.dropped)}", stacklevel=2)
    return panel


def _aligned(rows: Rows, columns: Columns, daily_limit: float | str | None) -> Panel:
    dates, day = np.unique(rows.cells["date"], return_inverse=True)
    symbols, name = np.unique(rows.cells["symbol"], return_inverse=True)
    shape = (len(dates), len(symbols))

    def grid(what: str, traded_only: bool = True) -> Floats | None:
        if what not in rows.cells:
            return None
        values = np.full(shape, np.nan)
        some = rows.traded if traded_only else slice(None)
        values[day[some], name[some]] = rows.cells[what][some]
        return values

    bars: dict[str, Any] = {what: _there(grid(what)) for what in (*PRICES, "volume")}
    factor, reference = _factor(bars["close"], grid("adj_factor"), _reference(grid, bars["close"]), columns)
    special = np.nan_to_num(carry(_there(grid("special", False)))) if "special" in rows.cells else np.zeros(shape)
    names = tuple(str(one) for one in symbols)
    given = (grid("limit_up"), grid("limit_down"))
    up, down = _limits(
        names, dates, bars["close"], reference, special, None if columns.prices == "comparable" else daily_limit, given
    )
    panel = Panel(
        dates=dates.astype(np.int32), symbols=names, factor=factor, limit_up=up, limit_down=down,
        member=np.ones(shape, dtype=bool), gone=_gone(rows, day, name, dates, len(symbols)),
        market_value=grid("market_value", False), industries=_industries(rows, name, len(symbols)),
        dropped=rows.dropped, **bars,
    )  # fmt: skip
    return replace(panel, doubts=doubts_of(panel, reference))


def _there(values: Floats | None) -> Floats:
    assert values is not None
    return values


def _reference(grid: Any, close: Floats) -> Floats | None:
    previous, change = grid("previous_close"), grid("change")
    if previous is not None:
        return np.where(previous > 0.0, previous, np.nan)
    return None if change is None else np.round(close - change, 4)


def _factor(close: Floats, factor: Floats | None, reference: Floats | None, columns: Columns) -> tuple[Floats, Floats]:
    """Adjustment factors and reference closes [T, N], each from the other where only one is given."""
    traded = ~np.isnan(close)
    before = _previous(close)
    if columns.prices == "comparable":
        return np.where(traded, 1.0, np.nan), before
    if factor is not None:
        if reference is None:
            reference = reference_close(before, _previous(factor), factor)
        return factor, reference
    if reference is None:
        raise ScenariumError(
            "the data has neither adjustment factors nor previous closes, so splits and dividends would look like "
            "losses; add a column adj_factor or previous_close, or say prices='comparable' if there are none"
        )
    steps = np.where(traded & ~np.isnan(before) & ~np.isnan(reference), before / reference, 1.0)
    return np.where(traded, np.cumprod(steps, axis=0), np.nan), reference


def _previous(values: Floats) -> Floats:
    """Of the last day on which each name traded before."""
    return np.concatenate([np.full((1, values.shape[1]), np.nan), carry(values)[:-1]])


def _limits(
    names: tuple[str, ...], dates: npt.NDArray[np.int32], close: Floats, reference: Floats, special: Floats,
    daily_limit: float | str | None, given: tuple[Floats | None, Floats | None],
) -> tuple[Floats, Floats]:  # fmt: skip
    """Limit prices: those of the file, others by rule."""
    traded = ~np.isnan(close)
    first = np.where(traded.any(0), traded.argmax(0), len(dates))
    rate = limit_rates(names, dates, special, daily_limit)
    rate = np.where(free_days(names, dates, first) | ~traded, np.nan, rate)
    up, down = limit_prices(reference, rate)
    found = (np.where(one > 0.0, one, np.nan) if one is not None else None for one in given)
    up_given, down_given = found
    return (
        up if up_given is None else np.where(np.isnan(up_given), up, up_given),
        down if down_given is None else np.where(np.isnan(down_given), down, down_given),
    )


def _gone(rows: Rows, day: Any, name: Any, dates: Any, count: int) -> npt.NDArray[np.int64]:
    """First row on or after each name's delisting."""
    gone = np.full(count, len(dates), dtype=np.int64)
    when = rows.cells.get("delist_date")
    if when is not None:
        known = when != NO_DAY
        gone[name[known]] = np.searchsorted(dates, when[known])
    return gone


def _industries(rows: Rows, name: Any, count: int) -> tuple[str, ...]:
    if "industry" not in rows.cells:
        return ()
    last = np.full(count, "", dtype=rows.cells["industry"].dtype)
    last[name] = rows.cells["industry"]
    return tuple(str(one) for one in last)


_PLAIN: dict[str, Any] = {
    "columns": "canonical", "index": None, "membership": None, "daily_limit": "board", "dirty": "refuse",
    "start": None, "end": None,
}  # fmt: skip


def panel_of(source: Any, **options: Any) -> Panel:
    """A panel, from whatever it is named by; files are read once as long as they do not change.

    Args:
        source: As for `read_panel`; a panel itself; or None for the one that comes with the package.
        **options: Those of `read_panel`.

    Raises:
        ScenariumError: As `read_panel`; or there are options for a panel that is already made.
    """
    told = {name: value for name, value in options.items() if not _usual(name, value)}
    if isinstance(source, Panel):
        if told:
            raise ScenariumError(f"{', '.join(sorted(told))} go with a path; this panel is already made")
        return source
    if source is None:
        source, told = SHIPPED, {"membership": SHIPPED_MEMBERS, "daily_limit": SHIPPED_LIMIT, **told}
    plain = (str, Path, float, type(None))
    if not isinstance(source, (str, Path)) or not all(isinstance(one, plain) for one in told.values()):
        return read_panel(source, **told)
    paths = [resolve(one) for one in (source, told.get("index"), told.get("membership")) if one is not None]
    return _cached(str(source), tuple(sorted(told.items())), tuple(_stamp(path) for path in paths))


def _usual(name: str, value: Any) -> bool:
    return value is _PLAIN[name] or (isinstance(value, str) and value == _PLAIN[name])


def _stamp(path: Path) -> tuple[Any, ...]:
    """What changes when a file, or a file in a folder, does."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return (os.fspath(path.resolve()), *((one.name, one.stat().st_mtime_ns, one.stat().st_size) for one in files))


@lru_cache(maxsize=8)
def _cached(source: str, options: tuple[tuple[str, Any], ...], stamps: Any) -> Panel:
    return read_panel(source, **dict(options))
