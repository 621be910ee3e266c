"""How a customer answers a price: the ground truth, and the price that is best against it.

A session's customer buys at price P with probability ``q * sigmoid((m - P) / s)``: q is the need (the share of such
customers who would take the ancillary for nothing or almost nothing), m the median willingness to pay and s its
spread, prices in units of the list price. Demand falls in P by construction, q never moves the best price, and the best
price has a closed form in Lambert's W. Customers are of two segments, one that hardly minds the price and one that
does; the numbers reproduce the online test of Shukla, Kolbeinsson, Otwell, Marla and Yellepeddi, "Dynamic Pricing for
Airline Ancillaries with Customer Context" (KDD 2019): 10.18 % of sessions buy at list price, 12.37 % under random
discounts at 0.77 of the revenue. They are a calibration of ours, not airline data.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.namespace import Array, Namespace
from scenarium.envs.pricing.context import Signals

LIST_PRICE = 1.0
_OVERFLOW = 50.0
"""Above it W(exp(u)) is computed from u alone; exp(88) already overflows float32."""


class Latents(NamedTuple):
    """What decides a session and nobody sees.

    Attributes:
        median: m, median willingness to pay in list prices.
        spread: s, logistic spread of the willingness to pay in list prices.
        need: q, probability of wanting the ancillary at all.
    """

    median: Array
    spread: Array
    need: Array


class Residuals(NamedTuple):
    """Independent standard normals, one per signal: the part of the latents no context tells."""

    purpose: Array
    level: Array
    need: Array


@dataclass(frozen=True)
class Segment:
    """Customers of one kind: ``m = median * exp(median_sd * z)``, ``logit q = logit(need) + need_sd * z'``."""

    median: float
    median_sd: float
    spread: float
    need: float
    need_sd: float


@dataclass(frozen=True)
class Demand:
    """Parameters of the ground truth; the defaults are the calibration to the published online test.

    Attributes:
        insensitive: Customers who hardly mind the price.
        sensitive: Customers who do.
        share: Probability of the insensitive segment, in (0, 1].
        informativeness: R^2 of the willingness to pay: the share of the variance of m that the best forecast from
            the context explains, ``Var(E[m | context]) / Var(m)``, in [0, 1). It sets one `reliability`, the squared
            correlation of each signal of the context with its latent normal, which therefore also holds for the need.
        need_shift: Added to every logit q; `with_conversion` chooses it.

    Raises:
        ScenariumError: A parameter is outside its range.
    """

    insensitive: Segment = Segment(1.320, 0.15, 0.092, 0.181, 0.6)
    sensitive: Segment = Segment(0.485, 0.25, 0.101, 0.107, 0.6)
    share: float = 0.556
    informativeness: float = 0.75
    need_shift: float = 0.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.informativeness < 1.0:
            raise ScenariumError(f"informativeness {self.informativeness} must be at least 0 and below 1")
        if not 0.0 < self.share <= 1.0:
            raise ScenariumError(f"share {self.share} of the insensitive segment must be in (0, 1]")

    @property
    def threshold(self) -> float:
        """The latent normal of the trip's purpose above which a customer is insensitive."""
        from scipy.special import ndtri

        return -math.inf if self.share == 1.0 else float(ndtri(1.0 - self.share))

    @property
    def reliability(self) -> float:
        """Squared correlation of each signal with its latent normal that gives the informativeness."""
        from scenarium.envs.pricing.calibration import reliability

        return reliability(self)


def latents(demand: Demand, signals: Signals, residuals: Residuals, xp: Namespace) -> Latents:
    """The latents of sessions: each latent normal is ``sqrt(R) * signal + sqrt(1 - R) * residual``.

    Signals and residuals are independent standard normals, so segment, level and need have exactly the law of the
    calibration, and given the context only the residuals are unknown.

    Args:
        demand: The ground truth.
        signals: What the context says, arrays of one shape.
        residuals: What it does not say, shapes that broadcast against the signals'.
        xp: Namespace of the arrays.
    """
    known, unknown = math.sqrt(demand.reliability), math.sqrt(1.0 - demand.reliability)
    purpose, level, need = (known * s + unknown * r for s, r in zip(signals, residuals, strict=True))
    a, b = demand.insensitive, demand.sensitive
    if demand.share == 1.0:
        return _of_segment(a, demand.need_shift, level, need, xp)
    insensitive = purpose > demand.threshold
    first = _of_segment(a, demand.need_shift, level, need, xp)
    second = _of_segment(b, demand.need_shift, level, need, xp)
    return Latents(*(xp.where(insensitive, x, y) for x, y in zip(first, second, strict=True)))


def _of_segment(segment: Segment, shift: float, level: Array, need: Array, xp: Namespace) -> Latents:
    median = segment.median * xp.exp(segment.median_sd * level)
    logit = math.log(segment.need / (1.0 - segment.need)) + shift
    return Latents(median, level * 0.0 + segment.spread, sigmoid(logit + segment.need_sd * need, xp))


