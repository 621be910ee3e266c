"""From a network's raw outputs to actions: bounded, and starting at a sensible action."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor, nn
from torch.nn import functional

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.model import Model

SOFTPLUS_ONE = math.log(math.e - 1.0)
"""softplus of this is 1."""


class MeanHead(nn.Module):
    """Non-negative quantities around a mean: ``softplus(raw + softplus^-1(1)) * mean``, so raw 0 gives the mean.

    Starting at the mean keeps a supply chain flowing; starting near zero leaves it on the plateau on which nothing
    upstream has a gradient.
    """

    mean: Tensor

    def __init__(self, mean: Any) -> None:
        super().__init__()
        self.register_buffer("mean", torch.as_tensor(np.asarray(mean), dtype=torch.float32), persistent=False)

    def forward(self, raw: Tensor, observation: Any) -> Tensor:
        return functional.softplus(raw + SOFTPLUS_ONE) * self.mean


class LevelHead(nn.Module):
    """Levels around a centre: ``centre + raw * step``; a level is large, and what matters is how it differs.

    Args:
        centre: Level at raw 0 [E].
        step: Change per unit of the raw output [E].
    """

    centre: Tensor
    step: Tensor

    def __init__(self, centre: Any, step: Any) -> None:
        super().__init__()
        for name, value in {"centre": centre, "step": step}.items():
            self.register_buffer(name, torch.as_tensor(np.asarray(value), dtype=torch.float32), persistent=False)

    def forward(self, raw: Tensor, observation: Any) -> Tensor:
        return self.centre + raw * self.step


def inventory_head(model: Any) -> MeanHead | LevelHead:
    """The head of a model with an ``action_mean`` [E]: quantities, or levels if its ``action_centre`` differs."""
    mean, centre = np.asarray(model.action_mean), np.asarray(model.action_centre)
    return MeanHead(mean) if np.array_equal(mean, centre) else LevelHead(centre, mean)


class BoxHead(nn.Module):
    """Squashes to a Box with a sigmoid; raw 0 gives its centre. Where the Box is unbounded, the raw output."""

    low: Tensor
    width: Tensor
    bounded: Tensor

    def __init__(self, space: spaces.Box) -> None:
        super().__init__()
        bounded = np.isfinite(space.low) & np.isfinite(space.high)
        self.shape, self.all_bounded = space.shape, bool(bounded.all())
        low, high = np.where(bounded, space.low, 0.0), np.where(bounded, space.high, 1.0)
        self.register_buffer("low", torch.as_tensor(low, dtype=torch.float32), persistent=False)
        self.register_buffer("width", torch.as_tensor(high - low, dtype=torch.float32), persistent=False)
        self.register_buffer("bounded", torch.as_tensor(bounded), persistent=False)

    def forward(self, raw: Tensor, observation: Any) -> Tensor:
        raw = raw.reshape(raw.shape[0], *self.shape)
        squashed = self.low + self.width * torch.sigmoid(raw)
        return squashed if self.all_bounded else torch.where(self.bounded, squashed, raw)


def action_head(model: Model) -> tuple[Callable[[Tensor, Any], Tensor], int]:
    """The head a model asks for, and how many raw outputs it takes.

    A model's own method ``policy_head(raw, observation)`` comes first, then its ``action_centre``, then its Box.

    Raises:
        ScenariumError: The actions are discrete: no gradient passes through them.
    """
    space = model.action_space
    if not isinstance(space, spaces.Box):
        kind = type(space).__name__
        raise ScenariumError(
            f"pathwise policies need Box actions, got {kind}; use a model-free agent such as sb3_dqn or sb3_ppo"
        )
    size = int(np.prod(space.shape))
    own = getattr(model, "policy_head", None)
    if own is not None:
        return own, int(getattr(model, "policy_outputs", size))
    return (inventory_head(model) if hasattr(model, "action_centre") else BoxHead(space)), size
