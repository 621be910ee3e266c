"""Pictures of taxation: a schedule over the incomes it taxes, what skill earns, and policies in the plane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from scenarium.envs.core.canvas import INK, LINE, MUTED, WIDTH, Image, figure_of, pixels
from scenarium.envs.core.model import Outcome
from scenarium.envs.core.namespace import NUMPY

if TYPE_CHECKING:
    from scenarium.envs.tax.one_step import TaxOneStep

INCOME, RATE, NET = "#b6c6dc", "#b91c1c", "#0f9d8a"
COLOURS = ("#2563eb", "#e08700", "#0f9d8a", "#dc2f45", "#7c5cd6", "#0891b2", "#b45309", "#4d7c0f", "#be185d", "#475569")
BINS = 40
_MARGINS = {"left": 0.06, "right": 0.94, "top": 0.88, "bottom": 0.07, "wspace": 0.3, "hspace": 0.35}


class Point(NamedTuple):
    """Where a policy lies in the plane.

    Attributes:
        productivity: Coin of all workers.
        equality: From 0 to 1.
    """

    productivity: float
    equality: float


def plain(axes: Any, title: str) -> None:
    """Title and quiet axes."""
    axes.set_title(title, fontsize=9, color=INK, loc="left")
    axes.tick_params(labelsize=8, colors=MUTED, length=2)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(LINE)


def schedule(axes: Any, cutoffs: Sequence[float], rates: Any, incomes: Any, title: str, end: float = 0.0) -> None:
    """Marginal rates by income as a line, and the histogram of the incomes taxed behind it.

    Args:
        axes: Where to draw.
        cutoffs: Lower ends of the brackets.
        rates: Marginal rate of each bracket.
        incomes: Incomes, any shape; negative ones are shown at 0.
        title: Of the panel.
        end: Right end of the incomes' axis; at least the last cutoff and the largest income if left out.
    """
    earned = np.maximum(np.asarray(incomes, np.float64).ravel(), 0.0)
    end = end or max(float(cutoffs[-1]) * 1.15, float(earned.max(initial=0.0)) * 1.05)
    counts, edges = np.histogram(np.minimum(earned, end), BINS, (0.0, end))
    share = axes.twinx()
    share.bar(edges[:-1], counts / max(len(earned), 1), np.diff(edges), align="edge", color=INCOME)
    share.set_ylabel("share of incomes", fontsize=8, color=MUTED)
    share.tick_params(labelsize=8, colors=MUTED, length=2)
    for side in ("top", "left", "bottom", "right"):
        share.spines[side].set_visible(False)
    axes.set_zorder(share.get_zorder() + 1)
    axes.patch.set_visible(False)
    last = max(end, float(cutoffs[-1]) * 1.01)
    axes.step([*cutoffs, last], [*rates, rates[-1]], where="post", color=RATE, linewidth=2.0)
    axes.set_xlim(0.0, end)
    axes.set_ylim(-0.02, 1.02)
    axes.set_ylabel("marginal rate", fontsize=8, color=RATE)
    plain(axes, title)


def one_step(model: TaxOneStep, outcome: Outcome | None) -> Image:
    """The one-step economy: the schedule over its incomes, and what every skill earns and keeps.

    Args:
        model: The economy.
        outcome: What a schedule led to; None shows the free market, which is before any.
    """
    info = outcome.info if outcome is not None else _untaxed(model)
    figure = figure_of()
    first = "no taxes yet: the free market" if outcome is None else "the schedule and the incomes it taxes"
    panel = figure.add_axes((0.07, 0.1, 0.42, 0.76))
    schedule(panel, model.parameters.cutoffs, info["rates"], info["income"], first)
    panel.set_xlabel("income before tax", fontsize=8, color=MUTED)
    kept = figure.add_axes((0.6, 0.1, 0.37, 0.76))
    rank = np.arange(1, model.parameters.workers + 1)
    kept.plot(rank, info["income"], color=INK, linewidth=1.5, label="income before tax")
    kept.plot(rank, info["coin"], color=NET, linewidth=2.0, label="after tax and lump sum")
    kept.set_xlabel("workers by skill", fontsize=8, color=MUTED)
    kept.legend(fontsize=8, frameon=False)
    plain(kept, "what skill earns and keeps")
    text = f"{model.parameters.workers} workers   welfare {float(info['welfare']):,.1f} ({model.reward})"
    figure.text(0.015, 0.945, text, fontsize=11, color=INK, va="center", weight="bold")
    return pixels(figure)


def _untaxed(model: TaxOneStep) -> dict[str, Any]:
    """What happens without taxes, as an outcome's info."""
    rates = np.zeros(len(model.parameters.cutoffs))
    found = model.respond(rates, NUMPY)
    return {**found._asdict(), "rates": rates, "welfare": model.welfare(found, NUMPY)}


