"""The picture of a portfolio.

`python -m scenarium.envs.portfolio.render PortfolioAllocation-v0 --out docs/images/portfolio.png` draws a day of a
world held at equal weights.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from scenarium.envs.core.canvas import INK, LINE, MUTED, Image, figure_of, pixels, write_png
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.model import Outcome
from scenarium.envs.core.rollout import unroll
from scenarium.envs.portfolio.calendar import day_text

if TYPE_CHECKING:
    from scenarium.envs.portfolio.model import PortfolioAllocation, State

CASH, STOCK, GAIN, LOSS = "#94a3b8", "#3b82f6", "#dc2f45", "#0f9d8a"
"""Gains are red and losses green, as on Chinese exchanges."""


def draw(model: PortfolioAllocation, state: State, outcome: Outcome | None, t: int) -> Image:
    """The weights of one world after day t, and what the last day brought.

    Args:
        model: The problem.
        state: State of one unbatched world.
        outcome: What the last day brought, or None before the first.
        t: Days played.

    Returns:
        uint8 [560, 1000, 3].
    """
    figure = figure_of(1000, 560)
    bars, panel = figure.subplots(1, 2, gridspec_kw={"width_ratios": [3, 1]})
    figure.subplots_adjust(left=0.06, right=0.98, top=0.9, bottom=0.09, wspace=0.12)
    _draw_weights(bars, model, np.asarray(state.weights, np.float64))
    _draw_panel(panel, model, state, outcome, t)
    return pixels(figure)


def _draw_weights(axes: Any, model: PortfolioAllocation, weights: npt.NDArray[np.float64]) -> None:
    places = np.arange(len(weights))
    axes.bar(places, 100.0 * weights, color=[CASH] + [STOCK] * model.names, width=0.75)
    axes.axhline(100.0 / model.names, color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    axes.text(len(weights) - 0.4, 100.0 / model.names, " 1/N", color=MUTED, fontsize=9, va="bottom", ha="right")
    labels = ["cash", *(str(i + 1) for i in range(model.names))]
    axes.set_xticks(places, labels, fontsize=9, color=INK)
    axes.set_ylim(0.0, max(25.0, 110.0 * float(weights.max())))
    axes.set_title("weights after the close, %", loc="left", fontsize=11, color=INK, weight="bold")
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(LINE)
    axes.tick_params(axis="y", colors=MUTED, labelsize=8, length=0)
    axes.tick_params(axis="x", length=0)


def _draw_panel(axes: Any, model: PortfolioAllocation, state: State, outcome: Outcome | None, t: int) -> None:
    axes.axis("off")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    wealth, drawdown = float(np.exp(state.wealth)), float(1.0 - np.exp(state.wealth - state.peak))
    lines = [("day", f"{t} of {model.horizon}", INK), ("wealth", f"{wealth:.4f}", INK)]
    lines.append(("drawdown", f"{100 * drawdown:.1f} %", INK))
    if outcome is not None:
        info = outcome.info
        gain, index = (float(np.expm1(info[name])) for name in ("log_return", "index_return"))
        lines.insert(0, ("date", day_text(int(info["date"])), INK))
        lines.append(("last day", f"{100 * gain:+.2f} %", GAIN if gain >= 0 else LOSS))
        lines.append(("index", f"{100 * index:+.2f} %", GAIN if index >= 0 else LOSS))
        lines.append(("turnover", f"{100 * float(info['turnover']):.1f} %", INK))
        lines.append(("cost", f"{1e4 * float(info['cost']):.2f} bp", INK))
    for i, (name, value, colour) in enumerate(lines):
        axes.text(0.0, 0.95 - 0.11 * i, name, fontsize=10, color=MUTED)
        axes.text(1.0, 0.95 - 0.11 * i, value, fontsize=12, color=colour, ha="right", weight="bold")


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line of this module; see its first lines."""
    from scenarium.envs import make_model
    from scenarium.envs.portfolio.model import PortfolioAllocation

    parser = argparse.ArgumentParser(description="Draw a day of a portfolio held at equal weights.")
    parser.add_argument("env_id")
    parser.add_argument("--out", required=True, help="PNG to write")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--day", type=int, default=100)
    chosen = parser.parse_args(arguments)
    made = make_model(chosen.env_id)
    if not isinstance(made, PortfolioAllocation):
        raise ScenariumError(f"{chosen.env_id} is not a portfolio problem")
    model = made.native()
    equal = np.array([0.0] + [1.0 / model.names] * model.names, np.float32)
    last = list(unroll(model, model.scenario(chosen.seed), lambda *_: (equal, None), max(1, chosen.day)))[-1]
    write_png(chosen.out, draw(model, last.after, last.outcome, last.t + 1))


if __name__ == "__main__":
    main()
