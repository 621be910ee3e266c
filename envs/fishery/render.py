"""The picture of a fishery in one year, and of an episode.

`python -m scenarium.envs.fishery.render Fishery-v0 --out docs/images/fishery.png --episode` draws an episode of a world
under a constant escapement; without `--episode`, its last year.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from scenarium.envs.core.canvas import write_png
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.model import Outcome
from scenarium.envs.core.namespace import NUMPY
from scenarium.envs.core.rollout import Moment, unroll
from scenarium.envs.fishery.actions import kept
from scenarium.envs.fishery.canvas import (
    DANGER,
    INK,
    LINE,
    MUTED,
    PAPER,
    SHADE,
    SPECIES,
    Image,
    figure_of,
    finish,
    label,
    pixels,
)
from scenarium.envs.fishery.dynamics import growth

if TYPE_CHECKING:
    from scenarium.envs.fishery.model import Fishery, State


def _top(model: Fishery) -> float:
    """Largest stock shown."""
    return 1.0 if model.parameters.species == 1 else 1.5


def draw(model: Fishery, state: State, outcome: Outcome | None, t: int) -> Image:
    """The stocks of one world at the start of year t, what was taken last, and where each stock is heading.

    For each species: its stock as a bar with last year's harvest beside it, and below, how much it would grow in a
    year from any stock if nothing were taken and the others stayed as they are. Red is near-extinction.

    Args:
        model: The problem.
        state: State of one unbatched world, before year t.
        outcome: What the last year brought, or None before the first.
        t: The year.

    Returns:
        uint8 [680, 1200, 3].
    """
    figure = figure_of()
    names = list(SPECIES)[: len(state.stocks)]
    panels = figure.subplots(2, len(names), squeeze=False, gridspec_kw={"height_ratios": [1.0, 2.0]})
    figure.subplots_adjust(left=0.06, right=0.95, top=0.80, bottom=0.09, hspace=0.42, wspace=0.28)
    for i, name in enumerate(names):
        taken = 0.0 if outcome is None else float(outcome.info.get(f"harvest_{name.lower()}", 0.0))
        _draw_stock(panels[0, i], model, name, float(state.stocks[i]), taken)
        _draw_growth(panels[1, i], model, state, i, t)
    label(panels[1, 0], "stock", "expected growth in a year, unfished")
    _draw_heading(figure, model, outcome, t)
    return pixels(figure)


def _draw_heading(figure: Any, model: Fishery, outcome: Outcome | None, t: int) -> None:
    figure.text(0.06, 0.925, f"year {t}", fontsize=20, weight="bold", color=INK)
    figure.text(0.06, 0.89, f"of {model.horizon}", fontsize=10, color=MUTED)
    if outcome is None:
        return
    dead = bool(outcome.info["collapsed"])
    words = f"harvest last year {float(outcome.info['harvest']):.3f}"
    if dead:
        words += f"    nearly extinct: penalty {float(outcome.info['penalty']):.2f}"
    figure.text(0.95, 0.925, words, fontsize=12, ha="right", color=DANGER if dead else INK)


def _draw_stock(axes: Any, model: Fishery, name: str, stock: float, taken: float) -> None:
    """The stock now, and last year's harvest."""
    threshold = model.parameters.threshold
    axes.barh([1.0], [stock], color=DANGER if stock <= threshold else SPECIES[name], height=0.5)
    top, fished = _top(model), list(SPECIES).index(name) < model.parameters.harvested
    axes.axvline(threshold, color=DANGER, linewidth=1.2, linestyle=(0, (3, 2)))
    rows = {"stock": 1.0, "last taken": 0.0} if fished else {"stock": 1.0}
    axes.set(xlim=(0.0, top), ylim=(-0.5, 1.6), yticks=list(rows.values()), yticklabels=list(rows))
    axes.text(min(stock, 0.87 * top) + 0.01 * top, 1.0, f"{stock:.3f}", va="center", fontsize=10, color=INK)
    if fished:
        axes.barh([0.0], [taken], color=INK, alpha=0.55, height=0.3)
        place = max(taken, threshold) + 0.01 * top
        axes.text(place, 0.0, f"{taken:.3f}", va="center", fontsize=9, color=MUTED)
    finish(axes, name)
    axes.title.set_color(SPECIES[name])


def _draw_growth(axes: Any, model: Fishery, state: State, index: int, t: int) -> None:
    """Expected yearly growth of one species against its stock, the others as they are."""
    grid = np.linspace(0.0, _top(model), 301)
    stocks = tuple(grid if i == index else np.full_like(grid, float(n)) for i, n in enumerate(state.stocks))
    change = np.asarray(growth(stocks, t, model.parameters, NUMPY)[index]) - grid
    name, here = list(SPECIES)[index], float(state.stocks[index])
    axes.axvspan(0.0, model.parameters.threshold, color=DANGER, alpha=0.12, linewidth=0)
    axes.axhline(0.0, color=LINE, linewidth=1)
    axes.fill_between(grid, 0.0, change, where=change > 0, color=SPECIES[name], alpha=0.15, linewidth=0)
    axes.plot(grid, change, color=SPECIES[name], linewidth=1.6)
    axes.plot([here], [np.interp(here, grid, change)], "o", color=INK, markersize=7, markeredgecolor=PAPER, zorder=5)
    axes.set_xlim(0.0, grid[-1])
    near = change[grid <= max(0.75 * grid[-1], here)]
    low, high = min(float(near.min()), 0.0), max(float(near.max()), 0.0)
    axes.set_ylim(low - 0.12 * (high - low), high + 0.12 * (high - low))
    axes.set_facecolor(SHADE)
    finish(axes, "")


