"""What looks odd in a panel and may be true: kept, and named."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from scenarium.envs.portfolio.calendar import day_text
from scenarium.envs.portfolio.data.checks import Problem
from scenarium.envs.portfolio.data.panel import Floats, Panel, carry

_BEYOND = 0.006
"""A move this far beyond a price limit is no rounding."""
_LARGE, _RESUMED = 0.5, 0.25
"""A move that is odd where no limit is known, and one that is after a suspension."""
_JITTER = 5e-4
_MANY = 0.2


def doubts_of(panel: Panel, reference: Floats) -> tuple[Problem, ...]:
    """Moves beyond the price limit, factors that never rest, and names whose rows end without a word."""
    return (*_moves(panel, reference), *_jitter(panel), *_ends(panel))


def missing_days(panel: Panel, calendar: npt.NDArray[np.int32]) -> tuple[Problem, ...]:
    """Days of a calendar within the panel on which no name has a row."""
    within = calendar[(calendar > panel.dates[0]) & (calendar < panel.dates[-1])]
    return tuple(
        Problem("panel", day_text(day), "all names", "no name has a row on a day of the index", "rows would be right")
        for day in within[~np.isin(within, panel.dates)]
    )


def _moves(panel: Panel, reference: Floats) -> list[Problem]:
    """Jumps of the adjusted close: a factor that is missing looks like one."""
    adjusted = panel.close * panel.factor
    before = np.concatenate([np.full((1, panel.names), np.nan), carry(adjusted)[:-1]])
    move = np.where(panel.traded & ~np.isnan(before), adjusted / before - 1.0, 0.0)
    bound = np.where(np.isnan(panel.limit_up), _LARGE, panel.limit_up / reference - 1.0 + _BEYOND)
    # The first trade after a suspension may be without limits.
    resumed = ~np.concatenate([np.zeros((1, panel.names), dtype=bool), panel.traded[:-1]])
    found = []
    for row, name in zip(*np.nonzero(np.abs(move) > np.where(resumed, _RESUMED, bound))):
        ratio = before[row, name] / adjusted[row, name]
        what = f"close moved {100.0 * move[row, name]:+.1f} %, adj_factor included"
        right = f"if that was a split, an adj_factor {ratio:.4g} times as large would be right"
        found.append(Problem("panel", day_text(panel.dates[row]), panel.symbols[name], what, right))
    return found


def _jitter(panel: Panel) -> list[Problem]:
    factor = carry(panel.factor)
    step = np.abs(factor[1:] / factor[:-1] - 1.0)
    small = (step > 1e-9) & (step < _JITTER) & panel.traded[1:]
    share = small.sum() / max(1, int(panel.traded[1:].sum()))
    if share < _MANY:
        return []
    what = f"adj_factor moves by less than {_JITTER:g} on {100.0 * share:.0f} % of days"
    right = "one that rests between events would be right (rebuilt from rounded returns?)"
    return [Problem("panel", panel.span(), "all names", what, right)]


def _ends(panel: Panel) -> list[Problem]:
    last = panel.days - 1 - panel.traded[::-1].argmax(0)
    found = []
    for name in np.flatnonzero((last < panel.days - 1) & (panel.gone == panel.days)).tolist():
        what = f"rows end {panel.days - 1 - int(last[name])} days before the panel does"
        right = "a delist_date would be right if it left; it is held as suspended"
        found.append(Problem("panel", day_text(panel.dates[last[name]]), panel.symbols[name], what, right))
    return found
