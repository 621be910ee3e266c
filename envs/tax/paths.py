"""The way to what grows: walking distances on a map, water in mind and houses not."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np

from scenarium.envs.core.namespace import Namespace
from scenarium.envs.tax.economy import neighbours
from scenarium.envs.tax.layouts import Layout

FAR = 10_000
"""Distance to what cannot be reached."""


def distances(layout: Layout) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """Steps from every tile to every source, [tiles, S]."""
    moves = neighbours(layout).reshape(5, layout.tiles)[1:]
    table = np.full((layout.tiles, len(layout.sources)), FAR)
    for slot, source in enumerate(layout.sources):
        table[:, slot] = _from(layout.number(source), moves)
    return table


def _from(start: int, moves: np.ndarray[Any, np.dtype[np.int64]]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Breadth-first search; moves go both ways, so steps from a tile are steps to it."""
    steps = np.full(moves.shape[1], FAR)
    steps[start] = 0
    waiting = deque([start])
    while waiting:
        tile = waiting.popleft()
        for goal in moves[:, tile]:
            if steps[goal] == FAR:
                steps[goal] = steps[tile] + 1
                waiting.append(int(goal))
    return steps


class Paths:
    """A map's distances on one backend.

    Attributes:
        steps: To every source, int32 [tiles, S].
        flat: The same as one table [tiles * S].
        goals: Tiles that left, right, up and down lead to, index [4, tiles].
        sources: S, of which the first `stones` are of stone.
    """

    def __init__(self, layout: Layout, xp: Namespace) -> None:
        table = distances(layout)
        self.sources, self.stones = table.shape[1], len(layout.stone)
        self.steps, self.flat = xp.constant(table, "int"), xp.constant(table.reshape(-1), "int")
        self.goals = xp.constant(neighbours(layout).reshape(5, layout.tiles)[1:], "index")
