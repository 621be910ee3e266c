"""A panel: daily bars of N names on T days, aligned, as traded, with nothing filled in.

A name without a row on a day did not trade on it; before its first row and after its last it is not there. Prices are
raw, and returns come from close times adj_factor: adjusted levels, anchored at the day of the download, would carry
later splits and dividends into earlier days.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from scenarium.envs.core.errors import ScenariumError, unknown_name
from scenarium.envs.portfolio.calendar import day_number, day_text
from scenarium.envs.portfolio.data.checks import Problem
from scenarium.envs.portfolio.data.columns import symbol_of

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Days = npt.NDArray[np.int32]

_VERSION = b"scenarium panel 1"


@dataclass(frozen=True, eq=False)
class Panel:
    """Daily bars; arrays are [T, N] where nothing else is said, NaN where a name did not trade.

    Attributes:
        dates: Trading days since 1970-01-01, ascending, int32 [T].
        symbols: The names.
        open: Raw price, and so are high, low and close.
        volume: Shares.
        factor: Adjustment factor: close times factor has no splits and dividends in it. Known on traded days.
        limit_up: Upper price limit; NaN where none is known.
        limit_down: Lower price limit; NaN where none is known.
        member: Whether the name belonged to the index, so that it may be bought.
        gone: First day on which the name is delisted, int32 [N]; T if it never is.
        index: Close of the index [T], or None.
        market_value: Of the names, or None.
        industries: Of the names, or ().
        dropped: Rows that were left out.
        doubts: What looks odd and was kept.
    """

    dates: Days
    symbols: tuple[str, ...]
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    factor: Floats
    limit_up: Floats
    limit_down: Floats
    member: Flags
    gone: npt.NDArray[np.int64]
    index: Floats | None = None
    market_value: Floats | None = None
    industries: tuple[str, ...] = ()
    dropped: tuple[Problem, ...] = field(default=(), repr=False)
    doubts: tuple[Problem, ...] = field(default=(), repr=False)

    @property
    def days(self) -> int:
        """Number of days T."""
        return len(self.dates)

    @property
    def names(self) -> int:
        """Number of names N."""
        return len(self.symbols)

    @cached_property
    def traded(self) -> Flags:
        """Whether each name traded."""
        return ~np.isnan(self.close)

    @cached_property
    def first(self) -> npt.NDArray[np.int64]:
        """Each name's first day with a trade [N]; T if it has none."""
        return np.where(self.traded.any(0), self.traded.argmax(0), self.days)

    @cached_property
    def listed(self) -> Flags:
        """Whether each name is there: from its first trade until it is delisted."""
        rows = np.arange(self.days)[:, None]
        return (rows >= self.first) & (rows < self.gone)

    @cached_property
    def last_close(self) -> Floats:
        """Raw close of the last trade up to each day, to value holdings by; NaN before the first."""
        return carry(self.close)

    @cached_property
    def sha256(self) -> str:
        """Hash of the canonical panel: dates, names and every array that a result can depend on."""
        digest = hashlib.sha256(_VERSION)
        digest.update("\n".join(self.symbols).encode())
        digest.update(np.ascontiguousarray(self.dates, "<i4").tobytes())
        digest.update(np.ascontiguousarray(self.gone, "<i8").tobytes())
        digest.update(np.packbits(self.member).tobytes())
        for name in ("open", "high", "low", "close", "volume", "factor", "limit_up", "limit_down", "index",
                     "market_value"):  # fmt: skip
            values = getattr(self, name)
            digest.update(name.encode())
            if values is not None:
                # One NaN of the many there are, and +0 for -0: equal numbers must give equal bytes.
                digest.update(np.where(np.isnan(values), np.nan, values + 0.0).astype("<f8").tobytes())
        return digest.hexdigest()

    def row(self, day: str | int) -> int:
        """The first row on or after a day; T if there is none."""
        number = day_number(day) if isinstance(day, str) else day
        return int(np.searchsorted(self.dates, number))

    def columns(self, symbols: Any) -> npt.NDArray[np.int64]:
        """Columns of names, in the order given.

        Raises:
            ScenariumError: A name is not in the panel, or is given twice.
        """
        places = {name: i for i, name in enumerate(self.symbols)}
        wanted = [symbol_of(str(name)) for name in symbols]
        for name in wanted:
            if name not in places:
                raise unknown_name("symbol", name, self.symbols)
        if len(set(wanted)) < len(wanted):
            raise ScenariumError(f"names {wanted} must differ")
        return np.array([places[name] for name in wanted], dtype=np.int64)

    def choose(self, symbols: Any) -> Panel:
        """The panel of some names."""
        places = self.columns(symbols)
        arrays = {
            name: getattr(self, name)[:, places]
            for name in ("open", "high", "low", "close", "volume", "factor", "limit_up", "limit_down", "member")
        }
        value = None if self.market_value is None else self.market_value[:, places]
        industries = tuple(self.industries[i] for i in places) if self.industries else ()
        kept = tuple(self.symbols[i] for i in places)
        return replace(self, symbols=kept, gone=self.gone[places], market_value=value, industries=industries, **arrays)

    def between(self, start: str, end: str) -> Panel:
        """The panel of the days from `start` to `end`, both included."""
        first, last = self.row(start), self.row(day_number(end) + 1)
        if first >= last:
            raise ScenariumError(f"no day between {start} and {end}; the panel has {self.span()}")
        part = slice(first, last)
        arrays = {
            name: getattr(self, name)[part]
            for name in (
                "dates",
                "open",
                "high",
                "low",
                "close",
                "volume",
                "factor",
                "limit_up",
                "limit_down",
                "member",
            )
        }
        for name in ("index", "market_value"):
            values = getattr(self, name)
            arrays[name] = None if values is None else values[part]
        return replace(self, gone=np.clip(self.gone - first, 0, last - first), **arrays)

    def span(self) -> str:
        """Its first and last day as text."""
        return f"{day_text(self.dates[0])} to {day_text(self.dates[-1])}"

    def describe(self) -> str:
        """A few lines on what is in it, dropped rows and doubts included."""
        share = 1.0 - self.traded[self.listed].mean()
        lines = [
            f"{self.names} names, {self.days} days, {self.span()}, sha256 {self.sha256[:16]}",
            f"suspended {100.0 * share:.2f} % of listed days; {int((self.gone < self.days).sum())} delisted; "
            f"{'an' if self.index is not None else 'no'} index; {len(self.dropped)} rows dropped",
        ]
        lines += [f"dropped: {problem}" for problem in self.dropped]
        return "\n".join([*lines, *(f"doubt: {problem}" for problem in self.doubts)])

    def benchmark(self) -> Floats:
        """Arithmetic daily returns of the index [T]; without one, of the members by market value or in equal parts."""
        if self.index is not None:
            later = self.index[1:] / self.index[:-1] - 1.0
            return np.concatenate([[0.0], later])
        marks = carry(self.close * self.factor)
        known = ~np.isnan(marks[:-1]) & self.member[:-1] & self.listed[:-1]
        weights = np.ones_like(marks) if self.market_value is None else np.nan_to_num(carry(self.market_value))
        weight = np.where(known, weights[:-1], 0.0)
        move = np.where(known, marks[1:] / np.where(known, marks[:-1], 1.0) - 1.0, 0.0)
        return np.concatenate([[0.0], (weight * move).sum(1) / np.maximum(weight.sum(1), 1e-300)])


def carry(values: npt.NDArray[Any]) -> Floats:
    """Each column's last number so far (forward, never back); NaN before the first."""
    known = ~np.isnan(values)
    rows = np.where(known, np.arange(len(values))[:, None], 0)
    np.maximum.accumulate(rows, axis=0, out=rows)
    filled: Floats = np.take_along_axis(values, rows, 0)
    return filled
