"""What one gradient step does, whatever the loss: backward, clip, rectified Adam."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from scenarium.agents.core.checkpoint import under_prefix, with_prefix
from scenarium.agents.core.schedules import Schedule
from scenarium.agents.core.weights import FlatWeights
from scenarium.agents.pqn.accelerate import Compiled, GraphReplay
from scenarium.agents.pqn.radam import radam_rates, radam_step, zeros_like_state

Loss = Callable[..., Tensor]
"""The loss, 0-dim, of a minibatch given as trees of tensors."""


class Learner:
    """The weights of a network and how they move.

    Args:
        network: On its device.
        loss: Of a minibatch.
        max_grad_norm: Longest gradient that reaches the optimiser; None lets all pass.
        compile: Compile the loss, its gradient and the step.

    Attributes:
        steps: Gradient steps so far.
    """

    def __init__(self, network: nn.Module, loss: Loss, max_grad_norm: float | None, compile: bool) -> None:
        self._weights = FlatWeights(network)
        self._values = self._weights.value.detach()
        self._state = zeros_like_state(self._values)
        self._longest, self.steps = max_grad_norm, 0
        move: Callable[..., Tensor] = self._move
        if compile:
            loss, move = Compiled(loss), Compiled(move)
        self._update = self._step(loss, move)
        if compile and self._values.device.type == "cuda":
            self._update = GraphReplay(self._update)

    def rates(self, schedule: Schedule, first: float, last: float, steps: int) -> Tensor:
        """Step sizes of the next gradient steps [steps, 2], on the device.

        Args:
            schedule: The learning rate as a function of progress.
            first: Progress at the first of them.
            last: Progress after the last of them.
            steps: How many.
        """
        progress = [first + (last - first) * i / steps for i in range(steps)]
        rows = [radam_rates(self.steps + i + 1, schedule(progress[i])) for i in range(steps)]
        return torch.tensor(rows, device=self._values.device)

    def update(self, rates: Tensor, *minibatch: Any) -> Tensor:
        """One gradient step; returns the loss and the length of the gradient [2], before clipping."""
        self.steps += 1
        return self._update(rates, *minibatch)

    def _step(self, loss: Loss, move: Callable[..., Tensor]) -> Callable[..., Tensor]:
        gradient = self._weights.gradient

        def step(rates: Tensor, *minibatch: Any) -> Tensor:
            gradient.zero_()
            value = loss(*minibatch)
            value.backward()  # type: ignore[no-untyped-call]
            with torch.no_grad():
                return torch.stack([value.detach(), move(rates)])

        return step

    def _move(self, rates: Tensor) -> Tensor:
        """Clips, then steps; returns the length of the gradient before."""
        length = self._weights.clip(self._longest)
        radam_step(self._values, self._weights.gradient, **self._state, rates=rates)
        return length

    def tensors(self) -> dict[str, Tensor]:
        """The optimiser's averages."""
        return with_prefix("optimizer", self._state)

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Takes back what `tensors` gave."""
        saved = under_prefix("optimizer", tensors)
        for name, kept in self._state.items():
            kept.copy_(saved[name])
