"""The image network: prices as a picture of days times names, read by convolutions in the manner of VGG.

Huang, Zhou and Song (arXiv 2412.18563) put a convolutional features extractor between the picture and a small head.
Their layers are not published; this one has the plan of VGG (Simonyan and Zisserman, arXiv 1409.1556): blocks of
convolutions of 3 x 3 with ReLU, each block halving the picture and doubling the channels, then a fully connected layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from scenarium.agents.networks.heads import action_head
from scenarium.agents.networks.market import MarketReader
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.model import Model


class ImageEncoder(nn.Module):
    """From observations to features [B, size], for policies and for agents with heads of their own.

    The picture has the weights held as its first row, as in the paper; what else an observation tells joins before the
    fully connected layer.

    Args:
        model: A portfolio problem.
        channels: Of each block; a block halves days and names while there are at least two.
        convolutions: Per block; 1 in the first blocks of VGG-11, 2 in those of VGG-13.
        size: Width of the fully connected layer.

    Raises:
        ScenariumError: The model is another problem, or there are no channels.
    """

    def __init__(
        self, model: Model, channels: Sequence[int] = (8, 16, 32), convolutions: int = 1, size: int = 64
    ) -> None:
        super().__init__()
        if not channels or min(channels) < 1 or convolutions < 1:
            raise ScenariumError(f"channels {list(channels)} and convolutions {convolutions} must be at least 1")
        self.read = MarketReader(model, "policy 'image'")
        layers: list[nn.Module] = []
        before, rows, columns = self.read.features, self.read.days + 1, self.read.count
        for after in channels:
            for _ in range(convolutions):
                layers += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU(inplace=True)]
                before = after
            by = (2 if rows > 1 else 1, 2 if columns > 1 else 1)
            layers.append(nn.MaxPool2d(by))
            rows, columns = rows // by[0], columns // by[1]
        self.tower = nn.Sequential(*layers, nn.Flatten())
        extra = self.read.count + 1 + self.read.count * self.read.per_name + self.read.extra
        self.join = nn.Sequential(nn.Linear(before * rows * columns + extra, size), nn.ReLU(inplace=True))
        self.size = size

    def forward(self, observation: Any) -> Tensor:
        """Features [B, size]."""
        parts = self.read(observation)
        held = parts.weights[:, None, None, 1:].expand(-1, self.read.features, -1, -1)
        picture = torch.cat([held, parts.image.mT], 2)
        seen = [self.tower(picture), parts.weights, parts.names.flatten(1), parts.rest]
        features: Tensor = self.join(torch.cat(seen, 1))
        return features


class ImagePolicy(nn.Module):
    """Weights of cash and names from an `ImageEncoder`; the model's head makes actions of them.

    Args:
        model: A portfolio problem in its native action space.
        channels: As in `ImageEncoder`.
        convolutions: As in `ImageEncoder`.
        size: As in `ImageEncoder`.
        last_layer_scale: Factor on the last layer's initial weights, so that the first portfolio is nearly uniform.
    """

    recurrent = False
    normalizer = None

    def __init__(
        self,
        model: Model,
        channels: Sequence[int] = (8, 16, 32),
        convolutions: int = 1,
        size: int = 64,
        last_layer_scale: float = 0.1,
    ) -> None:
        super().__init__()
        self.encoder = ImageEncoder(model, channels, convolutions, size)
        self.head, outputs = action_head(model)
        self.last = nn.Linear(size, outputs)
        self.last.weight.data *= last_layer_scale
        nn.init.zeros_(self.last.bias)

    def forward(self, observation: Any) -> Tensor:
        """Actions [B, N + 1]."""
        action: Tensor = self.head(self.last(self.encoder(observation)), observation)
        return action
