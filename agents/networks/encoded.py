"""Action values on top of a named encoder, for problems whose observations are more than a list of numbers."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces
from torch import Tensor, nn

from scenarium.agents.networks import build_encoder, encoder_arguments
from scenarium.agents.networks.values import OwnNetwork, QNetwork
from scenarium.envs.core.errors import unknown_name
from scenarium.envs.core.model import Model


class EncodedQNetwork(nn.Module):
    """A `QNetwork` on an encoder's features.

    Args:
        encoder: From observations to features [B, `size`].
        shape: (branches, choices) of the values.
        **settings: Arguments of `QNetwork`.
    """

    def __init__(self, encoder: Any, shape: tuple[int, int], **settings: Any) -> None:
        super().__init__()
        self.encoder = encoder
        self.values = QNetwork(spaces.Box(-np.inf, np.inf, (encoder.size,)), shape, **settings)

    def forward(self, observation: Any) -> Tensor:
        """Values [B, branches, choices]."""
        values: Tensor = self.values(self.encoder(observation))
        return values


def encoded_values(name: str, model: Model, shape: tuple[int, int], settings: Mapping[str, Any]) -> OwnNetwork:
    """The action values of a named encoder; `settings` are arguments of the encoder or of `QNetwork`.

    Raises:
        ScenariumError: One of them is neither, or the encoder cannot read the model.
    """
    inner = encoder_arguments(name)
    outer = [argument for argument in inspect.signature(QNetwork).parameters if argument not in ("space", "shape")]
    for argument in settings:
        if argument not in (*inner, *outer):
            raise unknown_name(f"argument of policy {name!r}:", argument, (*inner, *outer))
    encoder = build_encoder(name, model, **{key: settings[key] for key in inner if key in settings})
    network = EncodedQNetwork(encoder, shape, **{key: settings[key] for key in outer if key in settings})
    return OwnNetwork(network, shape)
