"""The leaderboard as one static HTML file: no scripts, nothing loaded from elsewhere, same bytes each time.

Everything a submission says is escaped, links are http or https only, and a content security policy forbids
scripts, so that an entry cannot run code in a reader's browser.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import jinja2
from markupsafe import Markup

from scenarium.envs.core.files import write_atomic
from scenarium.leaderboard.ranking import MIN_SEEDS, Row, Standings, standings
from scenarium.leaderboard.schema import Result, Task, Value
from scenarium.leaderboard.store import BrokenFile

REPLICATIONS = 2000
"""Bootstrap samples behind each interval on the page."""

AXIS = (-0.25, 1.25)
"""Scores at the ends of the drawn axis; what lies outside is drawn as an arrow at the end."""

_WIDTH, _HEIGHT, _MARGIN = 200, 26, 8  # of the drawing, in its own units

TRACK_TEXTS = {
    "known-model": "The agent may use the model itself: gradients through it, or dynamic programming.",
    "model-free": "The agent sees samples only: observations, rewards and ends of episodes.",
}


@dataclass(frozen=True)
class Section:
    """What the page shows of one task."""

    task: Task
    tracks: tuple[Standings, ...]


def render_page(
    tasks: Mapping[str, Task],
    results: Iterable[Result],
    *,
    broken: Sequence[BrokenFile] = (),
    title: str = "Scenarium leaderboard",
    replications: int = REPLICATIONS,
) -> str:
    """Render the page.

    Args:
        tasks: Tasks by name, in the order in which they are shown.
        results: Results in any order; those of unknown tasks are listed as left out.
        broken: Result files that could not be read, listed as left out.
        title: Heading of the page.
        replications: Bootstrap samples behind each interval.

    Returns:
        A complete HTML document; the same input gives the same text.
    """
    by_task: dict[str, list[Result]] = {name: [] for name in tasks}
    left_out = [(str(file.path), file.error) for file in broken]
    for result in results:
        if result.task in by_task:
            by_task[result.task].append(result)
        else:
            left_out.append((f"{result.task}/{result.slug}", f"there is no task {result.task!r}"))
    sections = [
        Section(task, standings(task, by_task[name], replications=replications)) for name, task in tasks.items()
    ]
    template = _environment().get_template("index.html.j2")
    return template.render(
        title=title,
        sections=sections,
        left_out=sorted(left_out),
        min_seeds=MIN_SEEDS,
        replications=replications,
        track_texts=TRACK_TEXTS,
    )


def write_page(path: str | os.PathLike[str], html: str) -> Path:
    """Write a rendered page in one piece and return its path."""
    return write_atomic(path, html)


def interval_bar(row: Row, task: Task) -> Markup:
    """Draw a score as a dot with its interval as a whisker, floor, reference and bound as marks.

    Args:
        row: The row to draw.
        task: Its task, for the mark at the bound.

    Returns:
        An inline SVG that takes its colours from the page; its label says in words what it shows.
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
    parts.append(_dot(row.score, middle))
    return Markup("".join([*parts, "</svg>"]))


def number(value: float, digits: int = 3) -> str:
    """Write a number with fixed decimals, fewer for large ones, a true minus sign and no negative zero."""
    decimals = max(0, digits - max(0, math.floor(math.log10(abs(value))))) if value else digits
    text = f"{value:.{decimals}f}"
    if float(text) == 0:
        text = text.removeprefix("-")
    return text.replace("-", "\u2212")


class Quantity(NamedTuple):
    """A mean and its standard error, written with matching decimals."""

    mean: str
    std_error: str


def quantity(mean: float, std_error: float) -> Quantity:
    """Write a mean to the decimals that its standard error justifies (two digits of the error)."""
    if std_error <= 0:
        return Quantity(number(mean, 4), "0")
    decimals = min(12, max(0, 1 - math.floor(math.log10(std_error))))
    return Quantity(f"{mean:.{decimals}f}".replace("-", "\u2212"), f"{std_error:.{decimals}f}")


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("scenarium.leaderboard", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(number=number)
    environment.globals.update(interval_bar=interval_bar, quantity=_row_quantity)
    return environment


def _row_quantity(item: Row | Value) -> Quantity:
    return quantity(item.mean, item.std_error)


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
