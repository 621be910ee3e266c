"""The picture of a supply network, and of an episode in it.

`python -m scenarium.envs.inventory.render InventoryNet-v0 --out docs/images/inventory_net.png` draws one period of a
world under an order-up-to policy.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from scenarium.envs.core.canvas import write_png
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.model import Outcome
from scenarium.envs.core.namespace import NUMPY
from scenarium.envs.core.rollout import Moment, unroll
from scenarium.envs.inventory.canvas import (
    COSTS,
    HEIGHT,
    HUB,
    INK,
    LINE,
    MUTED,
    PANEL,
    RATIONED,
    SHORT,
    STOCK,
    TRANSIT,
    WIDTH,
    Image,
    canvas,
    number,
    pixels,
    write,
)
from scenarium.envs.inventory.picture import draw_edge, draw_node, places_of

if TYPE_CHECKING:
    from scenarium.envs.inventory.model import InventoryNet, State


def draw(model: InventoryNet, state: State, outcome: Outcome | None, t: int) -> Image:
    """The network of one world at the start of period t, and what the period before brought.

    Goods flow from left to right. A node shows its stock on hand as a bar (red: backlog), an edge the units in transit
    as dots, the nearer to its end the sooner they arrive; its width is what was shipped last. Where a node could not
    ship what was asked, the edge is marked and says shipped / requested.

    Args:
        model: The problem.
        state: State of one unbatched world, before period t.
        outcome: What the last period brought, or None before the first.
        t: The period.

    Returns:
        uint8 [680, 1200, 3].
    """
    figure, axes = canvas()
    places = places_of(model)
    for edge in range(len(model.network.edges)):
        draw_edge(axes, model, places, edge, state, outcome)
    for name in places:
        draw_node(axes, model, places, name, state, outcome)
    _draw_panel(axes, model, state, outcome, t)
    return pixels(figure)


def _draw_panel(axes: Any, model: InventoryNet, state: State, outcome: Outcome | None, t: int) -> None:
    """On the right: the period, the cost of the last period by kind, and the fill rate."""
    from matplotlib.patches import Rectangle

    left, width = WIDTH - PANEL + 22, PANEL - 46
    axes.add_patch(Rectangle((WIDTH - PANEL, 0), PANEL, HEIGHT, facecolor="#f6f8fa", zorder=0))
    write(axes, left, 48, "period", size=9, colour=MUTED)
    write(axes, left, 82, f"{t}", size=26, weight="bold")
    write(axes, left + width, 88, f"of {model.horizon}", size=9, colour=MUTED, ha="right")
    axes.add_patch(Rectangle((left, 108), width, 3, facecolor=LINE))
    axes.add_patch(Rectangle((left, 108), width * min(1.0, t / model.horizon), 3, facecolor=INK))
    moving = sum(float(slot.sum()) for slot in state.transit)
    lines = {"on hand": float(np.maximum(state.on_hand, 0).sum()), "in transit": moving}
    lines["backlog"] = float(np.maximum(-state.on_hand, 0).sum())
    for i, (name, value) in enumerate(lines.items()):
        write(axes, left, 148 + 24 * i, name, colour=MUTED)
        write(axes, left + width, 148 + 24 * i, f"{number(value)} units", ha="right")
    if outcome is not None:
        _draw_costs(axes, model, outcome, left, width)
    keys = (("in transit", TRANSIT), ("rationed: shipped / asked", RATIONED), ("short", SHORT))
    for i, (name, colour) in enumerate(keys):
        axes.plot(left + 5, 590 + 22 * i, "o", color=colour, markersize=6)
        write(axes, left + 18, 590 + 22 * i, name, size=8, colour=MUTED)


def _costs(model: InventoryNet, outcome: Outcome) -> dict[str, float]:
    """Cost of a period by kind, per store."""
    stores = model.store_count
    return {name: float(outcome.info.get(f"{name}_cost", 0.0)) / stores for name in COSTS}


def _draw_costs(axes: Any, model: InventoryNet, outcome: Outcome, left: float, width: float) -> None:
    from matplotlib.patches import Rectangle

    costs = _costs(model, outcome)
    total = sum(costs.values())
    write(axes, left, 262, "cost per store, last period", colour=MUTED)
    write(axes, left, 296, f"{total:.2f}", size=22, weight="bold")
    start = left
    for i, (name, value) in enumerate(costs.items()):
        part = width * value / max(total, 1e-9)
        axes.add_patch(Rectangle((start, 322), part, 12, facecolor=COSTS[name]))
        start += part
        y = 362 + 24 * i
        axes.plot(left + 5, y, "o", color=COSTS[name], markersize=6)
        write(axes, left + 18, y, name, colour=MUTED)
        write(axes, left + width, y, f"{value:.2f}", ha="right")
    demand = np.maximum(outcome.info["demand"], 0.0)
    missed = float(np.minimum(outcome.info["unmet"], demand).sum())
    rate = 1.0 - missed / max(float(demand.sum()), 1e-9)
    write(axes, left, 470, "demand met from stock", colour=MUTED)
    write(axes, left, 504, f"{rate:.0%}", size=22, weight="bold")
    axes.add_patch(Rectangle((left, 528), width, 6, facecolor=LINE))
    axes.add_patch(Rectangle((left, 528), width * max(rate, 0.0), 6, facecolor=STOCK))


def draw_episode(model: InventoryNet, moments: Sequence[Moment]) -> Image:
    """An episode of one world over time: stock, flows and costs.

    Args:
        model: The problem.
        moments: The periods of one unbatched world, as `unroll` or `replay` yields them.

    Returns:
        uint8 [680, 1200, 3].
    """
    figure, whole = canvas()
    whole.remove()
    panels = figure.subplots(3, 1, sharex=True)
    figure.subplots_adjust(left=0.06, right=0.87, top=0.95, bottom=0.07, hspace=0.28)
    periods = [moment.t for moment in moments]
    outcomes = [moment.outcome for moment in moments]
    titles = ("stock on hand, units", "flow, units per period", "cost per store and period")
    stocks = _stock_lines(model, np.stack([moment.state.on_hand for moment in moments]))
    _draw_lines(panels[0], periods, stocks, titles[0])
    _draw_lines(panels[1], periods, _flow_lines(model, outcomes), titles[1])
    costs = {name: np.array([_costs(model, outcome)[name] for outcome in outcomes]) for name in COSTS}
    costs = {name: values for name, values in costs.items() if values.any()}
    if costs:
        panels[2].stackplot(
            periods, *costs.values(), labels=list(costs), colors=[COSTS[k] for k in costs], alpha=0.85, linewidth=0
        )
    mean = float(np.mean(sum(costs.values(), start=np.zeros(len(periods)))))
    panels[2].axhline(mean, color=INK, linewidth=1, linestyle=(0, (4, 3)), label=f"mean {mean:.2f}")
    _finish(panels[2], titles[2])
    panels[2].set_xlabel("period", fontsize=9, color=MUTED)
    return pixels(figure)


def _stock_lines(model: InventoryNet, on_hand: npt.NDArray[Any]) -> dict[str, tuple[Any, str]]:
    inner, stores = on_hand[:, : model.stock_count], on_hand[:, model.stock_count :]
    lines = {"stores": (np.maximum(stores, 0.0).sum(1), STOCK)}
    if model.stock_count:
        lines["warehouses"] = (inner.sum(1), HUB)
    if (stores < 0).any():
        lines["backlog"] = (-np.maximum(-stores, 0.0).sum(1), SHORT)
    return lines


def _flow_lines(model: InventoryNet, outcomes: Sequence[Outcome]) -> dict[str, tuple[Any, str]]:
    supply = model.constants(NUMPY).supply

    def total(name: str, part: slice) -> Any:
        return np.array([float(outcome.info[name][part].sum()) for outcome in outcomes])

    lines = {"demand": (total("demand", slice(None)), INK), "bought": (total("shipped", slice(supply)), TRANSIT)}
    if supply < len(model.network.edges):
        lines["passed on"] = (total("shipped", slice(supply, None)), HUB)
    lines["unmet"] = (total("unmet", slice(None)), SHORT)
    return lines


def _draw_lines(axes: Any, periods: list[int], lines: dict[str, tuple[Any, str]], title: str) -> None:
    for name, (values, colour) in lines.items():
        axes.plot(periods, values, color=colour, linewidth=1.5, label=name)
    _finish(axes, title)


def _finish(axes: Any, title: str) -> None:
    axes.set_title(title, loc="left", fontsize=10, color=INK, weight="bold")
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, fontsize=9, labelcolor=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(LINE)
    axes.tick_params(colors=MUTED, labelsize=8, length=0)
    axes.grid(axis="y", color="#eef2f6")
    axes.margins(x=0.01)
    axes.set_axisbelow(True)


def _play(model: InventoryNet, seed: int, periods: int, cover: float) -> list[Moment]:
    """One world under order-up-to levels of `cover` times the mean demand over lead time and a period."""
    leads = np.array([edge.lead_time + 1 for edge in model.network.edges])
    levels = (cover * model.action_mean * leads).astype(np.float32)
    return list(unroll(model, model.scenario(seed), lambda *_: (levels, None), periods))


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line of this module; see its first lines."""
    from scenarium.envs import make_model
    from scenarium.envs.inventory.model import InventoryNet

    parser = argparse.ArgumentParser(description="Draw a period, or an episode, of an inventory network.")
    parser.add_argument("env_id")
    parser.add_argument("--out", required=True, help="PNG to write")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--period", type=int, default=46, help="the period to draw")
    parser.add_argument("--cover", type=float, default=1.0, help="order-up-to level over mean demand")
    parser.add_argument("--episode", action="store_true", help="draw all periods up to --period over time")
    chosen = parser.parse_args(arguments)
    model = make_model(chosen.env_id, action_mode="order_up_to")
    if not isinstance(model, InventoryNet):
        raise ScenariumError(f"{chosen.env_id} is not an inventory network")
    moments = _play(model, chosen.seed, max(1, chosen.period), chosen.cover)
    last = moments[-1]
    picture = draw_episode(model, moments) if chosen.episode else draw(model, last.after, last.outcome, last.t + 1)
    write_png(chosen.out, picture)


if __name__ == "__main__":
    main()
