"""Observations of portfolio allocation as the parts a network works on, whatever view the model shows."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.model import Model
from scenarium.envs.portfolio.image import AUX, scale_of
from scenarium.envs.portfolio.model import PortfolioAllocation

MOVE = 0.02
"""Typical size of a daily move of a name (log)."""


class Parts(NamedTuple):
    """An observation in numbers of about unit size.

    Attributes:
        image: Log prices over the last close, and log-volume, oldest day first [B, F, N, W].
        weights: Held, cash first [B, N + 1].
        names: What else is known of each name [B, N, K].
        rest: What else is known of the market and the portfolio [B, M].
    """

    image: Tensor
    weights: Tensor
    names: Tensor
    rest: Tensor


class MarketReader(nn.Module):
    """Takes batched observations of a portfolio problem apart: a dict, a flat vector, or the paper's image.

    Args:
        model: A portfolio problem.
        who: Who asks, for the error message.

    Attributes:
        features: Channels F of the image.
        count: Names N.
        days: Days W.
        close: Which channel is the close.
        per_name: Numbers K per name beside image and weight: 3 flags, or none in the paper's view.
        extra: Numbers M of the market and the portfolio: 8, or none in the paper's view.

    Raises:
        ScenariumError: The model is another problem.
    """

    gain: Tensor
    rest_gain: Tensor

    def __init__(self, model: Model, who: str) -> None:
        super().__init__()
        if not isinstance(model, PortfolioAllocation):
            raise ScenariumError(f"{who} plays PortfolioAllocation; {model.env_id or type(model).__name__} is none")
        layout = model.layout
        self._view, self.count, self.days = model.observation, layout.names, layout.window
        self.features, self.close = len(layout.features), layout.features.index("close")
        paper = self._view == "paper"
        self.per_name, self.extra = (0, 0) if paper else (3, AUX)
        scale = scale_of("dict", layout)
        gain = 1.0 / torch.as_tensor(scale["image"][:, :1, :1].copy(), dtype=torch.float32)
        self.register_buffer("gain", gain, persistent=False)
        self.register_buffer("rest_gain", 1.0 / torch.as_tensor(scale["aux"], dtype=torch.float32), persistent=False)

    def forward(self, observation: Any) -> Parts:
        """The parts of batched observations."""
        if isinstance(observation, dict):
            image, weights, flags, rest = (observation[name] for name in ("image", "weights", "mask", "aux"))
        elif self._view == "paper":
            return self._paper(observation)
        else:
            sizes = [self.features * self.count * self.days, self.count + 1, 3 * self.count, AUX]
            image, weights, flags, rest = observation.split(sizes, 1)
            image = image.reshape(-1, self.features, self.count, self.days)
            flags = flags.reshape(-1, self.count, 3)
        return Parts(image * self.gain, weights, flags, rest * self.rest_gain)

    def _paper(self, observation: Tensor) -> Parts:
        """Row 0 of the image is the weights of the names; prices are ratios, which logs make symmetric."""
        risky = observation[:, 0, 0]
        weights = torch.cat([1.0 - risky.sum(1, keepdim=True), risky], 1)
        image = observation[:, :, 1:].clamp_min(1e-3).log().mT * self.gain
        nothing = image.new_zeros(len(image), self.count, 0)
        return Parts(image, weights, nothing, nothing[:, 0])

    def moves(self, image: Tensor) -> Tensor:
        """Daily log moves of the closes in an image, of about unit size [B, N, W - 1]."""
        closes = image[:, self.close] * (1.0 / (self.gain[self.close] * MOVE))
        return closes.diff(dim=-1)
