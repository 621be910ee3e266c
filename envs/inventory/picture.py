"""Where the nodes of a supply network are drawn, and how nodes and edges look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from scenarium.envs.core.model import Outcome
from scenarium.envs.inventory.canvas import (
    HEIGHT,
    HUB,
    INK,
    LINE,
    MUTED,
    PANEL,
    PAPER,
    RATIONED,
    SHORT,
    STOCK,
    TRANSIT,
    WIDTH,
    number,
    short_name,
    write,
)

if TYPE_CHECKING:
    from scenarium.envs.inventory.model import InventoryNet, State

CROWDED = 12
"""More nodes than this in one column are drawn as bars without names."""
NARROW = 110.0
"""A box of less width (pixels) has its name above it."""


class Place:
    """Where a node is drawn: centre, size and whether it has room for its name."""

    def __init__(self, x: float, y: float, width: float, height: float, roomy: bool) -> None:
        self.x, self.y, self.width, self.height, self.roomy = x, y, width, height, roomy


def _columns(model: InventoryNet) -> list[list[str]]:
    """Names by column: suppliers, stock nodes by the longest path that leads to them, stores."""
    network = model.network
    depth = {node.name: 0 for node in network.nodes}
    for edge in network.edges:  # sorted by source, upstream first
        depth[edge.target] = max(depth[edge.target], depth[edge.source] + 1)
    inner: dict[int, list[str]] = {}
    for node in network.stocks:
        inner.setdefault(depth[node.name], []).append(node.name)
    suppliers = [node.name for node in network.of_kind("supplier")]
    return [suppliers, *(inner[key] for key in sorted(inner)), [node.name for node in network.stores]]


def places_of(model: InventoryNet) -> dict[str, Place]:
    """Where every node of the network is drawn, by name."""
    columns = _columns(model)
    left, right, top, bottom = 24.0, WIDTH - PANEL - 80.0, 40.0, HEIGHT - 24.0
    pitch = (right - left) / len(columns)
    width = min(150.0, 0.62 * pitch)
    places: dict[str, Place] = {}
    for i, names in enumerate(columns):
        x = left + 0.5 * width + i * (right - left - width) / (len(columns) - 1)
        gap = (bottom - top) / len(names)
        roomy = len(names) <= CROWDED
        height = min(54.0, 0.78 * gap) if roomy else 0.62 * gap
        for j, name in enumerate(names):
            places[name] = Place(x, top + (j + 0.5) * gap, width, height, roomy)
    return places


def _box(axes: Any, place: Place, **style: Any) -> None:
    from matplotlib.patches import FancyBboxPatch

    corner = (place.x - place.width / 2, place.y - place.height / 2)
    shape = f"round,pad=0,rounding_size={min(7.0, place.height / 3)}"
    axes.add_patch(FancyBboxPatch(corner, place.width, place.height, boxstyle=shape, **style))


def draw_node(
    axes: Any, model: InventoryNet, places: dict[str, Place], name: str, state: State, outcome: Outcome | None
) -> None:
    """One node: its box, name, stock and, at a store, what it sold last."""
    node = next(node for node in model.network.nodes if node.name == name)
    place = places[name]
    if node.kind == "supplier":
        _box(axes, place, facecolor=INK, edgecolor=INK, zorder=4)
        write(axes, place.x, place.y, short_name(name, place.width), colour=PAPER, ha="center")
        return
    index = model.network.index(name)
    _box(axes, place, facecolor=PAPER, edgecolor=HUB if node.kind == "hub" else LINE, linewidth=1.2, zorder=4)
    on_hand = float(state.on_hand[index])
    if place.roomy:
        _label(axes, place, name, on_hand)
    _draw_bar(axes, place, on_hand / _scale(model, name))
    if node.kind == "store":
        _draw_demand(axes, place, index - model.stock_count, name, outcome)


def _label(axes: Any, place: Place, name: str, on_hand: float) -> None:
    """Name and stock inside the box; in a narrow box the stock alone, with the name above."""
    left, right, y = place.x - place.width / 2 + 9, place.x + place.width / 2 - 9, place.y - place.height * 0.2
    stock = number(on_hand)
    write(axes, right, y, stock, colour=SHORT if on_hand < 0 else INK, ha="right", weight="bold")
    if place.width < NARROW:
        write(axes, place.x, place.y - place.height / 2 - 10, short_name(name, 1.5 * place.width), size=8, ha="center")
    else:
        write(axes, left, y, short_name(name, place.width - 24 - 8 * len(stock)))


def _scale(model: InventoryNet, name: str) -> float:
    """Units at which a node's bar is full: the demand behind it over its longest lead time and three periods."""
    into = [(edge.lead_time, mean) for edge, mean in zip(model.network.edges, model.action_mean) if edge.target == name]
    return max(1e-6, *((lead + 3) * float(mean) for lead, mean in into))


