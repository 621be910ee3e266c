"""What a worker sees of the map: a square window around it, in seven channels, and who owns houses and stands where."""

from __future__ import annotations

import numpy as np

from scenarium.envs.core.namespace import Array, Namespace
from scenarium.envs.tax.economy import Economy, slots
from scenarium.envs.tax.layouts import Layout

RANGE = 5
SIDE = 2 * RANGE + 1
CHANNELS = ("stone", "wood", "house", "water", "stone_source", "wood_source", "inside")
INDICES = ("house_owner", "worker")
"""0 nobody, 1 the worker itself, i + 2 worker i."""
_OWNER, _WORKER, _NUMBER = 7, 14, 127
"""A tile's code: one bit per channel, then seven bits each for the two indices."""
_HOUSE, _FULL = (CHANNELS.index(name) for name in ("house", "stone_source"))
"""The bit of the houses, and the one from which the bits of the two kinds of sources lie; those of units begin at 0."""


class Lens:
    """The windows of a map as arrays of one backend.

    Attributes:
        near: Numbers of the tiles in the window around every tile, int32 [tiles, 121]; `tiles` outside the map.
        slot: Source numbers of these tiles, int32 [tiles, 121]; the number of sources where nothing grows.
        fixed: Codes of these tiles without what may change, int32 [tiles, 121].
        bits: Where each channel stands in a code, int32 [7, 1].
        numbers: Where the indices stand, int32 [2, 1].
        me: Worker numbers plus one, int32 [n].
        named: How the worker of a row names the one of a column, int32 [n, n].
    """

    def __init__(self, layout: Layout, workers: int, xp: Namespace) -> None:
        slot, count = slots(layout), len(layout.sources)
        stone, wood = slot < len(layout.stone), (slot >= len(layout.stone)) & (slot < count)
        wet = np.zeros(layout.tiles + 1, int)
        wet[[layout.number(tile) for tile in layout.water]] = 1
        fixed = {"water": wet, "stone_source": stone, "wood_source": wood, "inside": np.arange(len(wet)) < layout.tiles}
        base = sum(np.asarray(there, int) << CHANNELS.index(name) for name, there in fixed.items())
        near = windows(layout)
        self.near, self.slot = xp.constant(near, "int"), xp.constant(slot[near], "int")
        self.fixed = xp.constant(np.asarray(base)[near], "int")
        self.bits = xp.constant(range(len(CHANNELS)), "int")[:, None]
        self.numbers = xp.constant([_OWNER, _WORKER], "int")[:, None]
        self.me = xp.constant(range(1, workers + 1), "int")
        names = np.tile(np.arange(2, workers + 2), (workers, 1))
        np.fill_diagonal(names, 1)
        self.named = xp.constant(names, "int")


def windows(layout: Layout) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """Numbers of the tiles in the window around every tile, row by row; `tiles` outside the map."""
    rows, columns = layout.size
    reach = np.arange(-RANGE, RANGE + 1)
    row = np.arange(rows)[:, None, None, None] + reach[:, None]
    along = np.arange(columns)[:, None, None] + reach
    inside = (row >= 0) & (row < rows) & (along >= 0) & (along < columns)
    return np.where(inside, row * columns + along, layout.tiles).reshape(layout.tiles, SIDE * SIDE)


def look(economy: Economy, lens: Lens, xp: Namespace) -> tuple[Array, Array]:
    """The windows of all workers.

    Returns:
        Channels as int8 0 or 1, [n, 7, 11, 11] or [B, n, 7, 11, 11], and indices as int8, [n, 2, 11, 11] likewise.
    """
    code = _codes(economy, lens, xp)[..., None, :]
    channels = xp.cast((code >> lens.bits) & 1, "byte")
    seen = xp.cast((code >> lens.numbers) & _NUMBER, "byte")
    lead, square = code.shape[:-2], (SIDE, SIDE)
    return channels.reshape(*lead, len(CHANNELS), *square), seen.reshape(*lead, len(INDICES), *square)


def _codes(economy: Economy, lens: Lens, xp: Namespace) -> Array:
    """The codes of the tiles in every worker's window, int32 [n, 121] or [B, n, 121].

    Houses and units are read where they lie, worlds last: the tiles of neighbouring worlds share cache lines. Sameness
    is arithmetic, because compilers vectorise it and not comparisons.
    """
    places = xp.batch_first(economy.location)
    here = xp.cast(places, "index")
    near, slot, fixed = lens.near[here], lens.slot[here], lens.fixed[here]
    full = xp.cast(xp.take(xp.batch_first(economy.stock), xp.cast(slot, "index"), -1), "int")
    owner = xp.cast(xp.take(xp.batch_first(economy.houses), xp.cast(near, "index"), -1), "int")
    owned, other = xp.minimum(owner, 1), xp.minimum(owner ^ lens.me[:, None], 1)
    named = 1 + other * (owner + owned - 1)
    code = fixed + ((fixed >> _FULL) & 3) * full + owned * (1 << _HOUSE) + named * (1 << _OWNER)
    if not xp.batched:  # one comparison instead of a loop, for NumPy's sake
        there = near[:, None] == places[:, None]
        return code + (there * (lens.named[:, :, None] * (1 << _WORKER))).sum(1)
    for k in range(lens.me.shape[0]):
        there = 1 - xp.minimum(near ^ places[..., k, None, None], 1)
        code = code + there * (lens.named[:, k, None] * (1 << _WORKER))
    return code
