"""Numbers of the ground truth that have no closed form: reliability of the signals, conversion at a price."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import numpy as np
import numpy.typing as npt

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.namespace import NUMPY
from scenarium.envs.pricing.demand import Demand, Segment, sigmoid

Floats = npt.NDArray[np.float64]

CALIBRATED_CONVERSION = 0.10
"""The name of the calibrated conversion at list price; its exact value is 10.04 %."""


@cache
def normal_grid(count: int = 801, reach: float = 8.0) -> tuple[Floats, Floats]:
    """Points and weights that integrate a function against the standard normal density."""
    z = np.linspace(-reach, reach, count)
    density = np.exp(-0.5 * z * z)
    return z, density / density.sum()


@cache
def reliability(demand: Demand) -> float:
    """The squared correlation of signals and latent normals at which the context explains the asked share of Var(m).

    Args:
        demand: The ground truth; its `informativeness` is what is matched.
    """
    target = demand.informativeness
    if target == 0.0 or _variance(demand, 1.0 - 1e-9) == 0.0:
        return target
    low, high = 0.0, 1.0 - 1e-9
    for _ in range(50):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if explained(demand, middle) < target else (low, middle)
    return 0.5 * (low + high)


def explained(demand: Demand, known: float) -> float:
    """The share of the variance of m that the context explains, for signals of reliability `known`."""
    return _variance(demand, known) / _variance(demand, 1.0 - 1e-9)


def _variance(demand: Demand, known: float) -> float:
    """Var(E[m | signals]); the purpose and the level are independent, so moments multiply."""
    from scipy.special import ndtr

    z, weights = normal_grid()
    likely = ndtr((math.sqrt(known) * z - demand.threshold) / math.sqrt(1.0 - known))
    first, second = (_known_median(segment, known) for segment in (demand.insensitive, demand.sensitive))
    square = (likely**2 @ weights) * (first**2 @ weights) + ((1 - likely) ** 2 @ weights) * (second**2 @ weights)
    square += 2.0 * ((likely * (1 - likely)) @ weights) * ((first * second) @ weights)
    mean = (likely @ weights) * (first @ weights) + ((1 - likely) @ weights) * (second @ weights)
    return max(0.0, float(square - mean**2))


def _known_median(segment: Segment, known: float) -> Floats:
    """E[m | level signal] of a segment, on the grid."""
    z, _ = normal_grid()
    sd = segment.median_sd
    return np.asarray(segment.median * np.exp(sd * math.sqrt(known) * z + 0.5 * sd * sd * (1.0 - known)))


def conversion(demand: Demand, price: float) -> float:
    """The share of sessions that buy at one static price."""
    parts = ((demand.insensitive, demand.share), (demand.sensitive, 1.0 - demand.share))
    return sum(share * _segment_conversion(segment, demand.need_shift, price) for segment, share in parts)


def _segment_conversion(segment: Segment, shift: float, price: float) -> float:
    z, weights = normal_grid()
    logit = math.log(segment.need / (1.0 - segment.need)) + shift
    need = sigmoid(logit + segment.need_sd * z, NUMPY) @ weights
    buys = sigmoid((segment.median * np.exp(segment.median_sd * z) - price) / segment.spread, NUMPY) @ weights
    return float(need * buys)


@cache
def with_conversion(demand: Demand, base: float) -> Demand:
    """The same customers with needs shifted so that `base` of them convert at list price.

    Args:
        demand: The ground truth.
        base: 0.10 leaves it as calibrated (10.1 %); 0.05 halves that conversion, 0.20 doubles it, and so on.

    Raises:
        ScenariumError: The conversion is out of reach.
    """
    if base == CALIBRATED_CONVERSION:
        return demand
    target = conversion(demand, 1.0) * base / CALIBRATED_CONVERSION
    low, high = -8.0, 8.0
    if (
        not conversion(replace(demand, need_shift=low), 1.0)
        < target
        < conversion(replace(demand, need_shift=high), 1.0)
    ):
        raise ScenariumError(f"base_conversion {base} is out of reach; choose one between 0.01 and 0.40")
    for _ in range(50):
        middle = 0.5 * (low + high)
        short = conversion(replace(demand, need_shift=middle), 1.0) < target
        low, high = (middle, high) if short else (low, middle)
    return replace(demand, need_shift=0.5 * (low + high))
