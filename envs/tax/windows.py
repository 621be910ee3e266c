"""What a worker sees of the map: a square window around it, in seven channels, and who owns houses and stands where."""

from __future__ import annotations

import numpy as np

from scenarium.envs.core.namespace import Array, Namespace
from scenarium.envs.tax.economy import Economy, Tables, column, slots
from scenarium.envs.tax.layouts import Layout

RANGE = 5
SIDE = 2 * RANGE + 1
CHANNELS = ("stone", "wood", "house", "water", "stone_source", "wood_source", "inside")
INDICES = ("house_owner", "worker")
"""0 nobody, 1 the worker itself, i + 2 worker i."""
_OWNER, _WORKER, _NUMBER = 7, 11, 15
"""A tile's code: one bit per channel, then four bits for the owner of its house and four for who stands there."""
_HOUSE_BIT = 1 << CHANNELS.index("house")


class Lens:
    """The windows of a map as arrays of one backend.

    Attributes:
        near: Numbers of the tiles in the window around every tile, int32 [tiles, 121]; `tiles` outside the map.
        base: Code of every tile without what may change, int32 [tiles + 1].
        unit: What a unit adds to a tile's code, int32 [tiles + 1].
        bits: Where each channel stands in a code, int32 [7, 1].
        numbers: Where owner and worker stand, int32 [2, 1].
        me: Worker numbers plus one, int32 [n].
    """

    def __init__(self, layout: Layout, workers: int, xp: Namespace) -> None:
        slot, count = slots(layout), len(layout.sources)
        stone, wood = slot < len(layout.stone), (slot >= len(layout.stone)) & (slot < count)
        wet = np.zeros(layout.tiles + 1, int)
        wet[[layout.number(tile) for tile in layout.water]] = 1
        fixed = {"water": wet, "stone_source": stone, "wood_source": wood, "inside": np.arange(len(wet)) < layout.tiles}
        base = sum(np.asarray(there, int) << CHANNELS.index(name) for name, there in fixed.items())
        unit = stone * (1 << CHANNELS.index("stone")) + wood * (1 << CHANNELS.index("wood"))
        self.near = xp.constant(windows(layout), "int")
        self.base, self.unit = column(xp, base, "int"), column(xp, unit, "int")
        self.bits = xp.constant(range(len(CHANNELS)), "int")[:, None]
        self.numbers = xp.constant([_OWNER, _WORKER], "int")[:, None]
        self.me = xp.constant(range(1, workers + 1), "int")


def windows(layout: Layout) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """Numbers of the tiles in the window around every tile, row by row; `tiles` outside the map."""
    rows, columns = layout.size
    reach = np.arange(-RANGE, RANGE + 1)
    row = np.arange(rows)[:, None, None, None] + reach[:, None]
    along = np.arange(columns)[:, None, None] + reach
    inside = (row >= 0) & (row < rows) & (along >= 0) & (along < columns)
    return np.where(inside, row * columns + along, layout.tiles).reshape(layout.tiles, SIDE * SIDE)


def look(economy: Economy, lens: Lens, tables: Tables, xp: Namespace) -> tuple[Array, Array]:
    """The windows of all workers.

    Returns:
        Channels as int8 0 or 1, [n, 7, 11, 11] or [B, n, 7, 11, 11], and indices as int8, [n, 2, 11, 11] likewise.
    """
    here = xp.batch_first(xp.cast(economy.location, "index"))
    near = xp.cast(lens.near[here], "index")
    grid = _codes(economy, here, lens, tables, xp)
    code = xp.cast(xp.take(grid, near, -1), "int")[..., None, :]
    channels = xp.cast((code >> lens.bits) & 1, "byte")
    who = (code >> lens.numbers) & _NUMBER
    other = xp.minimum(
        who ^ lens.me[:, None, None], 1
    )  # arithmetic, because compilers vectorise it and not comparisons
    seen = 1 + other * (who + xp.minimum(who, 1) - 1)
    lead = near.shape[:-1]
    square = (SIDE, SIDE)
    return channels.reshape(*lead, len(CHANNELS), *square), xp.cast(seen, "byte").reshape(*lead, len(INDICES), *square)


def _codes(economy: Economy, here: Array, lens: Lens, tables: Tables, xp: Namespace) -> Array:
    """The code of every tile, float32 [tiles + 1] or [B, tiles + 1]: worlds first, so that a window lies together.

    Codes are exact as floats, and compilers transpose floats faster than integers.
    """
    owner = xp.cast(economy.houses, "int")
    code = lens.base + owner * (1 << _OWNER) + xp.minimum(owner, 1) * _HOUSE_BIT
    code = code + xp.cast(economy.stock[tables.slot], "int") * lens.unit
    grid = xp.packed(xp.batch_first(xp.cast(code, "float")))
    standing = xp.take(grid, here, -1) + xp.cast(lens.me * (1 << _WORKER), "float")
    return xp.place(grid, here, standing, -1)
