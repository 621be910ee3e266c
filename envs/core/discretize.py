"""A finite choice of actions for a bounded Box: evenly spaced levels on every axis, or a menu of whole actions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from scenarium.envs.core.errors import ScenariumError


class DiscreteChoice:
    """Indices that stand for actions of a bounded Box.

    Args:
        box: The Box; it must be bounded.
        levels: Levels per axis, at least 2, from the lowest to the highest.
        menu: Instead of levels: the actions to choose from [n, ...].
        user: Who asks, for error messages.
        device: Where `decode` works.

    Attributes:
        space: Discrete for a menu or a Box with one axis, MultiDiscrete for several axes.

    Raises:
        ScenariumError: The space is no bounded Box, or not exactly one of levels and menu is given and right.
    """

    def __init__(
        self,
        box: gymnasium.Space[Any],
        levels: int | None = None,
        menu: Sequence[Any] | None = None,
        user: str = "a discrete choice",
        device: torch.device | str = "cpu",
    ) -> None:
        low, high = bounds(box, user)
        if (levels is None) == (menu is None):
            raise ScenariumError(f"{user} needs either levels or a menu")
        self._menu = None
        self.space: spaces.Discrete | spaces.MultiDiscrete
        if menu is not None:
            self._menu = torch.as_tensor(_checked_menu(menu, low, high), device=device)
            self._choices = len(self._menu)
            self.space = spaces.Discrete(self._choices)
            return
        if levels is None or int(levels) != levels or levels < 2:
            raise ScenariumError(f"levels is {levels}; at least 2 are needed")
        self._choices = int(levels)
        self._low = torch.as_tensor(low, device=device)
        self._width = torch.as_tensor((high - low) / (self._choices - 1), device=device)
        many = spaces.MultiDiscrete(np.full(low.shape, self._choices))
        self.space = spaces.Discrete(self._choices) if low.size == 1 else many

    def check(self, index: Tensor, count: int) -> None:
        """Refuses indices of the wrong type, shape or, where looking does not stall the device, range.

        Args:
            index: Of `count` actions.
            count: How many there should be.

        Raises:
            ScenariumError: They do not fit `space`.
        """
        shape = (count, *(self.space.shape or ()))
        if tuple(index.shape) != shape or index.is_floating_point():
            given = f"actions are {index.dtype} {tuple(index.shape)}"
            raise ScenariumError(f"{given}; {self.space} expects integers {shape}")
        # Reading the numbers would stall a GPU's queue; there torch itself refuses an index beyond the menu.
        if index.device.type == "cpu" and not bool(((index >= 0) & (index < self._choices)).all()):
            expected = f"integers from 0 to {self._choices - 1}"
            raise ScenariumError(f"actions are out of range; {self.space} expects {expected}")

    def decode(self, index: Tensor) -> Tensor:
        """Actions of the Box, float32 [B, ...], from indices int64 [B] or [B, axes]."""
        if self._menu is not None:
            return self._menu[index.long()]
        return self._low + index.reshape(index.shape[0], *self._low.shape) * self._width

    def encode(self, action: Tensor) -> Tensor:
        """Indices int64 [B] or [B, axes] of the choices nearest to actions [B, ...]; the reverse of `decode`."""
        if self._menu is not None:
            menu = self._menu.flatten(1)
            return torch.cdist(action.to(menu.dtype).flatten(1), menu).argmin(-1)
        index = ((action - self._low) / self._width).round().long().clamp(0, self._choices - 1)
        return index.reshape(len(action), *(self.space.shape or ()))


def bounds(space: gymnasium.Space[Any], user: str) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Bounds of a Box.

    Raises:
        ScenariumError: It is none, or it has no bounds.
    """
    if not isinstance(space, spaces.Box) or not space.is_bounded():
        raise ScenariumError(f"{user} needs a bounded Box of actions, not {space}")
    return space.low, space.high


def _checked_menu(menu: Sequence[Any], low: np.ndarray[Any, Any], high: np.ndarray[Any, Any]) -> Any:
    try:
        array = np.asarray(menu, np.float32)
    except (TypeError, ValueError):
        raise ScenariumError(f"menu must be a list of actions of shape {low.shape}, all numbers") from None
    if array.shape[1:] != low.shape or not array.size:
        raise ScenariumError(f"menu has shape {array.shape}; expected n actions of shape {low.shape}")
    if not ((array >= low) & (array <= high)).all():
        raise ScenariumError("menu has actions outside the Box of the environment, or not finite")
    return array