def sigmoid(x: Array, xp: Namespace) -> Array:
    """``1 / (1 + exp(-x))`` for any x: by the hyperbolic tangent, which cannot overflow."""
    return 0.5 + 0.5 * xp.tanh(0.5 * x)


def purchase_probability(price: Array, latent: Latents, xp: Namespace) -> Array:
    """``q * sigmoid((m - P) / s)``, broadcasting prices against latents."""
    return latent.need * sigmoid((latent.median - price) / latent.spread, xp)


def expected_revenue(price: Array, latent: Latents, xp: Namespace) -> Array:
    """Price times purchase probability, in list prices per session."""
    return price * purchase_probability(price, latent, xp)


def lambert_w_exp(u: Array, xp: Namespace) -> Array:
    """W(exp(u)), the w > 0 with ``w + ln w = u``, without computing exp(u) where it would overflow.

    Starts from a bound good to a few per cent on either side of u = 1 and takes Newton steps on ``w + ln w - u``,
    which converge quadratically; three leave float32 rounding. Above 50 the start is ``u - ln u`` anyway.

    Args:
        u: Any shape; below about -15 the answer is exp(u) to float32 precision.
        xp: Namespace of the arrays.
    """
    small = xp.exp(xp.minimum(u, 1.0))
    low = small / (1.0 + small * 0.5)
    positive = xp.maximum(u, 1.0)
    w = xp.where(u > 1.0, positive - xp.log(positive) * (positive / (1.0 + positive)), low)
    for _ in range(4):
        w = w * (1.0 + u - xp.log(w)) / (1.0 + w)
    return w


def unconstrained_price(median: Array, spread: Array, opportunity_cost: Array, xp: Namespace) -> Array:
    """``D + s * (1 + W(exp((m - D) / s - 1)))``: where ``(P - D) * p(P)`` is largest; D is the opportunity cost."""
    return opportunity_cost + spread * (1.0 + lambert_w_exp((median - opportunity_cost) / spread - 1.0, xp))


def optimal_price(
    median: Array, spread: Array, opportunity_cost: Array, low: float, high: float, xp: Namespace
) -> Array:
    """The best price in [low, high]; revenue has one peak, so clipping the unconstrained price is exact.

    Args:
        median: m, in list prices.
        spread: s, in list prices.
        opportunity_cost: D, what the unit is worth if not sold now; 0 without scarcity.
        low: Lowest legal price.
        high: Highest legal price.
        xp: Namespace of the arrays.
    """
    return xp.minimum(xp.maximum(unconstrained_price(median, spread, opportunity_cost, xp), low), high)


def optimal_rung(ladder: Sequence[float], latent: Latents, opportunity_cost: Array, xp: Namespace) -> Array:
    """The best price of a ladder, by trying every rung.

    Args:
        ladder: Legal prices.
        latent: Latents of sessions, any shape.
        opportunity_cost: D, broadcasting against the latents.
        xp: Namespace of the arrays.
    """
    best = latent.median * 0.0 + float(ladder[0])
    value = (best - opportunity_cost) * purchase_probability(best, latent, xp)
    for rung in ladder[1:]:
        other = (rung - opportunity_cost) * purchase_probability(float(rung), latent, xp)
        best, value = xp.where(other > value, float(rung), best), xp.maximum(value, other)
    return best


def common_margin(attraction: Any, sensitivity: Array, xp: Namespace) -> Array:
    """The best margin of products in a multinomial logit, the same for each: ``(1/b)(1 + W(sum_k exp(a_k - 1)))``.

    Args:
        attraction: For each product ``a_k - b * c_k``, its utility at cost, a sequence of arrays.
        sensitivity: b, utility lost per unit of price.
        xp: Namespace of the arrays.
    """
    largest = attraction[0]
    for a in attraction[1:]:
        largest = xp.maximum(largest, a)
    total = xp.exp(attraction[0] - largest)
    for a in attraction[1:]:
        total = total + xp.exp(a - largest)
    return (1.0 + lambert_w_exp(largest + xp.log(total) - 1.0, xp)) / sensitivity


def check_ladder(ladder: Sequence[float]) -> tuple[float, ...]:
    """The rungs as ascending floats.

    Raises:
        ScenariumError: Fewer than two rungs, not ascending, or not positive and finite.
    """
    rungs = tuple(float(x) for x in np.asarray(ladder, dtype=np.float64).ravel())
    ascending = all(a < b for a, b in zip(rungs, rungs[1:], strict=False))
    if len(rungs) < 2 or not ascending or rungs[0] <= 0.0 or not math.isfinite(rungs[-1]):
        raise ScenariumError(f"ladder {list(rungs)} must have at least two positive, ascending prices")
    return rungs
