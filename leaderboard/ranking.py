"""From results to the ranked rows of a task: who is above whom, and who is not ranked and why.

Two tracks are ranked apart. Within a track, entries are ordered by the interquartile mean of their runs'
scores; an entry's rank is one more than the number of entries whose interval lies entirely above its own, and
never better than the rank of an entry with a higher score. Entries that the data cannot tell apart thus share
a rank.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np

from scenarium.leaderboard.schema import Result, Status, Task, Track, Value
from scenarium.leaderboard.statistics import interval

MIN_SEEDS = 5
"""Training runs an entry needs for a rank, unless its training has no randomness."""

TRACKS: tuple[Track, ...] = get_args(Track)
_NORMAL_95 = 1.959963984540054  # 97.5 % quantile of the standard normal distribution


@dataclass(frozen=True)
class Row:
    """One line of a table: an entry, or a frozen value of the task shown for comparison."""

    label: str
    kind: str
    """``agent``, ``baseline``, ``random``, or the role of a value: ``floor``, ``reference``, ``shown``."""
    score: float
    low: float
    high: float
    """Ends of the 95 % interval of `score`."""
    mean: float
    std_error: float
    """Mean return and its standard error over runs and worlds."""
    runs: int = 0
    worlds: int = 0
    """Both 0 for a frozen value."""
    rank: int | None = None
    unranked: str = ""
    """Why there is no rank; empty for ranked entries and frozen values."""
    status: Status | None = None
    value: Value | None = None
    result: Result | None = None


@dataclass(frozen=True)
class Standings:
    """The table of one track of a task: best score first, entries without a rank below."""

    track: Track
    rows: tuple[Row, ...]

    @property
    def entries(self) -> int:
        """Number of rows that are submissions."""
        return sum(row.result is not None for row in self.rows)


def standings(task: Task, results: Iterable[Result], *, replications: int = 2000) -> tuple[Standings, ...]:
    """Rank the results of a task.

    Args:
        task: The task; its floor, reference, random and shown values become rows of every track.
        results: Results of this task, in any order.
        replications: Bootstrap samples behind each interval.

    Returns:
        One table per track, in the order of `TRACKS`.
    """
    values = [_value_row(task, value, kind) for value, kind in _comparisons(task)]
    rows = [result_row(task, result, replications=replications) for result in results]
    tables = []
    for track in TRACKS:
        mine = [row for row in rows if row.result is not None and row.result.summary.track == track]
        tables.append(Standings(track, tuple(sorted([*_ranked(mine), *values], key=_order))))
    return tuple(tables)


def result_row(task: Task, result: Result, *, replications: int = 2000) -> Row:
    """Return the row of a result, not yet ranked; `unranked` says whether and why it cannot be."""
    returns = result.returns()
    scores = task.scores(returns)
    # A policy without training randomness has one run; worlds are then the only source of uncertainty.
    spread = interval({task.name: scores}, replications=replications)
    runs, worlds = returns.shape
    status = result.status_for(task)
    recorded = worlds if result.runs[0].returns else 0
    return Row(
        label=result.summary.label,
        kind=result.summary.kind,
        score=float(spread.point),
        low=float(spread.low),
        high=float(spread.high),
        mean=float(returns.mean()),
        std_error=_std_error(result),
        runs=runs,
        worlds=recorded,
        unranked=_why_unranked(result, status),
        status=status,
        result=result,
    )


def assign_ranks(rows: Sequence[Row]) -> list[Row]:
    """Return rows that all deserve a rank, best first, with ranks by the rule in the module's docstring."""
    ranked: list[Row] = []
    for row in sorted(rows, key=_order):
        clearly_above = sum(other.low > row.high for other in rows)
        previous = ranked[-1].rank if ranked else None
        ranked.append(replace(row, rank=max(previous or 1, clearly_above + 1)))
    return ranked


def _ranked(rows: Sequence[Row]) -> list[Row]:
    return [
        *assign_ranks([row for row in rows if not row.unranked]),
        *(row for row in rows if row.unranked),
    ]


def _why_unranked(result: Result, status: Status) -> str:
    if status == "stale":
        return "unranked: played on an earlier version of the task"
    if status == "self-reported":
        return "unranked: not reproduced"
    seeds = len(result.runs)
    if seeds < MIN_SEEDS and not result.summary.deterministic:
        return f"unranked: {seeds} of {MIN_SEEDS} seeds"
    return ""


def _std_error(result: Result) -> float:
    """Standard error of the mean return, with runs and worlds both drawn anew (a crossed design)."""
    returns = result.returns()
    runs, worlds = returns.shape
    between_runs = returns.mean(axis=1).var(ddof=1) / runs if runs > 1 else 0.0
    if worlds > 1:
        between_worlds = returns.mean(axis=0).var(ddof=1) / worlds
    else:
        between_worlds = float(np.mean([run.std_error**2 for run in result.runs]))
    return math.sqrt(between_runs + between_worlds)


def _comparisons(task: Task) -> list[tuple[Value, str]]:
    random = [(task.random, "random")] if task.random else []
    return [
        (task.floor, "floor"),
        (task.reference, "reference"),
        *random,
        *((value, "shown") for value in task.shown),
    ]


def _value_row(task: Task, value: Value, kind: str) -> Row:
    score = task.score(value.mean)
    reach = _NORMAL_95 * value.std_error / (task.reference.mean - task.floor.mean)
    return Row(
        label=value.name or kind,
        kind=kind,
        score=score,
        low=score - reach,
        high=score + reach,
        mean=value.mean,
        std_error=value.std_error,
        value=value,
    )


def _order(row: Row) -> tuple[bool, float, str, str]:
    """Sort best first, the unranked last; then by kind and name, so that the input's order never shows."""
    return (bool(row.unranked), -row.score, row.kind, row.result.slug if row.result else row.label)
