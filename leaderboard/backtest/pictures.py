"""The pictures of a backtest: wealth, drawdown, weights; for light and dark pages, wide and narrow screens."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from scenarium.envs.core.canvas import INK, LINE, MUTED, PAPER, figure_of, pixels

if TYPE_CHECKING:
    from scenarium.leaderboard.backtest.result import Backtest

Floats = npt.NDArray[np.float64]
HUES = (
    "#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#ee8866", "#44bb99", "#999933", "#88aaff",
)  # fmt: skip
"""Paul Tol's bright and light schemes: apart for colour-blind readers, on white and on black."""
BANDS = 3
"""Policies up to which a picture shows the middle four fifths of the worlds."""
MOST_NAMES = len(HUES)
"""Stocks with a colour of their own; the others share one."""


class Style(NamedTuple):
    """How a picture looks.

    Attributes:
        dark: For a dark page.
        narrow: For a telephone.
    """

    dark: bool = False
    narrow: bool = False

    @property
    def paper(self) -> str:
        """Background, that of the page."""
        return "#12161c" if self.dark else PAPER

    @property
    def ink(self) -> str:
        """Of the text that is read first."""
        return "#e4e9f0" if self.dark else INK

    @property
    def muted(self) -> str:
        """Of the other text."""
        return "#9aa7b8" if self.dark else MUTED

    @property
    def line(self) -> str:
        """Of axes."""
        return "#303a47" if self.dark else LINE

    @property
    def rest(self) -> str:
        """Of the stocks without a colour of their own."""
        return "#56606e" if self.dark else "#cbd5e1"

    @property
    def cash(self) -> str:
        """Of cash."""
        return "#8793a3" if self.dark else "#94a3b8"

    @property
    def width(self) -> int:
        """Pixels, before the scale of the screen."""
        return 370 if self.narrow else 1180


def png(figure: Any, style: Style) -> bytes:
    """The figure as a PNG file of 256 colours, a third of the size of all; finer than the screen's pixels."""
    from PIL import Image

    figure.set_facecolor(style.paper)
    figure.set_dpi(200 if style.narrow else 160)
    buffer = io.BytesIO()
    Image.fromarray(pixels(figure)).quantize(256, dither=Image.Dither.NONE).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def draw_wealth(test: Backtest, style: Style) -> Any:
    """Wealth over that at the start, on a log scale; the median where there are several worlds."""
    figure, axes, room = _sheet(style, len(test.tracks), 250 if style.narrow else 400)
    start = np.ones((1, len(test.seeds)))
    drawn = {label: np.concatenate([start, track.wealth]) for label, track in test.tracks.items()}
    ends = _lines(axes, test, drawn, style)
    axes.set_yscale("log")
    _log_ticks(axes, *ends)
    _legend(figure, axes, style, room)
    return figure


def draw_drawdown(test: Backtest, style: Style) -> Any:
    """Wealth below its highest value so far, %; the median where there are several worlds."""
    figure, axes, room = _sheet(style, len(test.tracks), 210 if style.narrow else 280)
    start = np.zeros((1, len(test.seeds)))
    drawn = {label: 100.0 * np.concatenate([start, track.drawdown]) for label, track in test.tracks.items()}
    _lines(axes, test, drawn, style)
    axes.set_ylim(top=0.0)
    _legend(figure, axes, style, room)
    return figure


