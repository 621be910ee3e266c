"""Trading days, and the stamp duty in force on each.

Synthetic markets need dates because China's stamp duty has changed: 0.1 % of a sale from 19 September 2008, half of
that from 28 August 2023 (announcements of the Ministry of Finance of those days); purchases pay none since 2008.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import cache

import numpy as np
import numpy.typing as npt

from scenarium.envs.core.errors import ScenariumError

Days = npt.NDArray[np.int32]

STAMP_DUTY: tuple[tuple[str, float], ...] = (("2008-09-19", 1e-3), ("2023-08-28", 5e-4))
"""From which day on which part of a sale is due; nothing before the first."""

FIRST_YEAR, LAST_YEAR = 2009, 2026
# Weekdays the exchanges keep closed in a typical year (New Year, Spring Festival, Qingming, Labour Day, Dragon Boat,
# National Day) as (month, first day, last day): a stylised calendar of about 242 trading days.
_CLOSED = ((1, 1, 3), (2, 8, 14), (4, 4, 6), (5, 1, 4), (6, 10, 12), (9, 20, 22), (10, 1, 7))


@cache
def trading_days() -> Days:
    """The stylised trading days of 2009 to 2026, as days since 1970-01-01 [n]."""
    every = np.arange(f"{FIRST_YEAR}-01-01", f"{LAST_YEAR + 1}-01-01", dtype="datetime64[D]")
    months = every.astype("datetime64[M]")
    month = months.astype(np.int64) % 12 + 1
    day = (every - months.astype("datetime64[D]")).astype(np.int64) + 1
    closed = ~np.is_busday(every)
    for closed_month, first, last in _CLOSED:
        closed |= (month == closed_month) & (day >= first) & (day <= last)
    return every[~closed].astype(np.int64).astype(np.int32)


def day_number(text: str) -> int:
    """Days from 1970-01-01 to an ISO date.

    Raises:
        ScenariumError: It is no date.
    """
    try:
        return date.fromisoformat(text).toordinal() - date(1970, 1, 1).toordinal()
    except (ValueError, TypeError):
        raise ScenariumError(f"{text!r} is no date; write it as '2023-08-28'") from None


def day_text(number: int) -> str:
    """The ISO date of a day number."""
    return date.fromordinal(int(number) + date(1970, 1, 1).toordinal()).isoformat()


def schedule_of(days: npt.ArrayLike, steps: Sequence[tuple[str, float]] = STAMP_DUTY) -> npt.NDArray[np.float64]:
    """The rate in force on each day.

    Args:
        days: Days since 1970-01-01, any shape.
        steps: Ascending (first day, rate); 0 before the first.

    Returns:
        float64 of the shape of `days`.
    """
    starts = np.array([day_number(text) for text, _ in steps], dtype=np.int64)
    if (np.diff(starts) <= 0).any():
        raise ScenariumError(f"the steps of a schedule must ascend, got {[text for text, _ in steps]}")
    rates = np.array([0.0, *(rate for _, rate in steps)])
    return np.asarray(rates[np.searchsorted(starts, np.asarray(days), side="right")])
