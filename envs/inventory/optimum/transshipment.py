"""Stores supplied through a hub that keeps nothing: a lower bound on cost, and the policy that all but attains it.

The relaxation lets stock move between stores freely, so that the system is one store with backlog. Source: Federgruen
and Zipkin, "Approximations of dynamic, multilocation production and inventory problems" (Management Science, 1984);
Alvo et al. (arXiv 2306.11246), many stores behind a transshipment warehouse.

With hub lead time L, store lead time l, standard deviations s_i and covariance C of one period's demand:

    V = (l + 1) (sum_i s_i)^2 + L sum_ij C_ij

All stores have the same lead time and costs.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.inventory.optimum.newsvendor import (
    Floats,
    check_moments,
    check_whole,
    cost_per_std,
    safety_factor,
)


def transshipment_bound(
    std: npt.ArrayLike,
    *,
    correlation: npt.ArrayLike = 0.5,
    hub_lead_time: int = 3,
    store_lead_time: int = 4,
    underage: float = 9.0,
    holding: float = 1.0,
) -> float:
    """Lower bound on the average cost per store and period of any policy, (p + h) phi(z) sqrt(V) / n.

    Args:
        std: Standard deviations of one period's demand [n].
        correlation: Correlation of the demand of two stores in a period, or a matrix [n, n].
        hub_lead_time: L >= 0, periods.
        store_lead_time: l >= 0, periods.
        underage: p, cost per unit of backlog and period.
        holding: h, cost per unit held and period.

    Raises:
        ScenariumError: An argument is out of range, or the correlation matrix has the wrong shape.
    """
    variance = system_variance(std, correlation, hub_lead_time, store_lead_time)
    return cost_per_std(underage, holding) * math.sqrt(variance) / np.size(std)


def system_order_up_to(
    mean: npt.ArrayLike,
    std: npt.ArrayLike,
    *,
    correlation: npt.ArrayLike = 0.5,
    hub_lead_time: int = 3,
    store_lead_time: int = 4,
    underage: float = 9.0,
    holding: float = 1.0,
) -> float:
    """Best level of the whole system's position in the relaxation, (L + l + 1) sum(mean) + z sqrt(V), units.

    Args:
        mean: Mean demand of a period [n], units.
        std: Its standard deviations [n].
        correlation: As in `transshipment_bound`, as are the rest.
        hub_lead_time: L >= 0, periods.
        store_lead_time: l >= 0, periods.
        underage: p, cost per unit of backlog and period.
        holding: h, cost per unit held and period.

    Raises:
        ScenariumError: An argument is out of range, or the shapes do not match.
    """
    means = np.asarray(mean, dtype=np.float64)
    if means.shape != np.shape(std):
        raise ScenariumError(f"mean has shape {means.shape} and std {np.shape(std)}; they must be the same")
    variance = system_variance(std, correlation, hub_lead_time, store_lead_time)
    check_moments(means, std)
    centre = (hub_lead_time + store_lead_time + 1) * float(means.sum())
    return centre + safety_factor(underage, holding) * math.sqrt(variance)


def system_variance(std: npt.ArrayLike, correlation: npt.ArrayLike, hub_lead_time: int, store_lead_time: int) -> float:
    """V = (l + 1) (sum_i s_i)^2 + L sum_ij C_ij, the variance that the relaxed system is exposed to.

    Raises:
        ScenariumError: An argument is out of range, or the correlation matrix has the wrong shape.
    """
    check_whole("hub lead time", hub_lead_time, 0)
    check_whole("store lead time", store_lead_time, 0)
    scale, matrix = np.asarray(std, dtype=np.float64), np.asarray(correlation, dtype=np.float64)
    if scale.ndim != 1 or not len(scale):
        raise ScenariumError(f"std has shape {scale.shape}; it must be [n], one per store")
    check_moments(0.0, scale)
    if matrix.ndim == 0:
        matrix = np.where(np.eye(len(scale), dtype=bool), 1.0, matrix)
    if matrix.shape != (len(scale), len(scale)) or not (np.abs(matrix) <= 1.0 + 1e-12).all():
        raise ScenariumError(f"correlation must be a number or [{len(scale)}, {len(scale)}], all of it in [-1, 1]")
    shared = float(scale @ matrix @ scale)
    if shared < -1e-9 * float(scale @ scale):
        raise ScenariumError("correlation gives total demand a negative variance; it must be positive semidefinite")
    return (store_lead_time + 1) * float(scale.sum()) ** 2 + hub_lead_time * max(shared, 0.0)


def water_filling(position: npt.ArrayLike, mean: npt.ArrayLike, std: npt.ArrayLike, stock: npt.ArrayLike) -> Floats:
    """Shares stock out so that the stores with the least cover are raised to a common fractile.

    Minimises the stores' newsvendor cost where their costs are the same: the shares a >= 0 sum to the stock, and
    (position_i + a_i - mean_i) / std_i is the same for all stores that get any, and higher for those that get none.

    Args:
        position: Inventory positions of the stores, [n] or [B, n], units.
        mean: Mean demand of a store over its lead time plus one period [n].
        std: Its standard deviation [n].
        stock: What there is to share >= 0, a number or [B].

    Returns:
        Shares, of the shape of `position`.

    Raises:
        ScenariumError: Shapes do not match, a standard deviation is not positive, or stock is negative.
    """
    given, total = np.asarray(position, dtype=np.float64), np.asarray(stock, dtype=np.float64)
    centre, scale = (np.asarray(array, dtype=np.float64) for array in (mean, std))
    if given.ndim not in (1, 2) or not {centre.shape, scale.shape} <= {given.shape[-1:], ()}:
        raise ScenariumError(f"position is {given.shape}; it must be [n] or [B, n] with mean and std [n]")
    if total.ndim and total.shape != given.shape[:-1]:
        raise ScenariumError(f"stock has shape {total.shape}; it must be a number or {given.shape[:-1]}")
    check_moments(centre, scale)
    if not (total >= 0.0).all():
        raise ScenariumError("stock to share must be >= 0")
    return _fill(given, centre, np.broadcast_to(scale, given.shape[-1:]), total[..., None])


def _fill(position: Floats, centre: Floats, scale: Floats, stock: Floats) -> Floats:
    excess = position - centre
    cover = excess / scale
    order = np.argsort(cover, axis=-1)
    # Fractile reached if the k stores with the least cover share everything, for every k.
    reached = (stock + np.cumsum(np.take_along_axis(excess, order, -1), -1)) / np.cumsum(scale[order], -1)
    served = np.take_along_axis(cover, order, -1) <= reached
    count = np.maximum(served.sum(-1, keepdims=True), 1)
    level = np.take_along_axis(reached, count - 1, -1)
    return np.asarray(np.maximum(level * scale - excess, 0.0), dtype=np.float64)