class Taxed(NamedTuple):
    """What a policy did.

    Attributes:
        rates: Its marginal rates, the mean over periods and worlds, [brackets].
        incomes: The incomes it taxed, any shape.
    """

    rates: Any
    incomes: Any


def schedules(policies: Mapping[str, Taxed], cutoffs: Sequence[float]) -> Image:
    """The schedules of several policies, each over the incomes it taxed, on common axes.

    Args:
        policies: What each did, by name.
        cutoffs: Lower ends of the brackets.
    """
    rows = -(-len(policies) // 2)
    figure = figure_of(WIDTH, 80 + 300 * rows)
    heading = "marginal tax rates over the incomes they tax"
    figure.text(0.02, 0.96, heading, fontsize=12, color=INK, va="center", weight="bold")
    grid = figure.subplots(rows, 2, squeeze=False, gridspec_kw=_MARGINS).ravel()
    end = max(float(np.quantile(policy.incomes, 0.999)) for policy in policies.values())
    for axes, (name, policy) in zip(grid, policies.items(), strict=False):
        schedule(axes, cutoffs, policy.rates, policy.incomes, name, end=max(end, float(cutoffs[-2]) * 1.1))
    for axes in grid[len(policies) :]:
        axes.set_axis_off()
    return pixels(figure)


def plane(points: Mapping[str, Point], workers: int, title: str) -> Image:
    """Equality against productivity; curves join points of the same equality times productivity per worker.

    Args:
        points: Policies by name.
        workers: Number of workers n of the economy.
        title: Above the picture.
    """
    figure = figure_of()
    axes = figure.add_axes((0.07, 0.09, 0.6, 0.82))
    most = max(point.productivity for point in points.values()) * 1.12
    _levels(axes, points, workers, most)
    for number, (name, point) in enumerate(points.items()):
        colour, marker = COLOURS[number % len(COLOURS)], "os^D"[number // len(COLOURS) % 4]
        label = f"{name}  {point.productivity * point.equality / workers:.0f}"
        axes.scatter([point.productivity], [point.equality], s=70, color=colour, marker=marker, zorder=3, label=label)
    axes.set_xlim(0.0, most)
    axes.set_ylim(min(0.3, min(point.equality for point in points.values()) - 0.05), 1.02)
    axes.set_xlabel("productivity: coin of all workers", fontsize=9, color=MUTED)
    axes.set_ylabel("equality", fontsize=9, color=MUTED)
    heading = "equality x coin per worker"
    axes.legend(
        fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1.02, 1.0), title=heading, alignment="left"
    )
    plain(axes, title)
    return pixels(figure)


def _levels(axes: Any, points: Mapping[str, Point], workers: int, most: float) -> None:
    """Curves of constant equality times productivity per worker, at five round values."""
    best = max(point.productivity * point.equality for point in points.values()) / workers
    unit = 10.0 ** np.floor(np.log10(max(best, 1.0) / 4.0))
    along = np.linspace(most * 0.02, most, 200)
    for level in np.arange(1, 6) * max(np.round(best / 4.0 / unit), 1.0) * unit:
        height = level * workers / along
        axes.plot(along, height, color=LINE, linewidth=0.8, zorder=1)
        if level * workers / most < 1.0:
            axes.text(most, level * workers / most, f"{level:.0f} ", fontsize=7, color=MUTED, ha="right", va="bottom")
