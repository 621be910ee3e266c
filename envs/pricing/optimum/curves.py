"""The best price on a curve of purchase probabilities, for many curves at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.pricing.prices import Prices

Floats = npt.NDArray[np.float64]
STEP = 0.01
"""Distance of the prices that stand for an interval, in list prices; the maximum lies on a parabola between them."""


def price_grid(prices: Prices, step: float = STEP) -> Floats:
    """The ladder, or evenly spaced prices at most `step` apart that stand for the interval."""
    if prices.ladder is not None:
        return np.array(prices.ladder)
    return np.linspace(prices.low, prices.high, 1 + int(np.ceil((prices.high - prices.low) / step - 1e-9)))


class PriceGrid:
    """Prices at which curves are known, and how to find the best one.

    Args:
        prices: Ascending [G].
        interval: Whether they stand for all prices between the first and the last; they are then evenly spaced, and
            the best is the vertex of the parabola through the best grid point and its neighbours.

    Raises:
        ScenariumError: Fewer than three prices for an interval, or uneven ones.
    """

    def __init__(self, prices: npt.ArrayLike, interval: bool) -> None:
        self.values, self.interval = np.asarray(prices, dtype=np.float64), interval
        gaps = np.diff(self.values)
        if interval and (len(gaps) < 2 or not np.allclose(gaps, gaps[0])):
            raise ScenariumError("an interval needs at least three evenly spaced prices")
        self.step = float(gaps[0]) if interval else 0.0

    @classmethod
    def of(cls, prices: Prices, step: float = STEP) -> PriceGrid:
        """The grid of a model's legal prices."""
        return cls(price_grid(prices, step), prices.ladder is None)

    def like(self, x: Tensor) -> Tensor:
        """The prices in the type and on the device of a tensor [G]."""
        return torch.as_tensor(self.values, dtype=x.dtype, device=x.device)

    def best(self, probability: Tensor, cost: Tensor | float = 0.0) -> tuple[Tensor, Tensor]:
        """The price that maximises probability times (price - cost), and that maximum.

        Args:
            probability: p(P) [..., G].
            cost: Opportunity cost of a unit, a number or [...].

        Returns:
            Price [...] and margin [...].
        """
        prices = self.like(probability)
        charged = torch.as_tensor(cost, dtype=probability.dtype, device=probability.device)
        profit = probability * (prices - charged[..., None])
        top, index = profit.max(-1)
        if not self.interval:
            return prices[index], top
        last = len(self.values) - 1
        middle = index.clamp(1, last - 1)
        left, centre, right = (profit.gather(-1, (middle + k)[..., None])[..., 0] for k in (-1, 0, 1))
        slope, bend = 0.5 * (right - left), left - 2.0 * centre + right
        inside = (index == middle) & (bend < 0.0)
        shift = torch.where(inside, -slope / torch.where(inside, bend, -torch.ones_like(bend)), 0.0).clamp(-1.0, 1.0)
        return prices[index] + self.step * shift, torch.where(inside, centre + 0.5 * slope * shift, top)
