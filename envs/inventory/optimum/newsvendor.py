"""What the optima share: checked costs and lead times, the newsvendor's normal cost, and discrete demand."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from scenarium.envs.core.errors import ScenariumError

Floats = npt.NDArray[np.float64]


def check_costs(underage: float, holding: float) -> None:
    """Raises unless both rates are positive and finite."""
    for name, value in (("underage", underage), ("holding", holding)):
        if not (math.isfinite(value) and value > 0.0):
            raise ScenariumError(f"{name} cost is {value}; it must be a positive number")


def check_whole(name: str, value: int, low: int, high: float = math.inf) -> None:
    """Raises unless the value is a whole number in [low, high]."""
    if value != math.floor(value) or not low <= value <= high:
        wanted = f">= {low}" if high == math.inf else f"in {low}..{high}"
        raise ScenariumError(f"{name} is {value}; it must be a whole number {wanted}")


def check_moments(mean: npt.ArrayLike, std: npt.ArrayLike) -> None:
    """Raises unless all means are finite and all standard deviations are positive and finite."""
    spread = np.asarray(std, dtype=np.float64)
    if not np.isfinite(np.asarray(mean, dtype=np.float64)).all():
        raise ScenariumError("mean demand must be finite")
    if not (np.isfinite(spread).all() and (spread > 0.0).all()):
        raise ScenariumError("standard deviation of demand must be positive and finite")


def safety_factor(underage: float, holding: float) -> float:
    """The safety factor z = Phi^-1(p / (p + h)).

    Args:
        underage: p, cost per unit short.
        holding: h, cost per unit held.

    Raises:
        ScenariumError: A cost is not positive.
    """
    from scipy.special import ndtri

    check_costs(underage, holding)
    return float(ndtri(underage / (underage + holding)))


def cost_per_std(underage: float, holding: float) -> float:
    """Newsvendor cost at the best level per standard deviation of normal demand, (p + h) phi(z).

    Raises:
        ScenariumError: A cost is not positive.
    """
    z = safety_factor(underage, holding)
    return (underage + holding) * math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)


def demand_pmf(rate: float = 5.0, pmf: Sequence[float] | Floats | None = None, tail: float = 1e-12) -> Floats:
    """Probabilities of demand 0, 1, 2, ... in one period.

    Args:
        rate: Mean of Poisson demand, used where no `pmf` is given.
        pmf: Probabilities of any other law; they must sum to 1.
        tail: Probability that may be cut off at the top; the rest is scaled to sum to 1.

    Raises:
        ScenariumError: The rate is not positive, or the probabilities are no distribution.
    """
    if pmf is None:
        law = _poisson(rate)
    else:
        law = np.asarray(pmf, dtype=np.float64)
        if law.ndim != 1 or not len(law) or not (law >= 0.0).all() or abs(law.sum() - 1.0) > 1e-6:
            raise ScenariumError("pmf must be a sequence of probabilities >= 0 that sum to 1")
    above = np.cumsum(law[::-1])[::-1]
    law = law[above > tail]
    return np.asarray(law / law.sum(), dtype=np.float64)


def _poisson(rate: float) -> Floats:
    if not (math.isfinite(rate) and 0.0 < rate <= 1e4):
        raise ScenariumError(f"demand rate is {rate}; it must be in (0, 10000]")
    from scipy.special import gammaln

    values = np.arange(math.ceil(rate + 12.0 * math.sqrt(rate) + 30.0))
    return np.asarray(np.exp(values * math.log(rate) - rate - gammaln(values + 1.0)), dtype=np.float64)


def moments(pmf: Floats) -> tuple[float, float]:
    """Mean and standard deviation of a pmf on 0, 1, 2, ..."""
    values = np.arange(len(pmf))
    mean = float(values @ pmf)
    return mean, math.sqrt(max(float((values - mean) ** 2 @ pmf), 0.0))


def period_costs(pmf: Floats, stock: int, underage: float, holding: float) -> Floats:
    """Expected p (D - I)^+ + h (I - D)^+ of on-hand stock I = 0..stock [stock + 1]."""
    gap = np.arange(stock + 1)[:, None] - np.arange(len(pmf))
    return np.asarray((holding * np.maximum(gap, 0) + underage * np.maximum(-gap, 0)) @ pmf, dtype=np.float64)


def total_demand(pmf: Floats, periods: int) -> Floats:
    """Probabilities of the demand of several independent periods together."""
    total = np.ones(1)
    for _ in range(periods):
        total = np.convolve(total, pmf)
    return total


def quantile(pmf: Floats, fraction: float) -> int:
    """Smallest x with P(D <= x) >= fraction."""
    return min(int(np.searchsorted(np.cumsum(pmf), fraction - 1e-12)), len(pmf) - 1)
