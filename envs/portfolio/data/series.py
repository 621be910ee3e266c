"""Closes of an index."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.portfolio.calendar import day_text
from scenarium.envs.portfolio.data.reader import NO_DAY, read_plain


@dataclass(frozen=True)
class Level:
    """An index: int32 days and float64 closes, each [n], ascending."""

    dates: npt.NDArray[np.int32]
    close: npt.NDArray[np.float64]

    def on(self, dates: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
        """Closes of some days.

        Raises:
            ScenariumError: The index lacks one.
        """
        missing = dates[~np.isin(dates, self.dates)]
        if len(missing):
            raise ScenariumError(f"the index has no close on {day_text(missing[0])} ({len(missing)} days are missing)")
        return self.close[np.searchsorted(self.dates, dates)]


def read_index(source: Any) -> Level:
    """Reads a table with the columns date and close.

    Raises:
        ScenariumError: A close is missing or not positive, a day is given twice.
    """
    table = read_plain(source, ("date", "close"))
    dates, close = table.cells["date"], table.cells["close"]
    wrong = (dates == NO_DAY) | ~((close > 0.0) & np.isfinite(close))
    if wrong.any():
        place = table.place(int(np.flatnonzero(wrong)[0]))
        raise ScenariumError(f"{place}: an index needs a date and a positive close in every row")
    order = np.argsort(dates, kind="stable")
    dates, close = dates[order], close[order]
    if (np.diff(dates) == 0).any():
        raise ScenariumError(f"the index has {day_text(dates[1:][np.diff(dates) == 0][0])} twice; give each day once")
    return Level(dates, close)
