"""The exogenous side: demand laws, and the worlds drawn from them."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from scenarium.envs.core import rng
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.namespace import Array, Namespace
from scenarium.envs.core.scenario import BlockScenario

Floats = npt.NDArray[np.float64]

DEMAND_STREAM = 1
INITIAL_STREAM = 2
COMMON_STREAM = 3


class Demand(ABC):
    """A demand law over the stores of a network.

    Attributes:
        mean: Expected demand per store and period [S], units.
        std: Standard deviation per store and period [S].
        integer: Whether demand comes in whole units.
        recorded: How many periods are known before period 0 and from it on, or None if the law has no end.
    """

    mean: Floats
    std: Floats
    integer: bool = False
    recorded: tuple[int, int] | None = None

    @property
    def stores(self) -> int:
        """Number of stores."""
        return len(self.mean)

    @abstractmethod
    def draw(self, seeds: Array, first: Array, length: int, xp: Namespace) -> Array:
        """Demand of `length` periods from `first`: [length, S] for one world, [length, S, B] for a batch."""

    def calendar(self, t: Array) -> Array | None:
        """A feature of period t in [-1, 1] that is known in advance, or None if the law has no calendar."""
        return None

    def _words(self, seeds: Array, first: Array, length: int, xp: Namespace, stream: int, width: int) -> Array:
        count = rng.counters(xp, first, length, width, trailing=1 if xp.batched else 0)
        return rng.words(rng.stream_key(seeds, stream), count)


def per_store(values: Any, stores: int | None, what: str, low: float = 0.0) -> Floats:
    """Numbers per store as float64 [S], one number standing for all; refuses what is not finite or below `low`."""
    array = np.atleast_1d(np.asarray(values, dtype=np.float64))
    if stores is not None and len(array) == 1:
        array = np.repeat(array, stores)
    if array.ndim != 1 or (stores is not None and len(array) != stores):
        raise ScenariumError(f"demand {what} has shape {array.shape}; expected one number per store ({stores})")
    if not np.isfinite(array).all() or (array < low).any():
        raise ScenariumError(f"demand {what} is {array.tolist()}; every value must be finite and >= {low:g}")
    return array


class CountDemand(Demand):
    """Independent whole-unit demand given by a cumulative distribution per store; base of the count laws."""

    integer = True

    def __init__(self, mean: Floats, std: Floats, cdfs: Sequence[Floats]) -> None:
        self.mean, self.std = mean, std
        laws: dict[bytes, list[int]] = {}
        tables = [rng.count_table(cdf) for cdf in cdfs]
        for store, table in enumerate(tables):
            laws.setdefault(table.tobytes(), []).append(store)
        self._laws = [(tables[members[0]], members) for members in laws.values()]

    def draw(self, seeds: Array, first: Array, length: int, xp: Namespace) -> Array:
        words = self._words(seeds, first, length, xp, DEMAND_STREAM, self.stores)
        if len(self._laws) == 1:
            return rng.count(xp, words, xp.constant(self._laws[0][0], "index"))
        columns: list[Array] = [None] * self.stores
        for table, members in self._laws:
            law = xp.constant(table, "index")
            for store in members:
                columns[store] = rng.count(xp, words[:, store], law)
        return xp.stack(columns, 1)


class PoissonDemand(CountDemand):
    """Poisson demand, independent over stores and time.

    Args:
        rate: Mean per store and period, one number or [S].
        stores: Number of stores, when one rate stands for all.
    """

    def __init__(self, rate: Any, stores: int | None = None) -> None:
        from scipy.stats import poisson

        rate = per_store(rate, stores, "rate")
        top = int(rate.max() + 12 * math.sqrt(rate.max()) + 30)
        super().__init__(rate, np.sqrt(rate), [poisson.cdf(np.arange(top), r) for r in rate])


class NegativeBinomialDemand(CountDemand):
    """Negative binomial demand, for counts that vary more than Poisson's.

    Args:
        mean: Mean per store and period, one number or [S].
        dispersion: Variance over mean, above 1, one number or [S].
        stores: Number of stores, when one number stands for all.
    """

    def __init__(self, mean: Any, dispersion: Any, stores: int | None = None) -> None:
        from scipy.stats import nbinom

        mean = per_store(mean, stores, "mean", 1e-9)
        ratio = per_store(dispersion, len(mean), "dispersion", 1.0 + 1e-9)
        size = mean / (ratio - 1.0)
        std = np.sqrt(mean * ratio)
        top = int((mean + 30 * std * np.sqrt(ratio)).max() + 30)
        super().__init__(mean, std, [nbinom.cdf(np.arange(top), n, 1 / r) for n, r in zip(size, ratio, strict=True)])


class NormalDemand(Demand):
    """Normal demand, correlated over stores, independent over time.

    Args:
        mean: Location per store [S] (the mean before clipping).
        std: Scale per store [S].
        correlation: One number for all pairs (in [0, 1)), or a matrix [S, S].
        clip: Cut demand off at zero; otherwise negative demand (returns) stays in.
        stores: Number of stores, when one number stands for all.
    """

    def __init__(
        self, mean: Any, std: Any, correlation: Any = 0.0, clip: bool = True, stores: int | None = None
    ) -> None:
        self.location = per_store(mean, stores, "mean", -math.inf)
        self.scale = per_store(std, len(self.location), "std")
        self.clip = bool(clip)
        self.correlation = np.asarray(correlation, dtype=np.float64)
        self._factor = self._cholesky() if self.correlation.ndim else None
        if not self.correlation.ndim and not 0.0 <= float(self.correlation) < 1.0:
            raise ScenariumError(f"demand correlation is {self.correlation}; it must lie in [0, 1)")
        self.mean, self.std = _clipped_moments(self.location, self.scale) if clip else (self.location, self.scale)
        self._constants: dict[str, tuple[Array, ...]] = {}

    def covariance(self) -> Floats:
        """Covariance of the unclipped law [S, S]."""
        corr = self.correlation if self.correlation.ndim else np.full((self.stores,) * 2, float(self.correlation))
        corr = np.where(np.eye(self.stores, dtype=bool), 1.0, corr)
        return corr * np.outer(self.scale, self.scale)

    def _cholesky(self) -> Floats:
        n, matrix = len(self.location), self.correlation
        if matrix.shape != (n, n) or not np.allclose(matrix, matrix.T) or not np.allclose(np.diag(matrix), 1.0):
            raise ScenariumError(f"demand correlation must be a symmetric [{n}, {n}] matrix with a unit diagonal")
        try:
            return np.asarray(np.linalg.cholesky(matrix), dtype=np.float64)
        except np.linalg.LinAlgError:
            raise ScenariumError("demand correlation is not positive definite") from None

    def draw(self, seeds: Array, first: Array, length: int, xp: Namespace) -> Array:
        location, scale, factor = self._on(xp)
        z = rng.normal(xp, self._words(seeds, first, length, xp, DEMAND_STREAM, self.stores))
        if factor is not None:
            z = xp.matmul(factor, z) if xp.batched else z @ factor.T
        elif self.correlation > 0.0:
            common = rng.normal(xp, self._words(seeds, first, length, xp, COMMON_STREAM, 1))
            rho = float(self.correlation)
            z = math.sqrt(rho) * common + math.sqrt(1.0 - rho) * z
        demand = location + scale * z
        return xp.maximum(demand, 0.0) if self.clip else demand

    def _on(self, xp: Namespace) -> tuple[Array, ...]:
        if xp.key not in self._constants:
            factor = None if self._factor is None else xp.constant(self._factor)
            self._constants[xp.key] = (xp.column(self.location), xp.column(self.scale), factor)
        return self._constants[xp.key]


def _clipped_moments(location: Floats, scale: Floats) -> tuple[Floats, Floats]:
    """Mean and standard deviation of max(N(location, scale^2), 0)."""
    from scipy.special import ndtr

    safe = np.maximum(scale, 1e-12)
    ratio = location / safe
    density = np.exp(-0.5 * ratio**2) / math.sqrt(2 * math.pi)
    first = location * ndtr(ratio) + safe * density
    second = (location**2 + safe**2) * ndtr(ratio) + location * safe * density
    return first, np.sqrt(np.maximum(second - first**2, 0.0))


class InventoryScenario(BlockScenario):
    """Worlds of an inventory network: demand by period and the uniform draws of the starting stock."""

    def __init__(self, seeds: Array, demand: Demand, longest: int) -> None:
        super().__init__(seeds, demand.stores, longest)
        self.demand = demand

    def draw(self, first: Array, length: int) -> Array:
        return self.demand.draw(self.seeds, first, length, self.xp)

    def starting_uniforms(self, stores: int, slots: int) -> Array:
        """U(0, 1) per slot and store: [slots, S] for one world, [slots, S, B] for a batch."""
        count = rng.counters(self.xp, 0, slots, stores, trailing=1 if self.xp.batched else 0)
        return rng.uniform(self.xp, rng.words(rng.stream_key(self.seeds, INITIAL_STREAM), count))