def _draw_bar(axes: Any, place: Place, share: float) -> None:
    from matplotlib.patches import Rectangle

    inset = 9.0 if place.roomy else 2.0
    height = min(8.0, 0.2 * place.height) if place.roomy else place.height - 2.0
    left, width = place.x - place.width / 2 + inset, place.width - 2 * inset
    top = place.y + place.height * 0.2 - height / 2 + 2 if place.roomy else place.y - height / 2
    axes.add_patch(Rectangle((left, top), width, height, facecolor="#eef2f6", zorder=5))
    colour = STOCK if share >= 0 else SHORT
    axes.add_patch(Rectangle((left, top), width * min(1.0, abs(share)), height, facecolor=colour, zorder=6))


def _draw_demand(axes: Any, place: Place, store: int, name: str, outcome: Outcome | None) -> None:
    """Beside a store: last period's demand and how much of it was not met."""
    x = place.x + place.width / 2 + 8
    unmet = 0.0 if outcome is None else float(outcome.info["unmet"][store])
    if not place.roomy:
        if store % 5 == 0:
            write(axes, x + 8, place.y, short_name(name, 62.0), size=7, colour=MUTED)
        if unmet > 0.05:
            axes.plot(x, place.y, "o", color=SHORT, markersize=3.5)
        return
    if outcome is None:
        return
    demand = f"sold {number(float(outcome.info['demand'][store]) - unmet)}"
    if unmet > float(outcome.info["demand"][store]):  # a backlog older than this period
        demand = f"demand {number(float(outcome.info['demand'][store]))}"
    write(axes, x, place.y - (7 if unmet > 0.05 else 0), demand, size=8, colour=MUTED)
    if unmet > 0.05:
        write(axes, x, place.y + 8, f"{number(unmet)} short", size=8, colour=SHORT)


def _curve(a: Place, b: Place) -> npt.NDArray[np.float64]:
    """Control points [4, 2] of the curve that leaves a to the right and enters b from the left."""
    start, end = a.x + a.width / 2, b.x - b.width / 2
    bend = 0.45 * (end - start)
    return np.array([(start, a.y), (start + bend, a.y), (end - bend, b.y), (end, b.y)])


def _along(points: npt.NDArray[np.float64], share: float) -> tuple[float, float]:
    s = share
    weights = np.array([(1 - s) ** 3, 3 * s * (1 - s) ** 2, 3 * s**2 * (1 - s), s**3])
    x, y = weights @ points
    return float(x), float(y)


def draw_edge(
    axes: Any, model: InventoryNet, places: dict[str, Place], index: int, state: State, outcome: Outcome | None
) -> None:
    """One edge: a curve as wide as what was shipped last, marked where that was less than asked, and its transit."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    edge, mean = model.network.edges[index], max(float(model.action_mean[index]), 1e-6)
    points = _curve(places[edge.source], places[edge.target])
    busy = len(model.network.edges) > 2 * CROWDED
    shipped = 0.0 if outcome is None else float(outcome.info["shipped"][index])
    asked = 0.0 if outcome is None else float(outcome.info["requested"][index])
    cut = asked - shipped > 0.01 * asked + 1e-3
    width = (0.6 if busy else 1.0) + (1.5 if busy else 4.0) * min(1.0, shipped / (3.0 * mean))
    style = {"edgecolor": RATIONED if cut else LINE, "alpha": 0.55 if busy else 1.0, "capstyle": "round"}
    path = Path(points, [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4])
    axes.add_patch(PathPatch(path, facecolor="none", linewidth=width, zorder=2 if cut else 1, **style))
    _draw_transit(axes, points, edge.lead_time, [float(slot[index]) for slot in state.transit], mean, busy)
    if cut and not busy:
        _label_cut(axes, points, f"{number(shipped)} / {number(asked)}")


def _label_cut(axes: Any, points: npt.NDArray[np.float64], text: str) -> None:
    """The label of a rationed edge: where it arrives, on the side the curve does not come from."""
    (left, start), (right, end) = points[0], points[3]
    style: dict[str, Any] = {"size": 8, "colour": RATIONED}
    if right - left < NARROW:
        write(axes, 0.5 * (left + right), end + 42, text, ha="center", **style)
    else:
        write(axes, right - 6, end + (10 if start < end - 1 else -10), text, ha="right", **style)


def _draw_transit(
    axes: Any, points: npt.NDArray[np.float64], lead_time: int, units: list[float], mean: float, busy: bool
) -> None:
    """Dots for units in transit: `units[k - 1]` are usable k periods from now. Their area is the quantity."""
    filled = [k for k, quantity in enumerate(units, 1) if quantity > 1e-3]
    length = max([lead_time, *(k + 1 for k in filled)])
    for k in range(1, length):
        x, y = _along(points, 1.0 - k / length)
        quantity = units[k - 1] if k <= len(units) else 0.0
        if not busy and quantity <= 1e-3:
            axes.plot(x, y, "o", color=PAPER, markeredgecolor=LINE, markersize=3, zorder=3)
        elif quantity > 1e-3:
            size = (2.0 if busy else 3.5) + (3.5 if busy else 8.0) * min(1.0, quantity / (3.0 * mean)) ** 0.5
            axes.plot(x, y, "o", color=TRANSIT, markersize=size, markeredgecolor=PAPER, markeredgewidth=0.6, zorder=3)
