"""What the charts of the pages show: performance profiles, and what was earned while training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from scenarium.leaderboard.curves import Curve
from scenarium.leaderboard.drawing import Series, chart
from scenarium.leaderboard.ranking import Row
from scenarium.leaderboard.schema import Task
from scenarium.leaderboard.statistics import performance_profile

Array = npt.NDArray[np.float64]

SHOWN = 6
"""Lines of different colours in one chart."""
_THRESHOLDS = np.linspace(-0.25, 1.25, 61)
_POINTS = 60
_LOWEST = -1.0  # curves begin far below the floor; what matters is above this score
_MARKS = (("zero", 0.0), ("one", 1.0))


class Figure(NamedTuple):
    """A chart with its legend: label, colour number and page of each line (no page: no link)."""

    drawing: Markup
    legend: tuple[tuple[str, int, str], ...]


class Line(NamedTuple):
    """What a chart needs to know of an entrant."""

    label: str
    page: str
    rows: Mapping[str, Row]


def profile_figure(lines: Sequence[Line], tasks: Mapping[str, Task]) -> Figure | None:
    """Share of training runs above each score, averaged over tasks; a task not entered counts as the floor's score.

    Args:
        lines: Entrants, the best first; only the first few are drawn.
        tasks: Tasks over which is averaged.
    """
    drawn = [
        Series(line.label, _THRESHOLDS, _profile(line, tasks), colour) for colour, line in enumerate(lines[:SHOWN], 1)
    ]
    if not drawn:
        return None
    picture = chart(
        drawn[::-1], "Share of runs that score above a threshold", "score threshold", (-0.25, 1.25), (0.0, 1.02)
    )  # fmt: skip
    return Figure(picture, _legend(lines))


def curve_figure(lines: Sequence[Line], task: Task, against: str = "steps") -> Figure | None:
    """The mean over seeds of the score on validation worlds while training.

    Args:
        lines: Entrants, the best first; the first few that carry curves are drawn.
        task: The task.
        against: ``steps`` or ``cpu_seconds``.
    """
    with_curves = [line for line in lines if _curves(line.rows.get(task.name))][:SHOWN]
    if not with_curves:
        return None
    alone = len(with_curves) == 1
    drawn: list[Series] = []
    for colour, line in enumerate(with_curves, 1):
        runs = [_points(curve, task, against) for curve in _curves(line.rows[task.name])]
        thin = [Series(line.label, x, y, colour, thin=True) for x, y in runs if alone and len(runs) > 1]
        x, y = _mean(runs)
        drawn = [*thin, Series(line.label, x, y, colour), *drawn]
    last = max(float(line.x[-1]) for line in drawn)
    titles = {"steps": "environment steps", "cpu_seconds": "CPU seconds of training"}
    heights = np.concatenate([line.y for line in drawn])
    y_range = (min(-0.1, max(_LOWEST, float(heights.min()))), max(1.1, min(1.5, float(heights.max()) + 0.05)))
    if float(heights.max()) < y_range[0]:  # all of it is far below the floor
        y_range = (float(heights.min()), 1.1)
    title = f"Score on validation worlds against {titles[against]}"
    return Figure(chart(drawn, title, titles[against], (0.0, last), y_range, _MARKS), _legend(with_curves))


def _profile(line: Line, tasks: Mapping[str, Task]) -> Array:
    samples = []
    for name, task in tasks.items():
        row = line.rows.get(name)
        returns = [run.mean for run in row.result.runs] if row and row.result and not row.unranked else None
        samples.append(np.zeros(1) if returns is None else task.scores(returns))
    return performance_profile(samples, _THRESHOLDS)


def _legend(lines: Sequence[Line]) -> tuple[tuple[str, int, str], ...]:
    return tuple((line.label, colour, line.page) for colour, line in enumerate(lines[:SHOWN], 1))


def _curves(row: Row | None) -> list[Curve]:
    if row is None or row.result is None:
        return []
    # A single point is no line; it says the same as the score.
    return [run.curve for run in row.result.runs if run.curve is not None and len(run.curve.steps) > 1]


def _points(curve: Curve, task: Task, against: str) -> tuple[Array, Array]:
    x = np.asarray(curve.steps if against == "steps" else curve.cpu_seconds, dtype=np.float64)
    return x, task.scores(curve.returns)


def _mean(runs: Sequence[tuple[Array, Array]]) -> tuple[Array, Array]:
    """The mean over runs where all of them have points; runs need not share their positions."""
    first, last = max(x[0] for x, _ in runs), min(x[-1] for x, _ in runs)
    x = np.linspace(first, max(last, first), min(_POINTS, max(len(x) for x, _ in runs)))
    return x, np.mean([np.interp(x, at, height) for at, height in runs], axis=0)
