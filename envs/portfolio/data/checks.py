"""What is wrong with the rows of a table, each named with its line and what would be right.

Nothing is repaired. A row that breaks a rule is refused, or dropped on demand, and a day without a row is a day on
which the name does not trade. What looks odd but may be true is kept and named as a doubt.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.portfolio.calendar import day_text
from scenarium.envs.portfolio.data.columns import PRICES, Columns, is_a_share, symbol_of
from scenarium.envs.portfolio.data.reader import NO_DAY, Table

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

FEW = 0.2
"""A day on which fewer than this part of the names listed then have rows was no trading day."""
_SHOWN = 20
_CENT = 0.0051  # half a tick, and what rounding adds


class Problem(NamedTuple):
    """A row that is not as it should be."""

    place: str
    date: str
    symbol: str
    what: str
    right: str

    def __str__(self) -> str:
        return f"{self.place} ({self.date or 'no date'}, {self.symbol or 'no symbol'}): {self.what}; {self.right}"


@dataclass
class Rows:
    """Rows that are as they should be.

    Attributes:
        cells: Columns by field, sorted by symbol and date; prices raw, volume in shares.
        traded: Whether the name traded that day.
        dropped: What was wrong with the rows that are not here.
    """

    cells: dict[str, npt.NDArray[Any]]
    traded: Flags
    dropped: tuple[Problem, ...]


def listing(problems: Sequence[Problem]) -> str:
    """Problems as text, one a line; of many the first."""
    lines = [f"  {problem}" for problem in problems[:_SHOWN]]
    if len(problems) > _SHOWN:
        lines.append(f"  ... and {len(problems) - _SHOWN} more")
    return "\n".join(lines)


def clean(table: Table, columns: Columns, dirty: str = "refuse", calendar: npt.NDArray[np.int32] | None = None) -> Rows:
    """Checks a table and brings it to raw prices and shares.

    Args:
        table: As it was read.
        columns: What its columns mean.
        dirty: "refuse" the table if any row is wrong, or "drop" such rows.
        calendar: The trading days, if they are known from elsewhere (an index).

    Raises:
        ScenariumError: Rows are wrong and not to be dropped, or all are.
    """
    if dirty not in ("refuse", "drop"):
        raise ScenariumError(f"dirty {dirty!r} is unknown; use 'refuse' or 'drop'")
    check = _Check(table, columns, calendar)
    problems = check.problems()
    if problems and dirty == "refuse":
        raise ScenariumError(
            f"{len(problems)} rows of the data are wrong (dirty='drop' leaves them out):\n{listing(problems)}"
        )
    keep = np.flatnonzero(~check.wrong)
    if not len(keep):
        raise ScenariumError(f"no row is usable:\n{listing(problems)}")
    keep = keep[np.lexsort((check.cells["date"][keep], check.cells["symbol"][keep]))]
    cells = {name: values[keep] for name, values in check.cells.items()}
    return Rows(cells, check.traded[keep], tuple(problems))


class _Check:
    """The rules, one after the other; a row that breaks one is not asked about the others."""

    def __init__(self, table: Table, columns: Columns, calendar: npt.NDArray[np.int32] | None) -> None:
        self.table, self.columns, self.calendar = table, columns, calendar
        self.cells = dict(table.cells)
        names, inverse = np.unique(self.cells["symbol"], return_inverse=True)
        self.cells["symbol"] = np.array([symbol_of(str(name)) for name in names])[inverse]
        self.wrong = np.zeros(len(table), dtype=bool)
        self.traded = self._traded()
        self._found: dict[int, tuple[str, str]] = {}

    def problems(self) -> list[Problem]:
        """Everything that is wrong, in the order of the rows."""
        for found in self._rules():
            for row, what, right in found:
                self._found.setdefault(row, (what, right))
            self.wrong[list(self._found)] = True
        return [self._problem(row, *self._found[row]) for row in sorted(self._found)]

    def _problem(self, row: int, what: str, right: str) -> Problem:
        day = int(self.cells["date"][row])
        date = "" if day == NO_DAY else day_text(day)
        return Problem(self.table.place(row), date, str(self.cells["symbol"][row]), what, right)

    def _traded(self) -> Flags:
        volume = self.cells["volume"]
        traded: Flags = ~((volume == 0.0) | np.isnan(volume))
        trading = self.cells.get("trading")
        if trading is not None:
            traded &= trading != 0.0
        return traded

    def _rules(self) -> Iterator[Iterator[tuple[int, str, str]]]:
        yield self._cells()
        yield self._keys()
        yield self._columns()
        yield self._numbers()
        if self.columns.prices == "times_factor":
            self._undo_factor()
        yield self._bars()
        yield self._units()
        self._to_shares()
        yield self._limits()
        yield self._lives()
        yield self._twice()
        yield self._days()

    def _where(self, flags: Flags) -> list[int]:
        return np.flatnonzero(flags & ~self.wrong).tolist()

    def _cells(self) -> Iterator[tuple[int, str, str]]:
        for (row, name), text in self.table.unread.items():
            wanted = "a date such as 2023-08-28" if name.endswith("date") else "a number"
            yield row, f"{self.columns.name_of(name)} is {text!r}", f"{wanted} would be right"

    def _keys(self) -> Iterator[tuple[int, str, str]]:
        for row in self._where(self.cells["date"] == NO_DAY):
            yield row, "the date is missing", "a date such as 2023-08-28 would be right"
        for row in self._where((self.cells["date"].astype(np.int64) + 3) % 7 > 4):
            yield row, "the date is a weekend", "a trading day would be right"
        symbols = self.cells["symbol"]
        for row in self._where(symbols == ""):
            yield row, "the symbol is missing", "a code would be right"
        if not self.columns.a_shares:
            return
        good = {name: is_a_share(str(name)) for name in np.unique(symbols)}
        for row in self._where(~np.array([good[name] for name in symbols])):
            name = str(symbols[row])
            short = f"; leading zeros lost? {name.zfill(6)}" if name.isdigit() and len(name) < 6 else ""
            yield row, f"the symbol {name!r} is no six-digit code", f"such as 600000 or 600000.SH would be right{short}"

    def _columns(self) -> Iterator[tuple[int, str, str]]:
        for name, value in self.columns.must.items():
            given = self.table.must.get(name)
            if given is None:
                continue
            for row in self._where(given != value):
                yield row, f"{name} is {str(given[row])!r}: adjusted prices", f"{value!r}, raw prices, would be right"

    def _numbers(self) -> Iterator[tuple[int, str, str]]:
        for name in (*PRICES, "adj_factor"):
            values, shown = self.cells.get(name), self.columns.name_of(name)
            if values is None or (name == "adj_factor" and self.columns.prices == "comparable"):
                continue
            for row in self._where(self.traded & np.isnan(values)):
                yield row, f"{shown} is missing on a day with volume", "a positive number would be right"
            for row in self._where(self.traded & ~np.isnan(values) & ~((values > 0.0) & np.isfinite(values))):
                yield row, f"{shown} is {values[row]:g}", "a positive number would be right"
        for name in ("volume", "amount", "market_value", "previous_close"):
            values = self.cells.get(name)
            if values is None:
                continue
            for row in self._where((values < 0.0) | np.isinf(values)):
                yield row, f"{self.columns.name_of(name)} is {values[row]:g}", "0 or more would be right"
        trading = self.cells.get("trading", np.full(len(self.wrong), np.nan))
        for row in self._where((trading == 1.0) & ~self.traded):
            yield row, "trading is 1 but there is no volume", "0 for a suspended day, or a volume, would be right"
        high, low = self.cells["high"], self.cells["low"]
        for row in self._where(~self.traded & (trading != 0.0) & (high > low)):
            what = f"there is no volume, yet high {high[row]:g} is above low {low[row]:g}"
            yield row, what, "a volume, or one price for a suspended day, would be right"

    def _bars(self) -> Iterator[tuple[int, str, str]]:
        start, high, low, close = (self.cells[name] for name in ("open", "high", "low", "close"))
        # Prices that were multiplied and rounded may be off in the last digits.
        slack = 1e-4 * close if self.columns.prices == "times_factor" else 1e-6 * close
        top, bottom = np.maximum(start, close), np.minimum(start, close)
        for row in self._where(self.traded & (high < low - slack)):
            yield row, f"high {high[row]:g} is below low {low[row]:g}", "the larger of the two as high would be right"
        for row in self._where(self.traded & (high < top - slack)):
            yield row, f"high {high[row]:g} is below open or close", f"at least {top[row]:g} would be right"
        for row in self._where(self.traded & (low > bottom + slack)):
            yield row, f"low {low[row]:g} is above open or close", f"at most {bottom[row]:g} would be right"

    def _undo_factor(self) -> None:
        factor = self.cells.get("adj_factor")
        if factor is None:
            raise ScenariumError(
                f"prices='times_factor' needs the column {self.columns.name_of('adj_factor')} to get raw prices back"
            )
        for name in PRICES:
            self.cells[name] = np.divide(self.cells[name], factor, out=self.cells[name].copy(), where=factor > 0.0)
        self.cells["volume"] = self.cells["volume"] * np.where(factor > 0.0, factor, 1.0)

    def _units(self) -> Iterator[tuple[int, str, str]]:
        """The price paid on average must be one of the day's; a hundredfold of it is a wrong unit of the whole file."""
        amount = self.cells.get("amount")
        if amount is None or self.columns.prices == "comparable":
            return
        known = self.traded & (amount > 0.0) & ~self.wrong
        if not known.any():
            return
        ratio = (amount * self.columns.amount_unit)[known] / (self.cells["volume"] * self.columns.volume_unit)[known]
        times = float(np.median(ratio / self.cells["close"][known]))
        if not 0.5 < times < 2.0:
            raise ScenariumError(
                f"amount over volume is {times:.3g} times the close: the units are wrong; with volume_unit="
                f"{self.columns.volume_unit * 10 ** round(np.log10(times)):g} (shares per unit of volume) or another "
                "amount_unit it would be right"
            )
        average = np.full(len(amount), np.nan)
        average[known] = ratio
        high, low = self.cells["high"], self.cells["low"]
        for row in self._where(known & ((average > high * 1.02 + _CENT) | (average < low * 0.98 - _CENT))):
            what = f"amount over volume is {average[row]:.4g}, outside the day's range"
            yield row, what, f"between {low[row]:g} and {high[row]:g} would be right"

    def _to_shares(self) -> None:
        self.cells["volume"] = self.cells["volume"] * self.columns.volume_unit
        if "amount" in self.cells:
            self.cells["amount"] = self.cells["amount"] * self.columns.amount_unit

    def _limits(self) -> Iterator[tuple[int, str, str]]:
        for name, sign in (("limit_up", 1.0), ("limit_down", -1.0)):
            limit = self.cells.get(name)
            if limit is None:
                continue
            for row in self._where(self.traded & (limit > 0.0) & (sign * (self.cells["close"] - limit) > _CENT)):
                close = self.cells["close"][row]
                yield (
                    row,
                    f"close {close:g} is beyond {name} {limit[row]:g}",
                    "a close within the limits would be right",
                )

    def _lives(self) -> Iterator[tuple[int, str, str]]:
        for name, sign, what in (("delist_date", 1, "after the delisting"), ("list_date", -1, "before the listing")):
            bound = self.cells.get(name)
            if bound is None:
                continue
            late = sign * (self.cells["date"].astype(np.int64) - bound) > (-1 if sign > 0 else 0)
            for row in self._where((bound != NO_DAY) & self.traded & late):
                yield row, f"trades {what} on {day_text(bound[row])}", "no row would be right"

    def _twice(self) -> Iterator[tuple[int, str, str]]:
        rows = np.flatnonzero(~self.wrong)
        order = rows[np.lexsort((rows, self.cells["date"][rows], self.cells["symbol"][rows]))]
        a, b = order[:-1], order[1:]
        same = (self.cells["date"][a] == self.cells["date"][b]) & (self.cells["symbol"][a] == self.cells["symbol"][b])
        for first, second in zip(a[same].tolist(), b[same].tolist()):
            place = self.table.place(first)
            if all(_equal(values[first], values[second]) for values in self.cells.values()):
                yield second, f"repeats {place}", "one row per date and symbol would be right"
                continue
            for row, other in ((first, self.table.place(second)), (second, place)):
                yield row, f"contradicts {other}", "one row per date and symbol would be right"

    def _days(self) -> Iterator[tuple[int, str, str]]:
        good = np.flatnonzero(~self.wrong)
        dates = self.cells["date"]
        if self.calendar is not None:
            for row in good[~np.isin(dates[good], self.calendar)].tolist():
                yield row, "the index has no such day", "a trading day of the index would be right"
            return
        days, here = np.unique(dates[good], return_inverse=True)
        names, name = np.unique(self.cells["symbol"][good], return_inverse=True)
        first, last = np.full(len(names), len(days)), np.full(len(names), -1)
        np.minimum.at(first, name, here)
        np.maximum.at(last, name, here)
        steps = np.zeros(len(days) + 1, np.int64)
        np.add.at(steps, first, 1)
        np.add.at(steps, last + 1, -1)
        listed, rows = np.cumsum(steps)[:-1], np.bincount(here, minlength=len(days))
        few = rows < FEW * listed
        # On a first or last day, names without a row do not count as listed: its neighbours tell.
        few |= rows < FEW * np.minimum(np.roll(rows, 1), np.roll(rows, -1))
        for row in good[few[here]].tolist():
            count = int(rows[np.searchsorted(days, dates[row])])
            yield row, f"only {count} names have rows that day: the market was closed", "no row would be right"


def _equal(a: Any, b: Any) -> bool:
    return bool(a == b or (a != a and b != b))
