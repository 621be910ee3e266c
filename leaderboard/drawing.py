"""Drawings for the pages, as inline SVG that takes its colours from the page and says in words what it shows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from markupsafe import Markup, escape

from scenarium.leaderboard.ranking import Row
from scenarium.leaderboard.schema import Task
from scenarium.leaderboard.texts import counted, number, short

Array = npt.NDArray[np.float64]

AXIS = (-0.25, 1.25)
"""Scores at the ends of the drawn axis; what lies outside is drawn as an arrow at the end."""

_WIDTH, _HEIGHT, _MARGIN = 200, 26, 8  # of a bar, in its own units
_CHART, _LEFT, _TOP, _INNER = (480, 300), 44, 12, (424, 240)  # of a chart, and the plane inside


def interval_bar(row: Row, task: Task, seeds: bool = False) -> Markup:
    """Draw a score as a dot with its interval as a whisker, floor, reference and bound as marks.

    Args:
        row: The row to draw.
        task: Its task, for the mark at the bound.
        seeds: Whether each training run is drawn as a small dot of its own.
    """
    text = f"score {number(row.score)}, 95 % interval {number(row.low)} to {number(row.high)}"
    middle = _HEIGHT / 2
    parts = [
        f'<svg class="bar {row.kind}" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{text}">',
        _line("axis", *AXIS, middle),
        _mark("zero", 0.0),
        _mark("one", 1.0),
    ]
    if task.bound is not None and _inside(task.score(task.bound.mean)):
        parts.append(_mark("limit", task.score(task.bound.mean)))
    if row.high >= AXIS[0] and row.low <= AXIS[1]:
        parts.append(_line("whisker", row.low, row.high, middle))
    if seeds and row.result is not None and len(row.result.runs) > 1:
        scores = (task.score(run.mean) for run in row.result.runs)
        parts += [f'<circle class="seed" cx="{_x(score)}" cy="{middle}" r="2"/>' for score in scores if _inside(score)]
    parts.append(_dot(row.score, middle))
    return Markup("".join([*parts, "</svg>"]))


@dataclass(frozen=True)
class Series:
    """A line of a chart.

    Attributes:
        label: What it is.
        x: Positions, increasing.
        y: Heights.
        colour: Number of the colour, from 1; 0 is quiet.
        thin: Draw it thin and pale, as one of many of the same colour.
        steps: Draw it as stairs.
    """

    label: str
    x: Array
    y: Array
    colour: int
    thin: bool = False
    steps: bool = False


def chart(
    series: Sequence[Series], title: str, x_title: str, x_range: tuple[float, float], y_range: tuple[float, float],
    marks: Sequence[tuple[str, float]] = (),
) -> Markup:  # fmt: skip
    """Draw lines over a common plane; what leaves the plane is cut off.

    Args:
        series: The lines, the last one on top.
        title: What is drawn, for those who cannot see it.
        x_title: Under the horizontal axis.
        x_range: Ends of the horizontal axis.
        y_range: Ends of the vertical axis.
        marks: Horizontal lines with a class name each, such as ``("one", 1.0)``.
    """
    ends = "; ".join(f"{line.label}: {short(float(line.y[-1]))} at the end" for line in series if not line.thin)
    width, height = _INNER
    parts = [
        f'<svg class="chart" viewBox="0 0 {_CHART[0]} {_CHART[1]}" role="img" aria-label="{escape(title)}. '
        f'{escape(ends)}">',
        *_grid(x_range, y_range),
        f'<text class="title" x="{_LEFT + width / 2}" y="{_CHART[1] - 6}">{escape(x_title)}</text>',
        # An inner drawing clips its content without needing names that must be unique on the page.
        f'<svg x="{_LEFT}" y="{_TOP}" width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
    ]
    for name, level in marks:
        y = _scaled(level, y_range, height, flip=True)
        parts.append(f'<path class="{name}" d="M0 {y}H{width}"/>')
    parts += [_path(line, x_range, y_range) for line in series]
    return Markup("".join([*parts, "</svg></svg>"]))


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Return round numbers that divide an axis into about `count` parts."""
    raw = (high - low) / count
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(size * factor for factor in (1, 2, 2.5, 5, 10) if size * factor >= raw * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    return [round(k * step, 12) + 0.0 for k in range(first, math.floor(high / step + 1e-9) + 1)]


def _grid(x_range: tuple[float, float], y_range: tuple[float, float]) -> list[str]:
    width, height = _INNER
    parts = []
    for level in ticks(*y_range):
        y = _scaled(level, y_range, height, flip=True) + _TOP
        parts.append(f'<path class="grid" d="M{_LEFT} {y}h{width}"/>')
        parts.append(f'<text class="y" x="{_LEFT - 6}" y="{round(y + 4, 1)}">{_plain(level)}</text>')
    for level in ticks(*x_range):
        x = _scaled(level, x_range, width) + _LEFT
        parts.append(f'<text class="x" x="{round(x, 1)}" y="{_TOP + height + 16}">{_plain(level)}</text>')
    return parts


def _plain(value: float) -> str:
    return counted(value).replace("-", "\u2212")


def _path(line: Series, x_range: tuple[float, float], y_range: tuple[float, float]) -> str:
    width, height = _INNER
    xs = [_scaled(float(x), x_range, width) for x in line.x]
    ys = [_scaled(float(y), y_range, height, flip=True) for y in line.y]
    points = [f"M{xs[0]} {ys[0]}"]
    for x, y in zip(xs[1:], ys[1:], strict=True):
        points.append(f"H{x}V{y}" if line.steps else f"L{x} {y}")
    return f'<path class="line c{line.colour}{" thin" if line.thin else ""}" d="{"".join(points)}"/>'


def _scaled(value: float, ends: tuple[float, float], length: float, flip: bool = False) -> float:
    share = (value - ends[0]) / (ends[1] - ends[0])
    # Far outside the plane the exact place does not matter, and huge numbers would be badly drawn.
    share = min(max(share, -5.0), 6.0)
    return round((1 - share if flip else share) * length, 1)


def _inside(score: float) -> bool:
    return AXIS[0] <= score <= AXIS[1]


def _x(score: float) -> float:
    """Return the horizontal position of a score, held at the ends of the axis."""
    share = (min(max(score, AXIS[0]), AXIS[1]) - AXIS[0]) / (AXIS[1] - AXIS[0])
    return round(_MARGIN + share * (_WIDTH - 2 * _MARGIN), 1)


def _line(name: str, start: float, end: float, y: float) -> str:
    return f'<line class="{name}" x1="{_x(start)}" x2="{_x(end)}" y1="{y}" y2="{y}"/>'


def _mark(name: str, score: float) -> str:
    return f'<line class="{name}" x1="{_x(score)}" x2="{_x(score)}" y1="4" y2="{_HEIGHT - 4}"/>'


def _dot(score: float, y: float) -> str:
    if _inside(score):
        return f'<circle class="dot" cx="{_x(score)}" cy="{y}" r="4"/>'
    way = 1 if score > AXIS[1] else -1
    tip, back = _x(score) + 5 * way, _x(score) - 3 * way
    return f'<path class="dot" d="M{tip} {y}L{back} {y - 5}V{y + 5}Z"/>'
