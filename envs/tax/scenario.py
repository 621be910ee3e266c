"""The exogenous side: who is how skilled and starts where; then, by period, the order of moves, luck and regrowth."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from scenarium.envs.core import rng
from scenarium.envs.core.namespace import Array, Namespace
from scenarium.envs.core.scenario import BlockScenario
from scenarium.envs.tax import skills
from scenarium.envs.tax.economy import column
from scenarium.envs.tax.layouts import Layout
from scenarium.envs.tax.parameters import Parameters

START, PERIODS = 0, 1
"""Streams of a world."""
_BONUS_BITS, _RANK_BITS = 24, 20


class Draws(NamedTuple):
    """Chance of one period, as int8.

    Attributes:
        turn: Position of each worker in the order of moves [n].
        tie: Which worker's order goes first at equal price and age, the highest first [n].
        lucky: Whether a worker that gathers finds two units, 0 or 1 [n].
        regrown: Whether each source tile would regrow, 0 or 1 [S].
    """

    turn: Array
    tie: Array
    lucky: Array
    regrown: Array


def split_draws(rows: Array, workers: int) -> Draws:
    """Takes a period's array of `TaxScenario.at` apart."""
    n = workers
    return Draws(rows[:n], rows[n : 2 * n], rows[2 * n : 3 * n], rows[3 * n :])


class TaxScenario(BlockScenario):
    """Worlds of the tax game. A period is an int8 array [3 n + S] or [3 n + S, B]; see `Draws`.

    Args:
        seeds: As in `Scenario`.
        parameters: Numbers of the game.
        layout: Its map.
    """

    def __init__(self, seeds: Array, parameters: Parameters, layout: Layout) -> None:
        self.parameters, self.layout = parameters, layout
        self._sources = len(layout.sources)
        self._words = parameters.workers + (self._sources + 1) // 2
        super().__init__(seeds, self._words, parameters.horizon)
        self._trailing = 1 if self.xp.batched else 0
        self._start: tuple[skills.Skills, Array] | None = None

    def draw(self, first: Array, length: int) -> Array:
        xp, n = self.xp, self.parameters.workers
        counter = rng.counters(xp, first, length, self._words, self._trailing)
        words = rng.words(rng.stream_key(self.seeds, PERIODS), counter)
        mine = words[:, :n]
        lucky = (mine & ((1 << _BONUS_BITS) - 1)) < xp.cast(self._skills().bonus * 2.0**_BONUS_BITS, "index")
        order = [self._order(mine, _BONUS_BITS + _RANK_BITS), self._order(mine, _BONUS_BITS)]
        if self.parameters.compat == "foundation":
            order[1] = order[1] * 0 + column(xp, range(n - 1, -1, -1), "byte")
        rows = [xp.cast(part, "byte") for part in (*order, lucky, self._regrown(words[:, n:]))]
        return xp.concat(rows, 1)

    def _order(self, words: Array, shift: int) -> Array:
        """A random order of the workers from some bits of their words, ties (one in 10^5) by number; [L, n, ...]."""
        n = self.parameters.workers
        key = ((words >> shift) & ((1 << _RANK_BITS) - 1)) * 16 + column(self.xp, range(n), "index")
        return self.xp.total(self.xp.cast(key[:, :, None] > key[:, None], "byte"), 2)

    def _regrown(self, words: Array) -> Array:
        """Whether each source regrows, from half a word each; [L, S, ...]."""
        threshold = round(self.parameters.regeneration * 2**32)
        halves = self.xp.concat([words & 0xFFFFFFFF, (words >> 32) & 0xFFFFFFFF], 1)
        return halves[:, : self._sources] < threshold

    def start(self) -> tuple[skills.Skills, Array]:
        """Skills, and the number of the tile each worker starts on, int32 [n] or [n, B]."""
        if self._start is None:
            xp, n = self.xp, self.parameters.workers
            counter = rng.counters(xp, 0, 6, n, self._trailing)
            words = rng.words(rng.stream_key(self.seeds, START), counter)
            order = skills.ranks(words[0], xp)
            uniforms = rng.uniform_double(xp, words[1:4])
            given = skills.draw(self.parameters, order, uniforms, skills.normals(words[1:3], xp), xp)
            self._start = given, self._places(order, rng.uniform_double(xp, words[4]))
        return self._start

    def _skills(self) -> skills.Skills:
        return self.start()[0]

    def _places(self, order: Array, uniforms: Array) -> Array:
        xp, n = self.xp, self.parameters.workers
        line = self.layout.split
        if line is None and self.parameters.skills == "fixed":
            return xp.constant(self.layout.corners(n), "int")[xp.cast(order, "index")]
        dry = np.array(self.layout.dry())
        if line is None:
            return xp.cast(_distinct(xp, uniforms, dry), "int")
        first = line * self.layout.size[1]
        above, below = dry[dry < first], dry[dry > first]
        by_rank = xp.sort(xp.cast(order, "index") * 16 + column(xp, range(n), "index"), 0) & 15
        most = by_rank[n - 1 :]
        top = _distinct(xp, uniforms[:1], above)
        under = _distinct(xp, uniforms[1:], below)
        places = xp.cast(uniforms * 0.0, "index")
        places = xp.place(places, by_rank[: n - 1], under)
        return xp.cast(xp.place(places, most, top), "int")


def _distinct(xp: Namespace, uniforms: Array, tiles: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Array:
    """Different tiles, uniformly at random: draw k counts among the tiles the earlier draws left."""
    found: list[Array] = []
    for k, uniform in enumerate(xp.unstack(uniforms, 0)):
        place = xp.cast(xp.floor(uniform * float(len(tiles) - k)), "index")
        if found:
            for earlier in xp.unstack(xp.sort(xp.stack(found, 0), 0), 0):
                place = place + xp.cast(place >= earlier, "index")
        found.append(place)
    return xp.constant(tiles, "index")[xp.stack(found, 0)]
