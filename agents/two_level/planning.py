"""The planner as it learns: a decision at the start of a tax period, and what the period brought."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from scenarium.agents.two_level.learner import Choice, Side
from scenarium.envs.tax.actions import LEVEL, LEVELS


def within_cap(cap: float, device: torch.device) -> Tensor:
    """Which levels a cap on rates allows, bool [22]; keeping the rate always is."""
    rates = (torch.arange(LEVELS, device=device) - 1) * LEVEL
    return rates <= cap + 1e-9


def levels_to_rates(levels: Tensor, before: Tensor) -> Tensor:
    """Rates float32 [B, brackets] of levels 0..21; level 0 keeps the rate before."""
    return torch.where(levels == 0, before, (levels - 1).float() * LEVEL)


class PlannerSide:
    """What the planner decided and has not seen the end of.

    Args:
        side: The planner's network and how it learns.
        worlds: Number of worlds N.
        device: Where tensors are.
    """

    def __init__(self, side: Side, worlds: int, device: torch.device) -> None:
        self.side = side
        self._welfare = torch.zeros(worlds, device=device)
        self._ended = torch.zeros(worlds, dtype=torch.bool, device=device)
        self._pending: tuple[Tensor, Choice, Tensor] | None = None

    def saw(self, welfare: Tensor, ended: Tensor) -> None:
        """Adds what a period brought."""
        self._welfare, self._ended = self._welfare + welfare, self._ended | ended

    def decide(self, observation: Tensor, cap: float, uniforms: Tensor, epsilon: float) -> Tensor:
        """The levels [N, brackets] of a new tax period; the past one is kept to learn from.

        Args:
            observation: [N, features].
            cap: On the rates.
            uniforms: In [0, 1), [N, brackets, 2].
            epsilon: Probability of a random rate, by bracket.
        """
        branches = self.side.grid.shape[0]
        mask = within_cap(cap, observation.device).expand(len(observation), branches, LEVELS)
        choice = self.side.choose(observation, mask, uniforms, epsilon)
        if self._pending is not None:
            seen, chosen, allowed = self._pending
            self.side.note(seen, chosen, self._welfare, self._ended, allowed)
        self._pending = observation, choice, mask
        self._welfare, self._ended = torch.zeros_like(self._welfare), torch.zeros_like(self._ended)
        return choice.picked

    def improve(self, generator: torch.Generator, progress: float) -> Tensor:
        """Learns from the tax periods that are over; the present one's value stands for what follows."""
        assert self._pending is not None
        return self.side.improve(self._pending[1].value, generator, progress)

    def tensors(self) -> dict[str, Tensor]:
        """What going on learning needs."""
        own = {"welfare": self._welfare, "ended": self._ended}
        if self._pending is None:
            return own
        seen, choice, mask = self._pending
        return {**own, "seen": seen, "mask": mask, **choice._asdict()}

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Takes back what `tensors` gave."""
        self._welfare, self._ended = tensors["welfare"].clone(), tensors["ended"].clone()
        self._pending = None
        if "seen" in tensors:
            choice = Choice(*(tensors[name] for name in Choice._fields))
            self._pending = tensors["seen"], choice, tensors["mask"]