def draw_episode(model: Fishery, moments: Sequence[Moment]) -> Image:
    """An episode of one world over time: stocks with the collapse threshold, harvests, and mortalities.

    Args:
        model: The problem.
        moments: The years of one unbatched world, as `unroll` or `replay` yields them; what follows the end of the
            world is left out.

    Returns:
        uint8 [680, 1200, 3].
    """
    lived = [m for m in moments if m.alive is None or bool(m.alive)]
    figure = figure_of()
    panels = figure.subplots(3, 1, sharex=True, gridspec_kw={"height_ratios": [2.2, 1.4, 1.2]})
    figure.subplots_adjust(left=0.06, right=0.85, top=0.90, bottom=0.07, hspace=0.28)
    years = np.array([m.t for m in lived])
    stocks = np.array(
        [[float(n) for n in m.state.stocks] for m in lived] + [[float(n) for n in lived[-1].after.stocks]]
    )
    taken = np.array([_taken(model, m) for m in lived])
    _draw_stocks(panels[0], model, np.append(years, years[-1] + 1), stocks, lived[-1])
    _draw_harvest(panels[1], years, taken)
    for name, share in zip(SPECIES, (taken / np.maximum(stocks[:-1, : taken.shape[1]], 1e-9)).T, strict=False):
        panels[2].plot(years, share, color=SPECIES[name], linewidth=1.2, label=f"of {name}")
    panels[2].set_ylim(0.0, min(1.02, 1.1 * max(0.1, *panels[2].dataLim.intervaly)))
    finish(panels[2], "fraction taken", legend=True)
    panels[2].set_xlim(0, model.horizon)
    label(panels[2], "year")
    returned = sum(float(m.outcome.reward) for m in lived)
    figure.text(0.06, 0.95, f"return {returned:.2f}", fontsize=15, weight="bold", color=INK)
    figure.text(0.85, 0.95, _ending(model, lived), fontsize=11, ha="right", color=MUTED)
    return pixels(figure)


def _taken(model: Fishery, moment: Moment) -> list[float]:
    """Harvest of each fished species in a year."""
    action = np.asarray(moment.action, np.float32)
    _, taken = kept(moment.state.stocks, action, model.action_mode, model.parameters.harvested, NUMPY)
    return [float(catch) for catch in taken]


def _ending(model: Fishery, lived: Sequence[Moment]) -> str:
    last = lived[-1]
    if not bool(last.outcome.terminated):
        return f"alive after {last.t + 1} years"
    low = [n for i, n in enumerate(SPECIES) if i in model.parameters.mortal and _is_low(model, last, i)]
    return f"{', '.join(low)} nearly extinct in year {last.t + 1}: penalty {float(last.outcome.info['penalty']):.2f}"


def _is_low(model: Fishery, moment: Moment, index: int) -> bool:
    return float(moment.after.stocks[index]) <= model.parameters.threshold


def _draw_stocks(axes: Any, model: Fishery, years: Any, stocks: Any, last: Moment) -> None:
    threshold = model.parameters.threshold
    for i, name in zip(range(stocks.shape[1]), SPECIES, strict=False):
        role = "" if i < model.parameters.harvested else ", not fished"
        axes.plot(years, stocks[:, i], color=SPECIES[name], linewidth=1.4, label=name + role)
        if _is_low(model, last, i) and i in model.parameters.mortal:
            axes.plot(years[-1], stocks[-1, i], "X", color=DANGER, markersize=10, clip_on=False, zorder=6)
    axes.axhspan(0.0, threshold, color=DANGER, alpha=0.12, linewidth=0)
    axes.axhline(threshold, color=DANGER, linewidth=1.2, linestyle=(0, (3, 2)), label=f"collapse at {threshold:g}")
    axes.set_ylim(0.0, max(1.0, float(stocks.max()) * 1.05))
    finish(axes, "stocks before harvest", legend=True)


def _draw_harvest(axes: Any, years: Any, taken: Any) -> None:
    names = list(SPECIES)[: taken.shape[1]]
    base = np.zeros(len(years))
    for name, catch in zip(names, taken.T, strict=True):
        axes.bar(years, catch, bottom=base, width=1.0, color=SPECIES[name], label=f"of {name}", linewidth=0)
        base = base + catch
    mean = float(base.mean())
    axes.axhline(mean, color=INK, linewidth=1, linestyle=(0, (4, 3)), label=f"mean {mean:.3f}")
    finish(axes, "harvest, per year", legend=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line of this module; see its first lines."""
    from scenarium.envs import make_model
    from scenarium.envs.fishery.model import Fishery

    parser = argparse.ArgumentParser(description="Draw a year, or an episode, of a fishery.")
    parser.add_argument("env_id")
    parser.add_argument("--out", required=True, help="PNG to write")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--years", type=int, default=200, help="years to play")
    parser.add_argument("--escapement", type=float, default=0.55, help="stock to leave of each fished species")
    parser.add_argument("--episode", action="store_true", help="draw all years over time")
    chosen = parser.parse_args(arguments)
    if not isinstance(make_model(chosen.env_id), Fishery):
        raise ScenariumError(f"{chosen.env_id} is not a fishery")
    model = make_model(chosen.env_id, action_mode="escapement")
    assert isinstance(model, Fishery)
    level = np.full(model.parameters.harvested, chosen.escapement, np.float32)
    moments = list(unroll(model, model.scenario(chosen.seed), lambda *_: (level, None), max(1, chosen.years)))
    last = next((m for m in moments if bool(m.outcome.terminated)), moments[-1])
    picture = draw_episode(model, moments) if chosen.episode else draw(model, last.after, last.outcome, last.t + 1)
    write_png(chosen.out, picture)


if __name__ == "__main__":
    main()
