"""What agents with discrete choices choose from, whatever the environment's actions are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium
import torch
from gymnasium import spaces
from torch import Tensor

from scenarium.envs.core.discretize import DiscreteChoice
from scenarium.envs.core.errors import ScenariumError


class ActionMap:
    """One choice per branch, and the environment's action it stands for.

    Attributes:
        branches: Choices of each branch: one branch for Discrete or a menu, one per number otherwise.
    """

    def __init__(self, space: gymnasium.Space[Any], branches: tuple[int, ...], choice: DiscreteChoice | None) -> None:
        self._space, self.branches, self._choice = space, branches, choice
        self._start = None if choice is not None else torch.as_tensor(space.start)  # type: ignore[attr-defined]

    @classmethod
    def of(
        cls,
        space: gymnasium.Space[Any],
        levels: int | None = None,
        menu: Sequence[Any] | None = None,
        device: torch.device | str = "cpu",
    ) -> ActionMap:
        """The map of an action space.

        Args:
            space: Discrete, MultiDiscrete, or a bounded Box.
            levels: For a Box: evenly spaced levels per axis.
            menu: For a Box: the actions to choose from, instead of levels.
            device: Where `decode` works.

        Raises:
            ScenariumError: The space is another one, or a Box without levels or menu.
        """
        if isinstance(space, spaces.Box):
            if levels is None and menu is None:
                raise ScenariumError(f"{space} is continuous; set levels (per axis) or a menu of actions")
            choice = DiscreteChoice(space, levels if menu is None else None, menu, "a discrete agent", device)
            return cls(space, _branches(choice.space), choice)
        if not isinstance(space, (spaces.Discrete, spaces.MultiDiscrete)):
            raise ScenariumError(f"actions must be Discrete, MultiDiscrete or a bounded Box, got {space}")
        return cls(space, _branches(space), None)

    def decode(self, index: Tensor) -> Tensor:
        """Environment actions [B, ...] from one choice per branch, int64 [B, branches]."""
        if self._choice is not None:
            one = isinstance(self._choice.space, spaces.Discrete)
            return self._choice.decode(index[:, 0] if one else index)
        assert self._start is not None
        shaped = index.reshape(index.shape[0], *(self._space.shape or ()))
        return shaped + self._start.to(index.device)

    def encode(self, action: Tensor) -> Tensor:
        """The choices int64 [B, branches] that stand for environment actions [B, ...], or come nearest to them."""
        if self._choice is not None:
            index = self._choice.encode(action)
            return index.reshape(len(action), -1)
        assert self._start is not None
        return (action - self._start.to(action.device)).long().reshape(len(action), -1)


def _branches(space: spaces.Discrete | spaces.MultiDiscrete) -> tuple[int, ...]:
    if isinstance(space, spaces.Discrete):
        return (int(space.n),)
    return tuple(int(n) for n in space.nvec.ravel())
