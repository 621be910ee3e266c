"""Train, validation and test days, one after the other, with days between them that nobody plays.

    train | embargo | validate | embargo | test

Days played lie within one part. What an observation shows may reach back across a boundary, and with an embargo of at
least a window (the default) it then shows no day that an earlier part played.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from scenarium.envs.core.errors import ScenariumError, unknown_name
from scenarium.envs.portfolio.calendar import day_number, day_text

SPLITS = ("train", "validate", "test")
CUTS = (0.6, 0.8)


def part_of(
    dates: npt.NDArray[np.int32],
    split: str | None,
    cuts: Sequence[str | float] = CUTS,
    embargo: int = 0,
) -> tuple[int, int]:
    """First and last row that may be played.

    Args:
        dates: Days of the panel, ascending [T].
        split: "train", "validate", "test", or None for all days.
        cuts: The last day of train and that of validation, each a date or a fraction of the days.
        embargo: Days after a boundary that belong to no part.

    Raises:
        ScenariumError: An argument is invalid, or the part is empty.
    """
    last = len(dates) - 1
    if split is None:
        return 0, last
    if split not in SPLITS:
        raise unknown_name("split", split, SPLITS)
    if isinstance(embargo, bool) or embargo < 0:
        raise ScenariumError(f"embargo is {embargo}; days without play after a boundary must be >= 0")
    if not isinstance(cuts, (list, tuple)) or len(cuts) != 2:
        raise ScenariumError(f"cuts are {cuts!r}; give the last day of train and that of validation")
    ends = [_row(dates, cut) for cut in cuts]
    if not -1 <= ends[0] <= ends[1] <= last:
        raise ScenariumError(f"cuts {list(cuts)} must ascend within {day_text(dates[0])} to {day_text(dates[-1])}")
    bounds = {
        "train": (0, ends[0]),
        "validate": (ends[0] + 1 + embargo, ends[1]),
        "test": (ends[1] + 1 + embargo, last),
    }
    first, end = bounds[split]
    if first > end:
        raise ScenariumError(f"no day is left for {split!r} with cuts {list(cuts)} and an embargo of {embargo} days")
    return first, end


def _row(dates: npt.NDArray[np.int32], cut: str | float) -> int:
    """The last row up to a cut."""
    if isinstance(cut, str):
        return int(np.searchsorted(dates, day_number(cut), side="right")) - 1
    if not 0.0 < cut < 1.0:
        raise ScenariumError(f"cut {cut} must be a date or a fraction of the days in (0, 1)")
    return round(cut * len(dates)) - 1
