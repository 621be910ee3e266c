"""The state of an economy and the fixed tables of its map.

Arrays are worker-, resource- or tile-first and carry the batch last, so that one source serves [n] and [n, B] and the
inner loops run over worlds.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from scenarium.envs.core.namespace import Array, Namespace
from scenarium.envs.tax.actions import LEVEL, LEVELS, Codebook
from scenarium.envs.tax.layouts import Layout
from scenarium.envs.tax.parameters import Parameters


class Economy(NamedTuple):
    """Everything at the start of a period; a batch adds a last axis [B].

    Attributes:
        location: Number of the tile each worker stands on, int32 [n].
        coin: Coin in hand, float64 [n].
        bid_coin: Coin set aside for open bids, float64 [n].
        goods: Units in hand, int32 [2, n].
        ask_goods: Units set aside in open asks, int32 [2, n].
        labor: Labor so far, float64 [n].
        pay: Coin a worker gets for a house, float64 [n].
        skill: Building skill as observed, float32 [n].
        bonus: Probability of gathering a second unit, float32 [n].
        stock: Whether a source tile holds a unit, int8 [S + 1]; the last entry, always 0, stands for other tiles.
        houses: 0, or 1 + number of the owner of the house on a tile, int8 [tiles + 1]; the last is outside the map.
        orders: Open orders as codes (`auction`), int32 [orders_most, 2, n]; 0 is a free slot.
        price_history: Decayed count of trades at each price, float32 [2, 11].
        rates: Marginal tax rates in force, float64 [brackets].
        last_wealth: Coin, in hand and in bids, right after the last tax day, float64 [n].
        last_income: Income of the last tax period, float64 [n].
        last_marginal: Marginal rate on that income, float64 [n].
        utility: Utility of each worker now, float64 [n].
        welfare: The planner's objective now, float64 [].
    """

    location: Array
    coin: Array
    bid_coin: Array
    goods: Array
    ask_goods: Array
    labor: Array
    pay: Array
    skill: Array
    bonus: Array
    stock: Array
    houses: Array
    orders: Array
    price_history: Array
    rates: Array
    last_wealth: Array
    last_income: Array
    last_marginal: Array
    utility: Array
    welfare: Array

    @property
    def wealth(self) -> Array:
        """Coin in hand and in bids, float64 [n]."""
        return self.coin + self.bid_coin


class Tables:
    """A map's constants as arrays of one backend.

    Attributes:
        neighbour: Tile reached by staying, left, right, up, down, as one table [5 * tiles]; the tile itself where the
            edge or water is in the way.
        slot: Source number of a tile, or S where nothing grows [tiles + 1].
        row, along: Row and column of a tile as shares of the map's size, float32 [tiles].
        me: Worker numbers plus one, as houses name their owner, shaped to broadcast against [n] and [n, B].
        first: orders_most, ..., 1 by order slot, shaped to broadcast against the orders.
        moves: Where a move's part of `neighbour` starts, left, right, up, down, shaped to broadcast against [4, n].
        codebook: The meaning of worker actions.
        prices: 0, ..., 10, shaped to broadcast against [11] and [11, B].
        places: 0, ..., 21 (bid prices, then ask prices), shaped to broadcast against [22, n].
        capped: Whether each of the planner's levels is within the rate cap, bool [22].
        kept: Whether a level keeps the rate, bool [22].
        cutoffs, sizes: Lower ends and widths of the brackets, float64 [brackets] (the last is endless).
    """

    def __init__(self, parameters: Parameters, layout: Layout, xp: Namespace) -> None:
        self.tiles, self.sources, self.stones = layout.tiles, len(layout.sources), len(layout.stone)
        self.neighbour = xp.constant(neighbours(layout), "int")
        self.slot = xp.constant(slots(layout), "index")
        row, along = np.divmod(np.arange(layout.tiles), layout.size[1])
        self.row, self.along = xp.constant(row / layout.size[0]), xp.constant(along / layout.size[1])
        self.me = column(xp, range(1, parameters.workers + 1), "int")
        self.first = column(xp, [[[parameters.orders_most - slot]] for slot in range(parameters.orders_most)], "int")
        self.moves = column(xp, [[move * layout.tiles] for move in (1, 2, 3, 4)], "int")
        self.codebook = Codebook(xp)
        self.prices = column(xp, range(parameters.price_most + 1), "int")
        self.places = column(xp, [[k] for k in range(2 * (parameters.price_most + 1))], "int")
        self.capped = xp.constant([(k - 1) * LEVEL <= parameters.rate_cap + 1e-9 for k in range(LEVELS)], "bool")
        self.kept = xp.constant([k == 0 for k in range(LEVELS)], "bool")
        self.cutoffs = column(xp, parameters.cutoffs, "double")
        self.sizes = column(xp, [*np.diff(parameters.cutoffs), np.inf], "double")


def column(xp: Namespace, values: Any, kind: str) -> Array:
    """A constant that broadcasts against batch-last arrays: [n] for one world, [n, 1] for a batch."""
    constant = xp.constant(np.array(values), kind)
    return constant[..., None] if xp.batched else constant


def neighbours(layout: Layout) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Where staying, left, right, up and down lead from every tile, [5 * tiles]."""
    rows, columns = layout.size
    table = np.tile(np.arange(layout.tiles), (5, 1))
    for move, (down, along) in enumerate(((0, -1), (0, 1), (-1, 0), (1, 0)), start=1):
        for row in range(rows):
            for column in range(columns):
                tile = (row + down, column + along)
                if 0 <= tile[0] < rows and 0 <= tile[1] < columns and tile not in layout.water:
                    table[move, row * columns + column] = layout.number(tile)
    return table.reshape(-1)


def slots(layout: Layout) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Source number of every tile, S where nothing grows, [tiles + 1]."""
    table = np.full(layout.tiles + 1, len(layout.sources))
    for slot, tile in enumerate(layout.sources):
        table[layout.number(tile)] = slot
    return table
