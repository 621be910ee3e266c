"""What the observable context tells: purchase probabilities with the unseen part of the customer integrated out.

Given the context, the segment is a probability, and within a segment the level of the willingness to pay and the need
are independent, so that

    p(P | x) = sum_k w_k(purpose) E[q_k | need] E[sigmoid((m_k - P) / s_k) | level],

each expectation over one residual normal. The two expectations are tabulated, the first over the need signal and the
second over the mean of ln m; a curve is then three lookups. Drift moves ln m and enters there. This is the best
forecast there is, and the price that is best against it is the Bayes oracle: no policy that sees the context only
earns more in expectation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from scenarium.envs.core.namespace import NUMPY
from scenarium.envs.pricing.context import Signals
from scenarium.envs.pricing.demand import Demand, Segment, sigmoid

Floats = npt.NDArray[np.float64]
NODES, CELLS = 40, 512
"""Quadrature nodes of a residual, and cells of a table."""
_REACH = 6.0


class _Table(NamedTuple):
    """A function on an even grid: `values` [CELLS + 1] or [CELLS + 1, G]."""

    low: float
    per_unit: float
    values: Floats


class ContextDemand:
    """Purchase probabilities at given prices, given the signals of the context only.

    Args:
        demand: The ground truth.
        prices: In list prices [G].
        drift: How far drift may move ln m either way.
        nodes: Gauss-Hermite nodes of a residual; the error is stated by doubling them.
        cells: Cells of the tables, likewise.
    """

    def __init__(
        self, demand: Demand, prices: npt.ArrayLike, drift: float = 0.0, nodes: int = NODES, cells: int = CELLS
    ) -> None:
        self.demand, self.prices = demand, np.asarray(prices, dtype=np.float64)
        self._known, self._unknown = math.sqrt(demand.reliability), math.sqrt(1.0 - demand.reliability)
        self._segments = (demand.insensitive, demand.sensitive)
        self._residual = normal_nodes(nodes)
        self._need = [self._need_table(segment, cells) for segment in self._segments]
        self._sale = [self._sale_table(segment, cells, drift) for segment in self._segments]
        self._placed: dict[tuple[int, torch.dtype, str], Tensor] = {}

    def probability(self, signals: Signals, shift: Tensor | float = 0.0) -> Tensor:
        """Purchase probability at each price [..., G].

        Args:
            signals: Of the contexts, tensors [...].
            shift: What drift adds to ln m, a number or [...].
        """
        first, second = (
            (weight * need)[..., None] * self.sale(k, signals.level, shift)
            for k, (weight, need) in enumerate(
                zip(self.segments(signals.purpose), self.needs(signals.need), strict=True)
            )
        )
        return first + second

    def segments(self, purpose: Tensor) -> tuple[Tensor, Tensor]:
        """Probability of the insensitive and of the sensitive segment [...]."""
        likely = torch.special.ndtr((self._known * purpose - self.demand.threshold) / self._unknown)
        return likely, 1.0 - likely

    def needs(self, need: Tensor) -> tuple[Tensor, Tensor]:
        """Expected q of each segment [...]."""
        first, second = (self._look_up(k, table, need) for k, table in enumerate(self._need))
        return first, second

    def sale(self, segment: int, level: Tensor, shift: Tensor | float = 0.0) -> Tensor:
        """Expected probability that someone of a segment who wants the ancillary pays each price [..., G]."""
        kind = self._segments[segment]
        mean = math.log(kind.median) + kind.median_sd * self._known * level + shift
        return self._look_up(2 + segment, self._sale[segment], mean)

    def _need_table(self, segment: Segment, cells: int) -> _Table:
        nodes, weights = self._residual
        grid = np.linspace(-_REACH, _REACH, cells + 1)
        latent = self._known * grid[:, None] + self._unknown * nodes
        logit = math.log(segment.need / (1.0 - segment.need)) + self.demand.need_shift
        return _Table(-_REACH, cells / (2.0 * _REACH), sigmoid(logit + segment.need_sd * latent, NUMPY) @ weights)

    def _sale_table(self, segment: Segment, cells: int, drift: float) -> _Table:
        nodes, weights = self._residual
        reach = _REACH * segment.median_sd * self._known + drift + 1e-3
        grid = math.log(segment.median) + np.linspace(-reach, reach, cells + 1)
        median = np.exp(grid[:, None] + segment.median_sd * self._unknown * nodes)
        rows = [sigmoid((median - price) / segment.spread, NUMPY) @ weights for price in self.prices]
        return _Table(float(grid[0]), cells / (2.0 * reach), np.stack(rows, -1))

    def _look_up(self, number: int, table: _Table, x: Tensor) -> Tensor:
        """Linear interpolation [...] or [..., G], constant beyond the ends."""
        key = (number, x.dtype, str(x.device))
        if key not in self._placed:
            self._placed[key] = torch.as_tensor(table.values, dtype=x.dtype, device=x.device)
        values, last = self._placed[key], len(table.values) - 1
        position = ((x - table.low) * table.per_unit).clamp(0.0, last - 1e-3)
        cell = position.floor()
        index, part = cell.long(), position - cell
        below, above = values[index], values[index + 1]
        return torch.lerp(below, above, part[..., None] if values.ndim == 2 else part)


class SignalGrid(NamedTuple):
    """Points of the three signals and their weights, for expectations over contexts; all float64 [n]."""

    signals: Signals
    weights: Tensor


def signal_grid(purpose: int = 61, level: int = 41, need: int = 15, reach: float = 4.5) -> SignalGrid:
    """A product grid over the three independent standard normal signals.

    Args:
        purpose: Points of the purpose signal, on which the best price turns most.
        level: Points of the level signal.
        need: Points of the need signal, which only shifts the balance of the segments.
        reach: The grid spans -reach to reach.
    """
    axes, weights = zip(*(_normal_axis(count, reach) for count in (purpose, level, need)), strict=True)
    points = torch.meshgrid(*axes, indexing="ij")
    total = torch.einsum("i,j,k->ijk", *weights)
    return SignalGrid(Signals(*(x.reshape(-1) for x in points)), total.reshape(-1))


def _normal_axis(count: int, reach: float) -> tuple[Tensor, Tensor]:
    z = torch.linspace(-reach, reach, count, dtype=torch.float64)
    density = torch.exp(-0.5 * z * z)
    return z, density / density.sum()


def normal_nodes(count: int) -> tuple[Floats, Floats]:
    """Gauss-Hermite nodes and weights of the standard normal."""
    from scipy.special import roots_hermitenorm

    nodes, weights = roots_hermitenorm(count)
    return np.asarray(nodes, np.float64), np.asarray(weights / weights.sum(), np.float64)


def observed_signals(observation: Tensor) -> Signals:
    """The signals of observations [B, n]; the context is decoded from its features."""
    from scenarium.envs.core.namespace import torch_namespace
    from scenarium.envs.pricing.context import signals
    from scenarium.envs.pricing.features import decode

    xp = torch_namespace(str(observation.device))
    return signals(decode(observation, xp), xp)


def in_chunks(signals: Signals, size: int) -> Sequence[Signals]:
    """The signals in pieces, so that curves of many prices fit in memory."""
    return [Signals(*part) for part in zip(*(torch.split(x, size) for x in signals), strict=True)]