def draw_weights(test: Backtest, style: Style) -> Any:
    """Weights after every close of the first world, one panel for each policy."""
    columns = 1 if style.narrow else min(3, len(test.tracks))
    rows = -(-len(test.tracks) // columns)
    coloured, names = _coloured(test)
    each, below = (130, 24 * (2 + len(names) // 4)) if style.narrow else (190, 60)
    height = rows * each + below
    figure = figure_of(style.width, height)
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    left = 38 / style.width
    figure.subplots_adjust(left, below / height, 1 - 12 / style.width, 1 - 24 / height, 0.08, 0.28)
    for axes in panels.flat[len(test.tracks) :]:
        axes.axis("off")
    handles: list[Any] = []
    for place, (label, track) in enumerate(test.tracks.items()):
        axes = panels.flat[place]
        areas = _areas(track.weights[..., 0], coloured)
        colours = [style.cash, *HUES[: len(coloured)], style.rest][: len(areas)]
        handles = axes.stackplot(_days(test)[1:], 100.0 * areas, colors=colours, linewidth=0)
        axes.set_title(label, loc="left", fontsize=9, color=style.ink, weight="bold", pad=4)
        _dress(axes, test, style, 3)
        axes.tick_params(labelbottom=place + columns >= len(test.tracks))
        axes.set_ylim(0, 100)
        axes.margins(x=0)
    legend = figure.legend(
        handles, names, loc="lower center", ncol=4 if style.narrow else 12, frameon=False, fontsize=8,
        handlelength=1.0, columnspacing=1.0,
    )  # fmt: skip
    _tint(legend, style)
    return figure


def _coloured(test: Backtest) -> tuple[list[int], list[str]]:
    """Columns of the stocks that get a colour, and the names of all areas."""
    mean = np.max([track.weights[:, 1:, 0].mean(0) for track in test.tracks.values()], 0)
    many = len(mean) > MOST_NAMES
    chosen = sorted(np.argsort(-mean, kind="stable")[: MOST_NAMES - many].tolist())
    return [i + 1 for i in chosen], ["cash", *(test.names[i] for i in chosen), *(["others"] if many else [])]


def _areas(weights: npt.NDArray[np.float32], coloured: list[int]) -> Floats:
    """Cash, the stocks with a colour, and the others if there are any [k, D]."""
    w = weights.astype(np.float64)
    others = [i for i in range(1, w.shape[1]) if i not in coloured]
    parts = [w[:, 0], *(w[:, i] for i in coloured), *([w[:, others].sum(1)] if others else [])]
    return np.stack(parts)


def _sheet(style: Style, policies: int, height: int) -> tuple[Any, Any, int]:
    """A figure with one pair of axes and room for the legend below, and the legend's columns."""
    columns = 2 if style.narrow else min(6, policies)
    below = 30 + 17 * -(-policies // columns)
    figure = figure_of(style.width, height + below)
    axes = figure.subplots()
    left, whole = 44 / style.width, height + below
    figure.subplots_adjust(left, (below + 14) / whole, 1 - 14 / style.width, 1 - 10 / whole)
    return figure, axes, columns


def _days(test: Backtest) -> Any:
    """Dates where there is one world, numbers of days where there are several; the start included."""
    days = np.arange(test.days + 1)
    if len(test.seeds) > 1:
        return days
    dates = test.played.dates[:, 0].astype("datetime64[D]")
    return np.concatenate([dates[:1] - np.timedelta64(1, "D"), dates])


def _lines(axes: Any, test: Backtest, drawn: dict[str, Floats], style: Style) -> tuple[float, float]:
    """One line for each policy, a band for few; the lowest and the highest number drawn."""
    days, lowest, highest = _days(test), np.inf, -np.inf
    hues = iter(HUES * (1 + len(drawn) // len(HUES)))
    for i, (label, series) in enumerate(drawn.items()):
        bench = label == test.against
        colour, middle = style.ink if bench else next(hues), np.median(series, 1)
        dash = (0, (4, 2)) if bench else "-" if i <= len(HUES) else (0, (1, 1))
        axes.plot(days, middle, color=colour, linewidth=1.2 if bench else 1.5, linestyle=dash, label=label)
        low, high = middle, middle
        if len(test.seeds) > 1 and len(drawn) <= BANDS:
            low, high = np.quantile(series, [0.1, 0.9], axis=1)
            axes.fill_between(days, low, high, color=colour, alpha=0.12, linewidth=0)
        lowest, highest = min(lowest, float(low.min())), max(highest, float(high.max()))
    _dress(axes, test, style)
    axes.margins(x=0.01)
    return lowest, highest


def _dress(axes: Any, test: Backtest, style: Style, ticks: int = 8) -> None:
    axes.set_facecolor(style.paper)
    axes.grid(axis="y", color=style.line, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(style.line)
    axes.tick_params(which="both", colors=style.muted, labelsize=8, length=0)
    if len(test.seeds) == 1:
        days, dates = _days(test), test.dates()
        places = np.unique(np.linspace(1, test.days, min(ticks, 4) if style.narrow else ticks).round().astype(int))
        characters = 10 if test.days < 60 else 7  # whole dates, or months
        axes.set_xticks(days[places], [dates[place - 1][:characters] for place in places])


def _log_ticks(axes: Any, lowest: float, highest: float) -> None:
    """Ticks at round numbers: a log axis has none over a range as short as this."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

    low, high = max(lowest, 1e-6) / 1.02, highest * 1.02
    ticks = [tick for tick in MaxNLocator(6).tick_values(low, high) if low <= tick <= high]
    axes.set_ylim(low, high)
    axes.yaxis.set_major_locator(FixedLocator(ticks))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))


def _legend(figure: Any, axes: Any, style: Style, columns: int) -> None:
    handles, labels = axes.get_legend_handles_labels()
    legend = figure.legend(
        handles, labels, loc="lower center", ncol=columns, frameon=False, fontsize=8, handlelength=1.6
    )
    _tint(legend, style)


def _tint(legend: Any, style: Style) -> None:
    for text in legend.get_texts():
        text.set_color(style.ink)
