"""The picture of an economy: the map with workers, houses and what grows; wealth, schedule and trades beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from scenarium.envs.core.canvas import INK, LINE, PAPER, Image, figure_of, pixels
from scenarium.envs.core.model import Outcome
from scenarium.envs.tax.parameters import RESOURCES
from scenarium.envs.tax.picture import plain

if TYPE_CHECKING:
    from scenarium.envs.tax.economy import Economy
    from scenarium.envs.tax.model import TaxWorld


GROUND, WATER = "#f6f5ef", "#a9cce6"
GROWTH = {"stone": ("#d6d3d1", "#78716c"), "wood": ("#d9e8cf", "#5b8c3e")}
"""Colours of a resource's source tile, empty and with a unit."""
WORKERS = (
    "#2563eb", "#e08700", "#0f9d8a", "#dc2f45", "#7c5cd6",
    "#0891b2", "#b45309", "#4d7c0f", "#be185d", "#475569",
    "#1d4ed8", "#f59e0b", "#059669", "#ef4444", "#8b5cf6",
)  # fmt: skip
WIDTH, HEIGHT = 1200, 680


def draw(model: TaxWorld, state: Economy, outcome: Outcome | None, t: int) -> Image:
    """One world at the start of period t, and what the period before brought.

    Workers are numbered discs, their houses squares of the same colour. A source tile is filled while it holds a unit.
    Beside the map: coin in hand (solid) and in bids (pale) of each worker, most skilled on top, with its houses; the
    marginal rates with the incomes of the last tax period as marks; and the last trades by price.

    Args:
        model: The problem.
        state: State of one unbatched world, before period t.
        outcome: What the last period brought, or None before the first.
        t: The period.
    """
    figure = figure_of(WIDTH, HEIGHT)
    _map(figure.add_axes((0.01, 0.02, 0.545, 0.9)), model, state)
    day = t % model.parameters.period
    year = t // model.parameters.period + 1
    title = f"period {t} of {model.horizon}   tax period {year}, day {day}   {model.layout.name}"
    figure.text(0.015, 0.955, title, fontsize=11, color=INK, va="center", weight="bold")
    _wealth(figure.add_axes((0.67, 0.66, 0.31, 0.26)), model, state)
    _schedule(figure.add_axes((0.67, 0.35, 0.31, 0.2)), model, state)
    _trades(figure.add_axes((0.67, 0.08, 0.31, 0.17)), state, outcome)
    return pixels(figure)


def _map(axes: Any, model: TaxWorld, state: Economy) -> None:
    from matplotlib.colors import to_rgb
    from matplotlib.patches import Rectangle

    where = model.layout
    rows, columns = where.size
    ground = np.tile(to_rgb(GROUND), (rows, columns, 1))
    for wet in where.water:
        ground[wet] = to_rgb(WATER)
    for slot, source in enumerate(where.sources):
        kind = RESOURCES[0 if slot < len(where.stone) else 1]
        ground[source] = to_rgb(GROWTH[kind][int(state.stock[slot])])
    axes.imshow(ground, interpolation="nearest")
    for tile in np.flatnonzero(state.houses[:-1]):
        row, along = divmod(int(tile), columns)
        colour = WORKERS[int(state.houses[tile]) - 1]
        axes.add_patch(Rectangle((along - 0.36, row - 0.36), 0.72, 0.72, facecolor=colour, alpha=0.55, edgecolor=INK))
    size = 5200.0 / max(rows, columns)
    for number, tile in enumerate(state.location):
        row, along = divmod(int(tile), columns)
        axes.scatter([along], [row], s=size, color=WORKERS[number], edgecolors=PAPER, linewidths=1.5, zorder=3)
        style = {"ha": "center", "va": "center", "color": PAPER, "weight": "bold", "zorder": 4}
        axes.text(along, row, str(number), fontsize=220.0 / max(rows, columns), **style)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_color(LINE)


def _wealth(axes: Any, model: TaxWorld, state: Economy) -> None:
    order = np.argsort(state.pay)
    colours = [WORKERS[int(k)] for k in order]
    place = np.arange(len(order))
    axes.barh(place, state.coin[order], color=colours)
    axes.barh(place, state.bid_coin[order], left=state.coin[order], color=colours, alpha=0.35)
    houses = [int((state.houses == k + 1).sum()) for k in order]
    names = [f"{k}  pay {state.pay[k]:.1f}  {count} houses" for k, count in zip(order, houses, strict=True)]
    axes.set_yticks(place, names)
    plain(axes, "coin by worker, the most skilled on top")


def _schedule(axes: Any, model: TaxWorld, state: Economy) -> None:
    cutoffs = np.array(model.parameters.cutoffs)
    end = max(float(cutoffs[-1]) * 1.2, float(state.last_income.max()) * 1.05)
    axes.step([*cutoffs, end], [*state.rates, state.rates[-1]], where="post", color=INK, linewidth=1.5)
    for number, income in enumerate(state.last_income):
        axes.axvline(max(float(income), 0.0), color=WORKERS[number], linewidth=2.5, alpha=0.75, ymax=0.25)
    axes.set_xlim(0.0, end)
    axes.set_ylim(-0.02, 1.02)
    plain(axes, "marginal tax rate; last period's incomes as marks")


def _trades(axes: Any, state: Economy, outcome: Outcome | None) -> None:
    prices = np.arange(state.price_history.shape[1])
    for k, name in enumerate(RESOURCES):
        axes.bar(prices + 0.4 * k - 0.2, state.price_history[k], 0.4, color=GROWTH[name][1], label=name)
    axes.set_xticks(prices)
    now = 0 if outcome is None else int(np.sum(outcome.info["trades"]))
    plain(axes, f"recent trades by price ({now} in the last period)")
    axes.legend(fontsize=8, frameon=False)
