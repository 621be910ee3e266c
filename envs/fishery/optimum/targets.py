"""What the recursion decides, as escapement targets: the stock a harvest leaves, wherever there is more than that.

With two fished species the target of one depends on the other's stock and on the predator, not on its own stock:
where it is below its target it is left alone, and above it the target is the same however far above. That is exact
where W - sum s has one peak along the species' axis (concave growth), and costs nothing measurable elsewhere; with one
species, whose growth may tip, the target is kept as a function of its own stock.
"""

from __future__ import annotations

import numpy as np

from scenarium.envs.fishery.optimum.grid import Floats, Grid
from scenarium.envs.fishery.optimum.program import fished


def targets(left: Floats, grid: Grid, harvested: int) -> list[Floats]:
    """Target of each fished species from the values W of what is left.

    Args:
        left: W at the nodes after the harvest.
        grid: Nodes.
        harvested: The first so many species are fished.

    Returns:
        Per fished species an array over the nodes before the harvest, with an axis of length 1 for what the target
        does not depend on.
    """
    gain = left - fished(grid.after, harvested)
    if len(grid.after) == 1:
        return [_own(gain, grid)]
    return [_target(gain, grid, axis, harvested) for axis in range(harvested)]


def _target(gain: Floats, grid: Grid, axis: int, harvested: int) -> Floats:
    """The best level along one axis, the other fished species having been harvested as is best up to their stock."""
    for other in range(harvested):
        if other != axis:
            gain = np.maximum.accumulate(gain, axis=other)
    kept = tuple(
        slice(None) if i == axis else slice(len(a) - len(b), None)
        for i, (a, b) in enumerate(zip(grid.after, grid.before, strict=True))
    )
    moved = np.moveaxis(gain[kept], axis, -1)
    return np.expand_dims(peak(moved, grid.after[axis]), axis)


def refined(gain: Floats, best: Floats, axes: tuple[Floats, ...]) -> Floats:
    """Levels between nodes around the best nodes of several curves or surfaces.

    Args:
        gain: [M, nodes of all axes, flat], minus infinity where not allowed.
        best: The best flat node of each [M].
        axes: Nodes of the one or two fished species.

    Returns:
        [len(axes), M].
    """
    shape = tuple(len(axis) for axis in axes)
    grid, index = gain.reshape(-1, *shape), np.unravel_index(best, shape)
    rows = np.arange(len(grid))
    if len(axes) == 1:
        return peak(grid, axes[0], index[0])[None]
    return np.stack([peak(grid[rows, :, index[1]], axes[0], index[0]), peak(grid[rows, index[0]], axes[1], index[1])])


def unbounded(levels: Floats, nodes: Floats, axis: int) -> Floats:
    """Targets from levels that cannot exceed the species' own stock.

    Where all of the stock is left, what is left of the next higher stock takes the level's place: harvesting down to
    it does the same, and between nodes it does not harvest a stock that is just below its target.
    """
    moved = np.moveaxis(levels, axis, 0).copy()
    for i in reversed(range(len(nodes) - 1)):
        moved[i] = np.where(moved[i] >= nodes[i] * (1.0 - 1e-9), np.maximum(moved[i + 1], nodes[i]), moved[i])
    return np.moveaxis(moved, 0, axis)


def _own(gain: Floats, grid: Grid) -> Floats:
    """The best level of the only species up to each of its nodes."""
    nodes, size = grid.after[0], len(grid.before[0])
    seen = np.where(np.tri(len(nodes), dtype=bool), gain, -np.inf)[-size:]
    return unbounded(peak(seen, nodes), grid.before[0], 0)


def peak(gain: Floats, nodes: Floats, best: Floats | None = None) -> Floats:
    """Where a curve over nodes is greatest along the last axis, by a parabola through the best node and its neighbours.

    At the ends, next to the node 0 and where a neighbour is not allowed (minus infinity) it is the node itself.

    Args:
        gain: [..., nodes].
        nodes: Ascending, the first at 0.
        best: Index of the best node [...], if known.
    """
    best = gain.argmax(-1) if best is None else best
    inner = np.clip(best, 2, len(nodes) - 2)
    around = [np.take_along_axis(gain, (inner + i)[..., None], -1)[..., 0] for i in (-1, 0, 1)]
    usable = (inner == best) & np.isfinite(around[2])
    low, middle, high = (np.where(usable, a, i == 1) for i, a in enumerate(around))
    x0, x1, x2 = (nodes[inner + i] for i in (-1, 0, 1))
    rise, fall = (middle - low) / (x1 - x0), (high - middle) / (x2 - x1)
    # The slope is linear between the middles of the two intervals, and falls from `rise` to `fall`.
    place = 0.5 * (x0 + x1) + 0.5 * (x2 - x0) * rise / np.maximum(rise - fall, 1e-12)
    return np.where(usable, np.clip(place, x0, x2), nodes[best])
