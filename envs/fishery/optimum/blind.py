"""The best policy known that sees the stocks but not the year.

With d_t(N) how often stocks N are met in year t and W_t(s) the value of leaving s, both under the present policy, the
derivative of the expected return by the decision at N is that of

    sum_t d_t(N) [sum_f N_f + W_t(s) - sum_f s_f]

(the policy gradient, with exact occupancies and values). A round computes both, one pass over the years each way, and
takes the best s <= N at every node; occupancies and values are averaged over rounds with steps that shrink, which
makes the rounds ascend instead of alternate. The result is a decision that no change at any single stock level
improves to first order: a stationary point, the best policy known of its kind and not a proven optimum (for such
policies the problem is not a Markov decision problem, and dynamic programming does not apply).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from scenarium.envs.fishery.dynamics import Parameters
from scenarium.envs.fishery.optimum.grid import Floats, Grid
from scenarium.envs.fishery.optimum.program import Years, what_is_left
from scenarium.envs.fishery.optimum.targets import refined, unbounded
from scenarium.envs.fishery.optimum.transition import node_weights

_RARE = 1e-9
"""Added to all occupancies, so that nodes hardly ever met decide by all years alike."""
_SLOWING = 0.7
"""Exponent of the averaging steps 1 / round ** 0.7."""


class Round(NamedTuple):
    """One round.

    Attributes:
        number: From 1.
        value: Expected return of the policy that entered the round, on the grid.
        survival: Probability that it keeps all stocks alive until the last year.
        changed: Fraction of nodes whose decision the round changed.
        targets: Escapement targets after the round, per fished species over all nodes before the harvest.
    """

    number: int
    value: float
    survival: float
    changed: float
    targets: list[Floats]


class BlindAscent:
    """Rounds of ascent from some year's decisions.

    Args:
        parameters: The fishery.
        grid: Nodes.
        left: W of some year of the recursion that sees the year, to start from [nodes after].
        every: Years over which coefficients that move are held.
    """

    def __init__(self, parameters: Parameters, grid: Grid, left: Floats, every: int = 1) -> None:
        self._parameters, self._grid, h = parameters, grid, parameters.harvested
        self._years = Years(parameters, grid, every)
        after, before = (_points(axes[:h]) for axes in (grid.after, grid.before))
        self._fished, self._own = after.sum(0), before.sum(0)
        self._allowed = np.all(after[:, None, :] <= before[:, :, None] * (1.0 + 1e-12), axis=0)
        self._rest = int(np.prod(grid.shape[h:]))
        one_year = np.broadcast_to(left.reshape(1, len(self._fished), -1), (1, len(self._fished), self._rest))
        self._values: Floats = np.asarray(one_year, dtype=np.float32)
        self._weights: Floats = np.ones((1, len(self._own), self._rest), dtype=np.float32)

    def rounds(self, count: int) -> Iterator[Round]:
        """Plays that many rounds."""
        choice, _ = self._decide(False)
        for number in range(1, count + 1):
            left, value = self._look_back(choice)
            met, survival = self._look_ahead(choice)
            expected = float((met[0] * value).sum())
            weights = (np.maximum(met, 0.0) + _RARE).astype(np.float32)
            weights /= weights.sum(0)
            step = 1.0 / number**_SLOWING
            self._values = left if number == 1 else self._values + step * (left - self._values)
            self._weights = weights if number == 1 else self._weights + step * (weights - self._weights)
            before, (choice, levels) = choice, self._decide(True)
            yield Round(number, expected, survival, float(np.mean(before != choice)), levels)

    def _decide(self, finely: bool) -> tuple[Floats, list[Floats]]:
        """The best node after for every node before [fished nodes before, rest], and, if asked for, the targets."""
        grid, h = self._grid, self._parameters.harvested
        choice = np.empty((len(self._own), self._rest), dtype=np.int64)
        levels = np.empty((h, len(self._own), self._rest))
        for place in range(self._rest):
            gain = self._weights[:, :, place].T @ self._values[:, :, place] - self._fished
            gain[~self._allowed] = -np.inf
            choice[:, place] = gain.argmax(1)
            if finely:
                levels[:, :, place] = refined(gain, choice[:, place], grid.after[:h])
        shaped = [unbounded(level.reshape(grid.shape), grid.before[i], i) for i, level in enumerate(levels)]
        return choice, shaped if finely else []

    def _look_back(self, choice: Floats) -> tuple[Floats, Floats]:
        """W of all years [T, fished nodes after, rest], and the value before year 0 [fished nodes before, rest]."""
        p, size = self._parameters, (len(self._fished), self._rest)
        lefts = np.empty((p.horizon, *size), dtype=np.float32)
        value = np.zeros((len(self._own), self._rest))
        for t in reversed(range(p.horizon)):
            lefts[t] = what_is_left(p, self._years.at(t), value, t).reshape(size)
            value = self._own[:, None] + np.take_along_axis(lefts[t] - self._fished[:, None], choice, 0)
        return lefts, value

    def _look_ahead(self, choice: Floats) -> tuple[Floats, float]:
        """How often each node is met in each year [T, fished nodes before, rest], and the probability to survive."""
        p, grid = self._parameters, self._grid
        met = np.empty((p.horizon, len(self._own), self._rest), dtype=np.float32)
        now = np.ones(1)
        for mean, nodes in zip(p.initial, grid.before, strict=True):
            start = np.maximum(node_weights(np.array([mean]), np.array([p.initial_deviation]), nodes)[0], 0.0)
            now = np.multiply.outer(now, start / start.sum())
        flat = choice * self._rest + np.arange(self._rest)
        for t in range(p.horizon):
            met[t] = now.reshape(met[t].shape)
            left = np.bincount(flat.ravel(), weights=now.ravel(), minlength=len(self._fished) * self._rest)
            now = self._years.at(t).spread(left)
        return met, float(now.sum())


def _points(axes: tuple[Floats, ...]) -> Floats:
    """All combinations of some axes' nodes [axes, combinations]."""
    return np.stack([mesh.ravel() for mesh in np.meshgrid(*axes, indexing="ij")])
