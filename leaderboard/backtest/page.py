"""A backtest as one HTML file: no scripts, nothing loaded from elsewhere, the same bytes each time."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from scenarium.envs.portfolio.metrics import DAYS_PER_YEAR
from scenarium.leaderboard.backtest.figures import BLOCK, CATALOGUE, DRAWS, written
from scenarium.leaderboard.backtest.pictures import BANDS, Style, draw_drawdown, draw_wealth, draw_weights, png
from scenarium.leaderboard.page import environment

if TYPE_CHECKING:
    from scenarium.leaderboard.backtest.result import Backtest


class Picture(NamedTuple):
    """A picture in its four forms, as data URIs.

    Attributes:
        title: Heading.
        text: What it shows.
        light: Wide, for a light page.
        dark: Wide, for a dark page.
        narrow: For a telephone, light.
        narrow_dark: For a telephone, dark.
        sizes: Width and height of the wide and of the narrow form.
    """

    title: str
    text: str
    light: str
    dark: str
    narrow: str
    narrow_dark: str
    sizes: tuple[tuple[int, int], tuple[int, int]]


class Cell(NamedTuple):
    """A figure of a policy as text; `low` is empty where there is no interval."""

    value: str
    low: str
    high: str


def render(test: Backtest) -> str:
    """The page of a backtest."""
    rows = [
        (name, shown, [_cell(test, label, name) for label in test.tracks])
        for name, shown in CATALOGUE.items()
        if any(name in found for found in test.figures.values())
    ]
    return (
        environment()
        .get_template("backtest.html.j2")
        .render(
            test=test,
            first=test.dates()[0],
            last=test.dates()[-1],
            rows=rows,
            pictures=list(_pictures(test)),
            block=BLOCK,
            draws=DRAWS,
            days_per_year=DAYS_PER_YEAR,
        )
    )


def _cell(test: Backtest, label: str, name: str) -> Cell:
    interval = test.figures[label].get(name)
    if interval is None:
        return Cell("\u2013", "", "")
    value, low, high = (written(name, x) for x in interval)
    return Cell(value, *(("", "") if low == "\u2013" else (low, high)))


def _pictures(test: Backtest) -> list[Picture]:
    several = len(test.seeds) > 1
    band = "; the bands hold the middle four fifths" if len(test.tracks) <= BANDS else ""
    middle = f" Median of {len(test.seeds)} worlds{band}." if several else ""
    weights = f"Weights after every close, %{f'; world {test.seeds[0]}, the first' if several else ''}."
    return [
        _picture(test, "Wealth", f"Over that at the start, log scale.{middle}", draw_wealth),
        _picture(test, "Drawdown", f"Wealth below its highest value so far, %.{middle}", draw_drawdown),
        _picture(test, "Weights", weights, draw_weights),
    ]


def _picture(test: Backtest, title: str, text: str, draw: Callable[[Backtest, Style], Any]) -> Picture:
    found, sizes = [], []
    for narrow in (False, True):
        for dark in (False, True):
            style = Style(dark, narrow)
            figure = draw(test, style)
            found.append("data:image/png;base64," + base64.b64encode(png(figure, style)).decode("ascii"))
        width, height = figure.get_size_inches()
        sizes.append((round(100 * width), round(100 * height)))
    light, dark_wide, small, small_dark = found
    return Picture(title, text, light, dark_wide, small, small_dark, (sizes[0], sizes[1]))
