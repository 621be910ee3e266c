"""The revenue-maximal prices of several products under multinomial logit demand: a common margin.

A customer takes product k with probability exp(a_k - b P_k) / (1 + sum_j exp(a_j - b P_j)). The profit
sum_k (P_k - c_k) p_k is maximal where all margins are the same,

    P_k - c_k = (1 + W(z)) / b,   profit W(z) / b,   z = sum_k exp(a_k - b c_k - 1),

with W the Lambert function (`demand.common_margin`). Source: Li and Huh, "Pricing multiple products with the
multinomial logit and nested logit models" (Manufacturing and Service Operations Management, 2011).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.namespace import NUMPY
from scenarium.envs.pricing.demand import common_margin

Floats = npt.NDArray[np.float64]


class CommonMargin(NamedTuple):
    """The optimum of each customer.

    Attributes:
        margin: Price minus cost, the same for all products [...].
        prices: [..., K].
        profit: Expected, per customer [...].
    """

    margin: Floats
    prices: Floats
    profit: Floats


def multinomial_optimum(appeal: npt.ArrayLike, slope: npt.ArrayLike = 1.0, cost: npt.ArrayLike = 0.0) -> CommonMargin:
    """Optimal prices under multinomial logit demand.

    Args:
        appeal: a_k, utility at price zero less that of buying nothing [..., K].
        slope: b > 0, utility per unit of price, a number or [...].
        cost: c_k, cost of a unit, a number or [..., K].

    Raises:
        ScenariumError: The slope is not positive, or something is not finite.
    """
    a, b, c = (np.asarray(value, dtype=np.float64) for value in (appeal, slope, cost))
    if a.ndim < 1:
        raise ScenariumError("appeal must have a product axis, [..., K]")
    if not ((b > 0.0).all() and all(np.isfinite(value).all() for value in (a, b, c))):
        raise ScenariumError("appeal, slope and cost must be finite, and slope positive")
    utility = a - b[..., None] * c
    margin = np.asarray(common_margin(np.moveaxis(utility, -1, 0), b, NUMPY), dtype=np.float64)
    prices = np.broadcast_to(margin[..., None] + c, np.broadcast_shapes((*margin.shape, 1), a.shape)).copy()
    return CommonMargin(margin, prices, np.asarray(margin - 1.0 / b, dtype=np.float64))


def multinomial_profit(
    prices: npt.ArrayLike, appeal: npt.ArrayLike, slope: npt.ArrayLike = 1.0, cost: npt.ArrayLike = 0.0
) -> Floats:
    """Expected profit per customer of any prices, shapes as in `common_margin`."""
    p, a, b, c = (np.asarray(value, dtype=np.float64) for value in (prices, appeal, slope, cost))
    utility = a - b[..., None] * p
    top = np.maximum(utility.max(-1, keepdims=True), 0.0)
    share = np.exp(utility - top)
    total = share.sum(-1, keepdims=True) + np.exp(-top)
    return np.asarray(((p - c) * share / total).sum(-1), dtype=np.float64)
