"""How a network's edges map to its nodes, arranged so that the step needs no scatter and, mostly, no gather."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scenarium.envs.core.namespace import Array, Namespace

_UNROLLED = 16
"""Up to this many groups are summed slice by slice; beyond it one small matrix product is cheaper."""


class Incidence:
    """A fixed assignment of edges to groups (their sources, or their targets), acting on the first axis.

    Three plans, chosen once: every group is one edge in order (nothing to do), groups are runs of consecutive edges
    (slices), or anything else (an incidence matrix).
    """

    def __init__(self, group: Sequence[int], groups: int) -> None:
        """Chooses the plan.

        Args:
            group: For each edge the index of its group.
            groups: Number of groups.
        """
        index = np.asarray(group, dtype=np.int64).reshape(-1)
        self.identity = len(index) == groups and bool((index == np.arange(groups)).all())
        runs = bool((np.diff(index) >= 0).all()) and set(index) == set(range(groups))
        bounds = np.searchsorted(index, np.arange(groups + 1))
        self.slices = [slice(int(a), int(b)) for a, b in zip(bounds[:-1], bounds[1:], strict=True)]
        self.sliced = runs and groups <= _UNROLLED
        self._index = index
        self._matrix = (index[None, :] == np.arange(groups)[:, None]).astype(np.float32)
        self._constants: dict[str, tuple[Array, Array]] = {}

    def total(self, x: Array, xp: Namespace) -> Array:
        """Sums edges by group: [E, ...] to [groups, ...]."""
        if self.identity:
            return x
        if not self.sliced:
            return xp.matmul(self._on(xp)[0], x)
        if len(self.slices) == 1:
            return xp.total(x, 0)[None]
        return xp.stack([xp.total(x[part], 0) if part.stop - part.start > 1 else x[part][0] for part in self.slices], 0)

    def spread(self, y: Array, xp: Namespace) -> Array:
        """Gives each edge its group's value: [groups, ...] to [E, ...] (or [1, ...], which broadcasts)."""
        if self.identity or (self.sliced and len(self.slices) == 1):
            return y
        return xp.matmul(self._on(xp)[1], y)

    def _on(self, xp: Namespace) -> tuple[Array, Array]:
        if xp.key not in self._constants:
            self._constants[xp.key] = (xp.constant(self._matrix), xp.constant(self._matrix.T))
        return self._constants[xp.key]
