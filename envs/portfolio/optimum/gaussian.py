"""Log-optimal weights under Gaussian returns, by quadrature.

For weights w of the stocks (the rest in cash) the daily return of the portfolio is Gaussian with mean w . mu and
variance w' Sigma w, so the growth rate E log(1 + w . R) is an integral in one dimension (Kelly, "A new interpretation
of information rate", 1956; Merton's weights Sigma^-1 mu are its limit for short days). It is concave in w, and on the
simplex of long-only, unlevered portfolios its maximum is found by SLSQP from the exact gradient.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from scenarium.envs.core.errors import ScenariumError

Floats = npt.NDArray[np.float64]
_NODES = 64


class LogOptimum(NamedTuple):
    """The best constant portfolio.

    Attributes:
        weights: Of cash and the N stocks [N + 1].
        growth: Mean daily log return.
        gap: Upper bound on what any other portfolio grows faster, from the optimality conditions.
    """

    weights: Floats
    growth: float
    gap: float


def _moments(mean: npt.ArrayLike, covariance: npt.ArrayLike) -> tuple[Floats, Floats]:
    mu, sigma = np.asarray(mean, np.float64), np.asarray(covariance, np.float64)
    if mu.ndim != 1 or sigma.shape != (len(mu), len(mu)) or not (np.isfinite(mu).all() and np.isfinite(sigma).all()):
        raise ScenariumError(f"mean has shape {mu.shape} and covariance {sigma.shape}; expected [N] and [N, N], finite")
    return mu, sigma


def log_growth(weights: npt.ArrayLike, mean: npt.ArrayLike, covariance: npt.ArrayLike) -> float:
    """Mean daily log return of constant weights, rebalanced daily without costs.

    Args:
        weights: Of cash and the N stocks [N + 1].
        mean: Expected daily returns [N].
        covariance: Of daily returns [N, N].

    Raises:
        ScenariumError: Shapes do not fit, or the portfolio could be wiped out within 12 standard deviations.
    """
    mu, sigma = _moments(mean, covariance)
    w = np.asarray(weights, np.float64)
    if w.shape != (len(mu) + 1,):
        raise ScenariumError(f"weights have shape {w.shape}; expected cash and {len(mu)} stocks")
    return _growth_and_slope(w[1:], mu, sigma)[0]


def _growth_and_slope(w: Floats, mu: Floats, sigma: Floats) -> tuple[float, Floats]:
    """Growth rate and its gradient in the stocks' weights."""
    node, mass = np.polynomial.hermite_e.hermegauss(_NODES)
    mass = mass / mass.sum()
    mean, spread = float(w @ mu), math.sqrt(max(float(w @ sigma @ w), 1e-30))
    wealth = 1.0 + mean + spread * node
    if wealth.min() <= 0.0:
        raise ScenariumError(
            f"a daily volatility of {spread:.3f} can wipe the portfolio out; Gaussian growth is undefined"
        )
    inverse = mass / wealth
    slope = inverse.sum() * mu + (inverse @ node) / spread * (sigma @ w)
    return float(mass @ np.log(wealth)), slope


def log_optimal(mean: npt.ArrayLike, covariance: npt.ArrayLike) -> LogOptimum:
    """The portfolio of cash and stocks, long only and unlevered, that grows fastest.

    Args:
        mean: Expected daily returns [N].
        covariance: Of daily returns [N, N].

    Returns:
        Weights, growth and the optimality gap.

    Raises:
        ScenariumError: Shapes do not fit, or the optimiser failed.
    """
    from scipy.optimize import LinearConstraint, minimize

    mu, sigma = _moments(mean, covariance)
    scale = 1e4  # growth is of the order of a basis point; the optimiser's tolerances are absolute

    def loss(w: Any) -> float:
        return -scale * _growth_and_slope(w, mu, sigma)[0]

    def slope_of_loss(w: Any) -> Floats:
        return -scale * _growth_and_slope(w, mu, sigma)[1]

    start = np.full(len(mu), 0.5 / len(mu))
    budget = LinearConstraint(np.ones((1, len(mu))), -np.inf, 1.0)
    found = minimize(
        loss,
        start,
        jac=slope_of_loss,
        bounds=[(0.0, 1.0)] * len(mu),
        constraints=[budget],
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 500},
    )
    w = np.maximum(found.x, 0.0)
    w /= max(1.0, float(w.sum()))
    growth, slope = _growth_and_slope(w, mu, sigma)
    # Concavity: no portfolio v grows faster than growth + slope . (v - w), which is largest at a corner.
    gap = float(max(slope.max(), 0.0) - slope @ w)
    if gap > 1e-3 * max(growth, 1e-8):
        raise ScenariumError(f"no optimum found: {found.message}")
    return LogOptimum(np.concatenate([[1.0 - w.sum()], w]), growth, gap)
