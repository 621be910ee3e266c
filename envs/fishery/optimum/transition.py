"""Expected values one year ahead: a sparse matrix from values before the harvest to values after the last one.

The recruits of each species are Gaussian and independent given the stocks left (`dynamics.growth`,
`dynamics.deviations`). Between two nodes a value is the cubic through the four nodes around (Lagrange), in the stock
of each species; its expectation follows from the partial moments of the Gaussian over each interval, in closed form, so
that no quadrature is needed. What falls to the threshold or below has no value: the discontinuity there is exact,
because the first node stands for the limit from above. What exceeds the last node counts as the last node. (With
linear instead of cubic pieces, a grid of 36 x 36 x 40 nodes values Models 3 and 4 about 1 too low, because
the value is concave and its error adds up over the years; the policies found are almost the same.)
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from scenarium.envs.core.namespace import NUMPY
from scenarium.envs.fishery.dynamics import Parameters, deviations, growth
from scenarium.envs.fishery.optimum.grid import Floats, Grid

_SMALL = 1e-4
"""Weights of one species below this fraction of the largest one (4.3 standard deviations away) are left out, and the
others scaled to their sum."""


def node_weights(mean: Floats, deviation: Floats, nodes: Floats) -> Floats:
    """Weights of the nodes in the expected value of piecewise cubics under Gaussians, above the first node only.

    Args:
        mean: [R].
        deviation: Standard deviations [R], 0 allowed.
        nodes: Ascending [n], at least 4.

    Returns:
        [R, n]; a row sums to the probability of exceeding the first node, and some weights may be negative.
    """
    spread = np.maximum(deviation, 1e-9)
    moments, above = _partial_moments(mean, spread, nodes)
    weights = np.zeros((len(mean), len(nodes)))
    weights[:, -1] = above
    for interval in range(len(nodes) - 1):
        first = min(max(interval - 1, 0), len(nodes) - 4)
        around = range(first, first + 4)
        for node in around:
            others = [nodes[i] for i in around if i != node]
            cubic = _standardised(nodes[node], others, mean, spread)
            weights[:, node] += sum(c * m for c, m in zip(cubic, moments[:, :, interval], strict=True))
    return weights


def _partial_moments(mean: Floats, spread: Floats, nodes: Floats) -> tuple[Floats, Floats]:
    """E[u^k 1{interval}] of u = (N - mean) / spread, k = 0..3, [4, R, n - 1]; and P(N above the last node) [R]."""
    from scipy.special import ndtr

    z = np.clip((nodes - mean[:, None]) / spread[:, None], -40.0, 40.0)
    below, density = ndtr(z), np.exp(-0.5 * z * z) / np.sqrt(2.0 * np.pi)
    mass = np.diff(below, axis=1)
    first, edge, square = (-np.diff(z**k * density, axis=1) for k in range(3))
    return np.stack([mass, first, mass + edge, 2.0 * first + square]), 1.0 - below[:, -1]


def _standardised(node: float, others: list[float], mean: Floats, spread: Floats) -> list[Floats]:
    """Coefficients in u = (N - mean) / spread of the cubic that is 1 at a node and 0 at three others."""
    powers: list[Floats] = [np.ones_like(mean)]
    for other in others:
        constant, slope = (mean - other) / (node - other), spread / (node - other)
        raised = [np.zeros_like(mean), *(slope * c for c in powers)]
        powers = [r + (constant * powers[k] if k < len(powers) else 0.0) for k, r in enumerate(raised)]
    return powers


class Transition:
    """One year from stocks after the harvest to values before the next.

    Args:
        parameters: The fishery.
        grid: Nodes.
        t: The year, for coefficients that move.

    Attributes:
        alive: Probability that no stock is nearly extinct next year, of the shape of the nodes after.
    """

    def __init__(self, parameters: Parameters, grid: Grid, t: int) -> None:
        stocks = [axis.ravel() for axis in np.meshgrid(*grid.after, indexing="ij")]
        means = growth(tuple(stocks), t, parameters, NUMPY)
        spreads = [d * s for d, s in zip(deviations(parameters), stocks, strict=True)]
        axes = [
            _trimmed(node_weights(np.asarray(m), s, nodes))
            for m, s, nodes in zip(means, spreads, grid.before, strict=True)
        ]
        self.alive = np.prod([w.sum(1, dtype=np.float64) for w in axes], axis=0).reshape(grid.shape_after)
        self._nodes = grid.shape
        self._order, self._matrix = _product(axes, grid.shape)

    def ahead(self, value: Floats) -> Floats:
        """Expected value next year, 0 where a stock is nearly extinct, from the value before the harvest."""
        expected = np.empty(self.alive.size)
        expected[self._order] = self._matrix @ value.ravel().astype(np.float32)
        return expected.reshape(self.alive.shape)

    def spread(self, left: Floats) -> Floats:
        """Distribution over the nodes before the next harvest from one over the nodes after the last."""
        found = self._matrix.T @ left.ravel()[self._order].astype(np.float32)
        return np.asarray(found, dtype=np.float64).reshape(self._nodes)


def _product(axes: list[Floats], shape: tuple[int, ...]) -> tuple[npt.NDArray[np.int64], Any]:
    """The products of the species' weights: nodes after, in the order of the rows, and the sparse matrix."""
    from scipy.sparse import csr_array

    used = [w != 0.0 for w in axes]
    first = [u.argmax(1) for u in used]
    last = [np.where(u.any(1), u.shape[1] - 1 - u[:, ::-1].argmax(1), 0) for u in used]
    width = np.stack([b - a + 1 for a, b in zip(first, last, strict=True)], axis=1)
    # Rows of equal windows go together, so that each group is one dense block.
    order = np.lexsort(width.T)
    changes = np.flatnonzero(np.any(np.diff(width[order], axis=0) != 0, axis=1)) + 1
    counts = width.prod(1)[order]
    start = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    data, columns = np.empty(start[-1], dtype=np.float32), np.empty(start[-1], dtype=np.int32)
    for rows, low in zip(np.split(order, changes), start[np.concatenate([[0], changes])], strict=True):
        values, places = _windows(axes, first, width[rows[0]], rows, shape)
        data[low : low + values.size], columns[low : low + values.size] = values.ravel(), places.ravel()
    return order, csr_array((data, columns, start), shape=(len(order), int(np.prod(shape))))


