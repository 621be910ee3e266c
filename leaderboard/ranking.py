"""From results to the ranked rows of a task: who is above whom, and who is not ranked and why.

Two tracks are ranked apart. Within a track, entries are ordered by the interquartile mean of their runs'
scores; an entry's rank is one more than the number of entries that are clearly above it, and never better than
the rank of an entry with a higher score. An entry is clearly above another if the 95 % interval of their difference,
paired on the common worlds, lies above 0; a tie is an interval that contains it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import get_args

import numpy as np
import numpy.typing as npt

from scenarium.leaderboard.bootstrap import Spread, spreads
from scenarium.leaderboard.schema import Result, Status, Task, Track, Value

MIN_SEEDS = 5
"""Training runs an entry needs for a rank, unless its training has no randomness."""

MIXED = "unranked: claims one configuration for all tasks, but its settings differ between them"

TRACKS: tuple[Track, ...] = get_args(Track)
_TAIL = 0.025
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
    spread: Spread | None = field(default=None, compare=False, repr=False)
    """The bootstrap behind the interval; None for a frozen value."""


@dataclass(frozen=True)
class Standings:
    """The table of one track of a task: best score first, entries without a rank below."""

    track: Track
    rows: tuple[Row, ...]

    @property
    def entries(self) -> int:
        """Number of rows that are submissions."""
        return sum(row.result is not None for row in self.rows)


def mixed_settings(results: Iterable[Result]) -> frozenset[tuple[str, str]]:
    """Return task and slug of results that claim one configuration for all tasks while their settings differ."""
    groups: dict[tuple[str, str, tuple[str, ...]], list[Result]] = {}
    for result in results:
        if result.summary.ruleset == "one-config" and result.summary.kind == "agent":
            groups.setdefault((result.slug, result.summary.agent, result.summary.authors), []).append(result)
    mixed = [group for group in groups.values() if len({result.config_sha256 for result in group}) > 1]
    return frozenset((result.task, result.slug) for group in mixed for result in group)


def standings(
    task: Task,
    results: Iterable[Result],
    *,
    replications: int = 2000,
    mixed: Collection[tuple[str, str]] = (),
) -> tuple[Standings, ...]:
    """Rank the results of a task.

    Args:
        task: The task; its floor, reference, random and shown values become rows of every track.
        results: Results of this task, in any order.
        replications: Bootstrap samples behind each interval.
        mixed: Results of all tasks that break their ruleset, from `mixed_settings`.

    Returns:
        One table per track, in the order of `TRACKS`.
    """
    values = [_value_row(task, value, kind) for value, kind in _comparisons(task)]
    listed = list(results)
    scores = {result.slug: task.scores(result.returns()) for result in listed}
    found = spreads(scores, replications, task.name)
    rows = [result_row(task, result, found[result.slug]) for result in listed]
    rows = [
        replace(row, unranked=MIXED)
        if not row.unranked and row.result and (task.name, row.result.slug) in mixed
        else row
        for row in rows
    ]
    tables = []
    for track in TRACKS:
        mine = [row for row in rows if row.result is not None and row.result.summary.track == track]
        tables.append(Standings(track, tuple(sorted([*_ranked(mine), *values], key=_order))))
    return tuple(tables)


def result_row(task: Task, result: Result, spread: Spread | None = None) -> Row:
    """Return the row of a result, not yet ranked; `unranked` says whether and why it cannot be."""
    returns = result.returns()
    # A policy without training randomness has one run; worlds are then the only source of uncertainty.
    spread = spread or spreads({result.slug: task.scores(returns)}, name=task.name)[result.slug]
    runs, worlds = returns.shape
    status = result.status_for(task)
    recorded = worlds if result.runs[0].returns else 0
    return Row(
        label=result.summary.label,
        kind=result.summary.kind,
        score=spread.point,
        low=spread.low,
        high=spread.high,
        mean=float(returns.mean()),
        std_error=_std_error(result, returns),
        runs=runs,
        worlds=recorded,
        unranked=_why_unranked(task, result, status),
        status=status,
        result=result,
        spread=spread,
    )


def assign_ranks(rows: Sequence[Row]) -> list[Row]:
    """Return rows that all deserve a rank, best first, with ranks by the rule in the module's docstring."""
    ordered = sorted(rows, key=_order)
    lows, scores = np.array([row.low for row in ordered]), np.array([row.score for row in ordered])
    worlds = np.array([row.worlds if row.spread is not None else -1 for row in ordered])
    known = [row.spread.draws for row in ordered if row.spread is not None]
    draws = np.array(known) if len(known) == len(ordered) else np.empty((0, 1))
    ranked: list[Row] = []
    for row in ordered:
        above = int((lows > row.high).sum())
        # Where the two intervals overlap, the difference on common worlds can still be clear: it is far less noisy.
        near = np.flatnonzero((lows <= row.high) & (scores > row.score) & (worlds == row.worlds))
        if row.spread is not None and len(near) and len(draws):
            not_better = np.count_nonzero(draws[near] <= row.spread.draws, axis=1)
            above += int((not_better / draws.shape[1] < _TAIL).sum())
        previous = ranked[-1].rank if ranked else None
        ranked.append(replace(row, rank=max(previous or 1, above + 1)))
    return ranked


def _ranked(rows: Sequence[Row]) -> list[Row]:
    return [
        *assign_ranks([row for row in rows if not row.unranked]),
        *(row for row in rows if row.unranked),
    ]


def _why_unranked(task: Task, result: Result, status: Status) -> str:
    if status == "stale":
        return "unranked: played on an earlier version of the task"
    if status == "self-reported":
        return "unranked: not reproduced"
    limit = task.max_steps if result.summary.track == "model-free" else None
    steps = max(run.env_steps for run in result.runs)
    if limit is not None and steps > limit:
        return f"unranked: {steps:,} environment steps per run, over the budget of {limit:,}"
    seeds = len(result.runs)
    if seeds < MIN_SEEDS and not result.summary.deterministic:
        return f"unranked: {seeds} of {MIN_SEEDS} seeds"
    return ""


def _std_error(result: Result, returns: npt.NDArray[np.float64]) -> float:
    """Standard error of the mean return, with runs and worlds both drawn anew (a crossed design)."""
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
