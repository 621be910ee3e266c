"""Moving one after the other, gathering what the tile holds, and regrowth."""

from __future__ import annotations

import numpy as np

from scenarium.envs.core.namespace import Array, Namespace
from scenarium.envs.tax.economy import Economy, Tables
from scenarium.envs.tax.parameters import Parameters


def reachable(economy: Economy, move: Array, tables: Tables, xp: Namespace) -> Array:
    """The tile each worker's move leads to if nobody stands there: its own where map or house is in the way.

    Args:
        economy: The economy.
        move: 0 (stays) or 1..4, int32 [n].
        tables: The map's constants.
        xp: Namespace.
    """
    goal = tables.neighbour[xp.cast(move * tables.tiles + economy.location, "index")]
    owner = xp.take(economy.houses, xp.cast(goal, "index"))
    return xp.where((owner == 0) | (owner == tables.me), goal, economy.location)


def ways(economy: Economy, tables: Tables, xp: Namespace) -> Array:
    """Whether each worker could go left, right, up and down now, bool [4, n]."""
    here = economy.location
    goal = tables.neighbour[xp.cast(tables.moves + here, "index")]
    flat = xp.cast(goal, "index").reshape(-1, *goal.shape[2:])
    owner = xp.take(economy.houses, flat).reshape(goal.shape)
    free = xp.any(goal[:, :, None] == here, 2) ^ True
    return ((owner == 0) | (owner == tables.me)) & free


def walk(
    economy: Economy, move: Array, turn: Array, tables: Tables, parameters: Parameters, xp: Namespace
) -> tuple[Economy, Array]:
    """Moves the workers in turn; a tile somebody stands on at that moment is closed. Returns who moved, bool [n]."""
    goals, start = reachable(economy, move, tables, xp), economy.location
    location = _in_turn(start, goals, turn, xp) if xp.batched else _one_world_in_turn(start, goals, turn)
    moved = location != start
    labor = economy.labor + xp.cast(moved, "double") * parameters.move_labor
    return economy._replace(location=location, labor=labor), moved


def _in_turn(location: Array, goals: Array, turn: Array, xp: Namespace) -> Array:
    """Where workers end up if each goes to its goal in turn unless somebody stands there."""
    for k in range(location.shape[0]):
        mine = turn == k
        goal = xp.largest(xp.where(mine, goals, -1), 0)
        free = xp.any(location == goal, 0) ^ True
        location = xp.where(mine & free, goal, location)
    return location


def _one_world_in_turn(location: Array, goals: Array, turn: Array) -> Array:
    """The same for one world on plain integers, five times as fast as on arrays of so few workers."""
    at, wanted = location.tolist(), goals.tolist()
    for worker in turn.argsort().tolist():
        if wanted[worker] not in at:
            at[worker] = wanted[worker]
    return np.array(at, location.dtype)


def gather(
    economy: Economy, lucky: Array, tables: Tables, parameters: Parameters, xp: Namespace
) -> tuple[Economy, Array]:
    """Collects the unit of the tile each worker stands on, two with luck. Returns the units, int32 [2, n].

    Workers stand on different tiles, so gathering after all moves equals gathering in turn.
    """
    slot = tables.slot[xp.cast(economy.location, "index")]
    found = xp.take(economy.stock, slot)
    units = xp.cast(found + found * lucky, "int")
    stone = slot < tables.stones
    gathered = xp.stack([xp.where(stone, units, 0), xp.where(stone, 0, units)], 0)
    gathered_economy = economy._replace(
        stock=xp.place(economy.stock, slot, 0),
        goods=economy.goods + gathered,
        labor=economy.labor + xp.cast(found, "double") * parameters.gather_labor,
    )
    return gathered_economy, gathered


def regrow(economy: Economy, regrown: Array, xp: Namespace) -> Economy:
    """Puts a unit on the source tiles that regrow, whether or not somebody stands there."""
    stock = xp.maximum(economy.stock[:-1], regrown)
    return economy._replace(stock=xp.concat([stock, economy.stock[-1:]], 0))
