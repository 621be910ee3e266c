"""The best expected margin of a session by what the decision maker knows: everything, the context, or nothing.

`F(D) = E_x max_P p(x, P) (P - D)` decides both kinds of problem: F(0) is the value of a session without scarcity, and
`capacity_program` turns F into the value of a limited number of units. Expectations are sums over grids of the latent
normals or of the signals, which are independent standard normals; there is no sampling error, and the error of a grid
is stated by refining it (`refined`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from scenarium.envs.core.namespace import NUMPY
from scenarium.envs.pricing.calibration import conversion, normal_grid
from scenarium.envs.pricing.demand import Demand, Latents, Segment, optimal_price, optimal_rung, sigmoid
from scenarium.envs.pricing.optimum.bayes import ContextDemand, SignalGrid, in_chunks, signal_grid
from scenarium.envs.pricing.optimum.capacity import Margin
from scenarium.envs.pricing.optimum.curves import PriceGrid
from scenarium.envs.pricing.prices import Prices

Floats = npt.NDArray[np.float64]
_CHUNK = 1 << 14


class Stated(NamedTuple):
    """A value and the change that a refined grid makes to it."""

    value: float
    error: float


def refined(value: Callable[[int], float]) -> Stated:
    """The value on a grid refined twice over, with its distance from the plain grid as error.

    Args:
        value: From the factor of refinement, 1 or 2, to the value.
    """
    coarse, fine = value(1), value(2)
    return Stated(fine, abs(fine - coarse))


class Offer(NamedTuple):
    """What a session is expected to bring under some policy.

    Attributes:
        conversion: Probability of a sale.
        revenue: In list prices.
    """

    conversion: float
    revenue: float


def full_information(demand: Demand, prices: Prices, cost: float = 0.0) -> Offer:
    """Sale and revenue of a session whose latents are known, when a unit costs `cost` later.

    Args:
        demand: The ground truth.
        prices: The legal prices.
        cost: Opportunity cost D of a unit.
    """
    z, weights = normal_grid()
    sold = earned = 0.0
    parts = ((demand.insensitive, demand.share), (demand.sensitive, 1.0 - demand.share))
    for segment, share in parts:
        median = segment.median * np.exp(segment.median_sd * z)
        price = _known_price(segment, median, prices, cost)
        chance = sigmoid((median - price) / segment.spread, NUMPY) * weights * share * mean_need(demand, segment)
        sold, earned = sold + float(chance.sum()), earned + float(chance @ price)
    return Offer(sold, earned)


def full_information_margin(demand: Demand, prices: Prices) -> Margin:
    """F of somebody who knows the latents."""
    return _margin(lambda cost: full_information(demand, prices, cost))


def by_context(
    demand: Demand,
    prices: Prices,
    cost: float = 0.0,
    grid: SignalGrid | None = None,
    curves: ContextDemand | None = None,
) -> Offer:
    """Sale and revenue of a session under the Bayes oracle, when a unit costs `cost` later.

    Args:
        demand: The ground truth.
        prices: The legal prices.
        cost: Opportunity cost D of a unit.
        grid: Contexts to average over; the default `signal_grid`.
        curves: Purchase probabilities at `PriceGrid.of(prices)`.
    """
    at = PriceGrid.of(prices)
    curves = curves or ContextDemand(demand, at.values)
    grid = grid or signal_grid()
    sold = earned = 0.0
    for signals, weights in zip(in_chunks(grid.signals, _CHUNK), torch.split(grid.weights, _CHUNK), strict=True):
        price, margin = at.best(curves.probability(signals), cost)
        mine = float(weights @ (margin / (price - cost).clamp_min(1e-9)))
        sold, earned = sold + mine, earned + float(weights @ margin) + cost * mine
    return Offer(sold, earned)


def context_margin(demand: Demand, prices: Prices, refine: int = 1) -> Margin:
    """F of somebody who sees the context.

    Args:
        demand: The ground truth.
        prices: The legal prices.
        refine: 2 halves the distance of the contexts' grid points and of the prices, and so on.
    """
    grid = signal_grid(*(1 + refine * count for count in (60, 40, 14)))
    at = PriceGrid.of(prices, 0.01 / refine)
    curves = ContextDemand(demand, at.values)

    def margin(cost: Floats) -> Floats:
        total = np.zeros(len(cost))
        for signals, weights in zip(in_chunks(grid.signals, _CHUNK), torch.split(grid.weights, _CHUNK), strict=True):
            probability = curves.probability(signals)
            total += [float(weights @ at.best(probability, float(d))[1].clamp_min(0.0)) for d in cost]
        return total

    return margin


def blind_margin(demand: Demand, prices: Prices) -> Margin:
    """F of somebody who sees nothing: the best price is the same for every customer."""
    at = PriceGrid.of(prices)
    curve = torch.as_tensor(static_conversion(demand, at.values))

    def margin(cost: Floats) -> Floats:
        found = at.best(curve.expand(len(cost), -1), torch.as_tensor(cost))[1]
        return np.asarray(found.clamp_min(0.0).numpy(), dtype=np.float64)

    return margin


def static_conversion(demand: Demand, prices: npt.ArrayLike) -> Floats:
    """Share of sessions that buy at each static price [...]."""
    return np.array([conversion(demand, float(p)) for p in np.ravel(prices)]).reshape(np.shape(prices))


def best_static(demand: Demand, prices: Prices) -> tuple[float, Offer]:
    """The best legal price without context or scarcity, and what it brings."""
    at = PriceGrid.of(prices)
    price = float(at.best(torch.as_tensor(static_conversion(demand, at.values)))[0])
    sold = conversion(demand, price)
    return price, Offer(sold, price * sold)


def mean_need(demand: Demand, segment: Segment) -> float:
    """E[q] of a segment."""
    z, weights = normal_grid()
    logit = np.log(segment.need / (1.0 - segment.need)) + demand.need_shift
    return float(sigmoid(logit + segment.need_sd * z, NUMPY) @ weights)


def _known_price(segment: Segment, median: Floats, prices: Prices, cost: float) -> Floats:
    spread = np.full_like(median, segment.spread)
    if prices.ladder is not None:
        return np.asarray(optimal_rung(prices.ladder, Latents(median, spread, np.ones_like(median)), cost, NUMPY))
    return np.asarray(optimal_price(median, spread, np.float64(cost), prices.low, prices.high, NUMPY))


def _margin(offer: Callable[[float], Offer]) -> Margin:
    def margin(cost: Floats) -> Floats:
        found = [max(0.0, o.revenue - d * o.conversion) for d, o in ((float(d), offer(float(d))) for d in cost)]
        return np.asarray(found, dtype=np.float64)

    return margin
