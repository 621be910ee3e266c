"""Who belonged to an index when: intervals, both ends included, as of the day they took effect."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.portfolio.calendar import day_text
from scenarium.envs.portfolio.data.columns import symbol_of
from scenarium.envs.portfolio.data.reader import NO_DAY, read_plain


def members(source: Any, dates: npt.NDArray[np.int32], symbols: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Whether each name was a member on each day, [T, N].

    Args:
        source: A table with the columns symbol, start and end; an empty end means still. Names that are not among
            `symbols` are passed over. The end is the last day of membership.
        dates: T days.
        symbols: N names.

    Raises:
        ScenariumError: An interval has no start, or ends before it, or none is of these names.
    """
    table = read_plain(source, ("symbol", "start", "end"))
    places = {name: i for i, name in enumerate(symbols)}
    member = np.zeros((len(dates), len(symbols)), dtype=bool)
    starts, ends = table.cells["start"], table.cells["end"]
    for row, text in enumerate(table.cells["symbol"]):
        start, end = int(starts[row]), int(ends[row])
        if start == NO_DAY or (end != NO_DAY and end < start) or (row, "end") in table.unread:
            later = "an empty end or one after the start" if start != NO_DAY else "a start such as 2023-08-28"
            raise ScenariumError(f"{table.place(row)} ({text}): no interval; {later} would be right")
        place = places.get(symbol_of(str(text)))
        if place is not None:
            member[:, place] |= (dates >= start) & ((dates <= end) if end != NO_DAY else True)
    if not member.any():
        raise ScenariumError(
            f"the membership has none of the panel's names on its days, {day_text(dates[0])} to {day_text(dates[-1])}"
        )
    return member
