"""Observations of any supported space as one vector of features."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor, nn
from torch.nn import functional

from scenarium.envs.core.errors import ScenariumError


class FlatFeatures(nn.Module):
    """Flattens an observation: Box entries as they are, Discrete ones one-hot, Dict entries in the space's order.

    Args:
        space: Observation space of one world.
        scale: Typical magnitudes, an array or a dict of arrays, by whose reciprocals features are multiplied; None
            leaves them.
        symlog: Whether features x become sign(x) log(1 + |x|).

    Attributes:
        size: Number of features.

    Raises:
        ScenariumError: An entry is neither Box nor Discrete.
    """

    def __init__(self, space: gymnasium.Space[Any], scale: Any = None, symlog: bool = False) -> None:
        super().__init__()
        self._parts = dict(space.spaces) if isinstance(space, spaces.Dict) else {"": space}
        for name, part in self._parts.items():
            if not isinstance(part, (spaces.Box, spaces.Discrete)):
                raise ScenariumError(f"observation {name!r} of type {type(part).__name__} cannot be flattened")
        self.size = sum(_size(part) for part in self._parts.values())
        self._symlog = symlog
        self._gain: Tensor | None
        self.register_buffer("_gain", None if scale is None else self._reciprocal(scale), persistent=False)

    def _reciprocal(self, scale: Any) -> Tensor:
        gains = []
        for name, part in self._parts.items():
            one = np.asarray(scale[name] if isinstance(scale, dict) else scale, np.float64)
            discrete = isinstance(part, spaces.Discrete)
            gains.append(np.ones(_size(part)) if discrete else 1.0 / np.broadcast_to(one, part.shape or ()).ravel())
        return torch.as_tensor(np.concatenate(gains), dtype=torch.float32)

    def forward(self, observation: Any) -> Tensor:
        """Features float32 [B, size]."""
        parts = observation if isinstance(observation, dict) else {"": observation}
        flat = [_flat(space, parts[name]) for name, space in self._parts.items()]
        features = flat[0] if len(flat) == 1 else torch.cat(flat, -1)
        features = features if self._gain is None else features * self._gain
        return features.sign() * features.abs().log1p() if self._symlog else features


def _size(space: gymnasium.Space[Any]) -> int:
    return int(space.n) if isinstance(space, spaces.Discrete) else int(np.prod(space.shape or ()))


def _flat(space: gymnasium.Space[Any], values: Tensor) -> Tensor:
    if isinstance(space, spaces.Discrete):
        return functional.one_hot(values.long() - int(space.start), int(space.n)).float()
    return values.reshape(values.shape[0], -1).float()
