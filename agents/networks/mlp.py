"""The plain policy: a multilayer perceptron on the flattened observation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor, nn

from scenarium.agents.core.normalizer import Normalizer
from scenarium.agents.networks.heads import action_head
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.model import Model

# In place, ELU differentiates from its output and so computes no second exponential.
_ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "elu": lambda: nn.ELU(inplace=True), "relu": nn.ReLU, "silu": nn.SiLU, "tanh": nn.Tanh,
}  # fmt: skip


def observation_sizes(space: Any) -> dict[str, int]:
    """Flat size of each entry of an observation space, in the space's order; one entry "" if it is no Dict.

    Raises:
        ScenariumError: An entry is neither Box nor Discrete-like.
    """
    parts = space.spaces if isinstance(space, spaces.Dict) else {"": space}
    for name, part in parts.items():
        if part.shape is None:
            raise ScenariumError(f"observation {name!r} of type {type(part).__name__} cannot be flattened")
    return {name: int(np.prod(part.shape or ())) for name, part in parts.items()}


class MLPPolicy(nn.Module):
    """Flattens the observation, scales it, and applies hidden layers and the model's head.

    Dict observations are joined in the order of the space. Inputs are multiplied by the reciprocal of the model's
    ``observation_scale`` (an array, or a dict of arrays, of typical magnitudes) where it has one; else a running
    normaliser scales them. Where the model has a ``policy_features`` of its own (from observations [B, n] to
    ``policy_inputs`` numbers of about unit size), the network sees those instead. The last layer starts small, so the
    first action is the head's centre.

    Args:
        model: The problem in its native action space.
        hidden: Width of each hidden layer (Alvo et al., arXiv 2306.11246: two or three of 32 for one store).
        activation: "elu", "relu", "silu" or "tanh".
        normalize: Whether to use a running normaliser; None decides as above.
        last_layer_scale: Factor on the last layer's initial weights; its bias starts at 0.

    Raises:
        ScenariumError: Discrete actions, or an unknown activation.
    """

    recurrent = False

    def __init__(
        self,
        model: Model,
        hidden: Sequence[int] = (64, 64),
        activation: str = "elu",
        normalize: bool | None = None,
        last_layer_scale: float = 0.1,
    ) -> None:
        super().__init__()
        if activation not in _ACTIVATIONS:
            raise ScenariumError(f"activation {activation!r} is unknown; use one of {', '.join(_ACTIVATIONS)}")
        self._sizes = observation_sizes(model.observation_space)
        self._features = getattr(model, "policy_features", None)
        inputs = sum(self._sizes.values()) if self._features is None else int(getattr(model, "policy_inputs"))  # noqa: B009
        scale = getattr(model, "observation_scale", None) if self._features is None else None
        if normalize is None:
            normalize = scale is None and self._features is None
        self.normalizer = Normalizer(inputs) if normalize else None
        self._gain: Tensor | None
        self.register_buffer("_gain", None if scale is None else self._reciprocal(scale), persistent=False)
        self.head, outputs = action_head(model)
        widths = [inputs, *hidden]
        layers: list[nn.Module] = []
        for before, after in zip(widths, widths[1:], strict=False):
            layers += [nn.Linear(before, after), _ACTIVATIONS[activation]()]
        last = nn.Linear(widths[-1], outputs)
        nn.init.zeros_(last.bias)
        last.weight.data *= last_layer_scale
        self.net = nn.Sequential(*layers, last)

    def _reciprocal(self, scale: Any) -> Tensor:
        parts = [scale[name] for name in self._sizes] if isinstance(scale, dict) else [scale]
        flat = np.concatenate([np.asarray(part, dtype=np.float64).ravel() for part in parts])
        return torch.as_tensor(1.0 / flat, dtype=torch.float32)

    def flatten(self, observation: Any) -> Tensor:
        """The observation as unscaled features [B, n]."""
        if not isinstance(observation, dict):
            flat: Tensor = observation.flatten(1).float()
            return flat if self._features is None else self._features(flat)
        return torch.cat([observation[name].flatten(1) for name in self._sizes], 1).float()

    def adapt(self, observation: Any) -> None:
        """Adds a batch of observations to the normaliser's statistics; called only while learning."""
        if self.normalizer is not None:
            features = self.flatten(observation)
            self.normalizer.update(features if self._gain is None else features * self._gain)

    def forward(self, observation: Any) -> Tensor:
        """Actions [B, ...] in the native action space."""
        features = self.flatten(observation)
        if self._gain is not None:
            features = features * self._gain
        if self.normalizer is not None:
            features = self.normalizer(features)
        action: Tensor = self.head(self.net(features), observation)
        return action
