"""The nodes of the dynamic program: stocks before the harvest, and stocks left by it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.fishery.dynamics import Parameters

Floats = npt.NDArray[Any]
"""Arrays of any precision."""

HIGHEST = (1.25, 1.25, 2.8)
"""Top node per species, natural units: unfished stocks stay below it in 9,999 of 10,000 years."""
LEAST = 0.4
"""Lowest positive node of what a harvest leaves, as a fraction of the threshold; stocks barely double in a year, so
from there all are nearly extinct the next."""
DEFAULT_NODES = {1: (1351,), 3: (36, 36, 40)}
"""Nodes per species, by number of species."""


@dataclass(frozen=True)
class Grid:
    """Nodes of the dynamic program.

    Attributes:
        before: Per species the nodes of stocks before the harvest, ascending, the first at the threshold of near
            extinction (the value is that just above it).
        after: Per species the nodes of stocks after the harvest: `before`, preceded for a fished species by 0 and by
            nodes below the threshold, from which a stock may grow back above it.
    """

    before: tuple[Floats, ...]
    after: tuple[Floats, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Of a value before the harvest."""
        return tuple(len(axis) for axis in self.before)

    @property
    def shape_after(self) -> tuple[int, ...]:
        """Of a value after the harvest."""
        return tuple(len(axis) for axis in self.after)


def make_grid(parameters: Parameters, nodes: tuple[int, ...] | None = None) -> Grid:
    """Nodes in equal steps of the logarithm (three species) or of the stock (one), from the threshold up.

    Args:
        parameters: The fishery.
        nodes: Number per species, at least 4 each; 1351 or (36, 36, 40) by default.

    Raises:
        ScenariumError: The number of counts is not that of the species, or a count is below 4.
    """
    counts = DEFAULT_NODES[parameters.species] if nodes is None else tuple(nodes)
    if len(counts) != parameters.species or min(counts) < 4:
        raise ScenariumError(f"nodes={counts}; expected {parameters.species} counts of at least 4")
    scale = max(parameters.coefficients.k_x, 1.0)
    before, after = [], []
    for species, count in enumerate(counts):
        low, high = parameters.threshold, HIGHEST[species] * scale
        axis = np.linspace(low, high, count) if len(counts) == 1 else np.geomspace(low, high, count)
        before.append(axis)
        after.append(_below(axis) if species < parameters.harvested else axis)
    return Grid(tuple(before), tuple(after))


def _below(axis: Floats) -> Floats:
    """An axis with nodes below its first one, in the same steps of the logarithm or of the stock, and 0."""
    low, lowest = axis[0], axis[0] * LEAST
    ratio, step = axis[1] / axis[0], axis[1] - axis[0]
    if np.isclose(axis[2] - axis[1], step):
        extra = np.arange(low - step, lowest, -step)[::-1]
    else:
        extra = low / ratio ** np.arange(int(np.log(1.0 / LEAST) / np.log(ratio)), 0, -1)
    return np.concatenate([[0.0], extra, axis])
