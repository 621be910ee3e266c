"""Where things are, as numbers a small network can use: beside the flat observation, for workers that learn.

A worker's flat observation says where it stands but not where anything lies; the paper's networks see a window of the
map for that. A compass says the same in few numbers: how far the nearest unit of each resource is, which moves lead
there, which moves are open, and whether the ground is free for a house.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

from scenarium.envs.core.model import Role
from scenarium.envs.core.namespace import Array, Namespace
from scenarium.envs.core.scenario import Past
from scenarium.envs.tax import observe
from scenarium.envs.tax.economy import Economy, Tables
from scenarium.envs.tax.layouts import Layout
from scenarium.envs.tax.model import PLANNER, WORKER, TaxWorld
from scenarium.envs.tax.move import ways
from scenarium.envs.tax.observe import Fields, workers_first
from scenarium.envs.tax.parameters import RESOURCES, Parameters
from scenarium.envs.tax.paths import FAR, Paths

_SLOTS = 128
REACH = 25.0
"""Steps that count as 1, and the farthest that is told apart."""


def compass_fields() -> Fields:
    """What a compass holds, in order: 18 numbers."""
    each = [(f"{name}_{what}", size) for name in RESOURCES for what, size in (("steps", 1), ("ways", 4), ("units", 1))]
    return (*each, ("open_ways", 4), ("free_ground", 1), ("unit_here", 1))


def compass(economy: Economy, paths: Paths, tables: Tables, xp: Namespace) -> Array:
    """What every worker's compass shows, float32 [n, 18] or [B, n, 18].

    By resource: steps to the nearest unit (1 where there is none), for each move whether it shortens the way to it, and
    the share of sources that hold a unit; then the moves that are open, whether a house could stand here, and whether a
    unit lies here.
    """
    here = xp.cast(workers_first(economy.location[None], xp)[..., 0], "index")
    stock = xp.batch_first(economy.stock[:-1])[..., None, :]
    parts = []
    for first, last in ((0, paths.stones), (paths.stones, paths.sources)):
        parts += _towards(here, stock[..., first:last], first, paths, xp)
    place = xp.cast(economy.location, "index")
    free = (tables.slot[place] == paths.sources) & (xp.take(economy.houses, place) == 0)
    ground = [xp.cast(free, "float"), xp.cast(xp.take(economy.stock, tables.slot[place]), "float")]
    parts.append(workers_first(xp.cast(ways(economy, tables, xp), "float"), xp))
    parts.append(workers_first(xp.stack(ground, 0), xp))
    return xp.packed(xp.concat(parts, -1))


def _towards(here: Array, stock: Array, first: int, paths: Paths, xp: Namespace) -> list[Array]:
    """Steps, ways and units of the resource whose sources start at number `first`; `stock` is [..., 1, sources]."""
    count = stock.shape[-1]
    slots = xp.constant(range(first, first + count), "index")
    key = (paths.steps[here][..., first : first + count] + xp.where(stock > 0, 0, FAR)) * _SLOTS + xp.cast(slots, "int")
    nearest = xp.smallest(key, -1)
    steps, slot = nearest // _SLOTS, xp.cast(nearest % _SLOTS, "index")
    there = [paths.flat[goals[here] * paths.sources + slot] for goals in xp.unstack(paths.goals, 0)]
    known = (steps < FAR)[..., None]
    shorter = xp.cast((xp.stack(there, -1) < steps[..., None]) & known, "float")
    far = xp.minimum(xp.cast(steps, "float") * (1.0 / REACH), 1.0)[..., None]
    units = xp.total(xp.cast(stock, "float"), -1)[..., None] * (1.0 / count)
    return [far, shorter, xp.cast(units + far * 0.0, "float")]


class CompassWorld(TaxWorld):
    """The tax game whose workers see a compass behind their flat observation; everything else is as in `TaxWorld`.

    Args:
        parameters: Numbers of the game; `None` for the paper's.
        layout: A name in `layouts.LAYOUTS`, or a `Layout`.
        **options: `rates` and `reward` of `TaxWorld`.
    """

    def __init__(
        self, parameters: Parameters | None = None, layout: str | Layout = "open_quadrant_25", **options: Any
    ) -> None:
        super().__init__(parameters, layout, **options, observation="flat")
        self._paths: dict[str, Paths] = {}
        workers, planner = self._roles
        width = observe.width((*observe.worker_fields(self.parameters), *compass_fields()))
        space = spaces.Box(-np.inf, np.inf, (width,), np.float32)
        self._roles = (Role(WORKER, space, workers.action_space, count=workers.count), planner)

    @classmethod
    def like(cls, game: TaxWorld, rates: str | None = None) -> CompassWorld:
        """A game with its numbers, map and objective; `rates` as in `TaxWorld`, or those of the game."""
        made = cls(game.parameters, game.layout, rates=game.rates if rates is None else rates)
        made.objective, made._custom = game.objective, game._custom
        return made

    def paths(self, xp: Namespace) -> Paths:
        """The map's distances on one backend, built once."""
        found = self._paths.get(xp.key)
        if found is None:
            found = self._paths[xp.key] = Paths(self.layout, xp)
        return found

    def observe(self, state: Economy, past: Past | None, t: Array, xp: Namespace) -> dict[str, Any]:
        seen = super().observe(state, past, t, xp)
        shown = compass(state, self.paths(xp), self.tables(xp), xp)
        return {WORKER: xp.concat([seen[WORKER], shown], -1), PLANNER: seen[PLANNER]}


_SCALES = {
    "build_skill": 0.5, "market_rate": 5.0, "price_history": 0.1, "bonus": 0.3, "rates": 0.5, "marginal_rate": 0.3,
    "time": 0.5, "coin": 3.0, "stone": 0.02, "wood": 0.02, "row": 0.5, "column": 0.5,
}  # fmt: skip


def worker_scale(parameters: Parameters) -> list[float]:
    """Typical magnitudes of what a worker with a compass sees; a network divides by them."""
    shown = (*observe.worker_fields(parameters), *compass_fields())
    return [_SCALES.get(name, 1.0) for name, length in shown for _ in range(length)]


_PLANNER_SCALES = {"asks": 2.0, "bids": 2.0, "market_rate": 5.0, "price_history": 0.1, "rates": 0.5, "time": 0.5}
_EACH_WORKER = (3.0, 0.05, 0.05, 1.0, 0.3, 0.3)


def planner_scale(parameters: Parameters) -> list[float]:
    """Typical magnitudes of what the planner sees."""
    shown = observe.planner_fields(parameters)
    flat = [_PLANNER_SCALES.get(name, 1.0) for name, length in shown if name != "workers" for _ in range(length)]
    return flat + list(_EACH_WORKER) * parameters.workers