def _windows(
    axes: list[Floats],
    first: list[npt.NDArray[np.int64]],
    width: npt.NDArray[np.int64],
    rows: npt.NDArray[np.int64],
    shape: tuple[int, ...],
) -> tuple[Floats, npt.NDArray[np.int32]]:
    """Weights and flat places of the nodes around each row's mean, [rows, nodes]."""
    values = np.ones((len(rows), 1), dtype=np.float32)
    places = np.zeros((len(rows), 1), dtype=np.int32)
    for weights, start, count, size in zip(axes, first, width, shape, strict=True):
        node = start[rows, None] + np.arange(count)
        part = weights[rows[:, None], node]
        values = (values[:, :, None] * part[:, None, :]).reshape(len(rows), -1)
        places = (places[:, :, None] * np.int32(size) + node[:, None, :].astype(np.int32)).reshape(len(rows), -1)
    return values, places


def _trimmed(weights: Floats) -> Floats:
    """Weights without the negligible ones, their sum kept."""
    size = np.abs(weights)
    kept = np.where(size > _SMALL * size.max(1, keepdims=True), weights, 0.0)
    total = kept.sum(1, keepdims=True)
    scale = np.where(total > 0.0, weights.sum(1, keepdims=True) / np.where(total > 0.0, total, 1.0), 0.0)
    return np.asarray(kept * scale, dtype=np.float32)
