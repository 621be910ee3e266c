"""What one gradient step does, whatever the loss: backward, clip, Adam."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from scenarium.agents.core.accelerate import Compiled, GraphReplay
from scenarium.agents.core.adam import adam_step, radam_rates, zeros_like_state
from scenarium.agents.core.checkpoint import under_prefix, with_prefix
from scenarium.agents.core.schedules import Schedule
from scenarium.agents.core.weights import FlatWeights

Loss = Callable[..., Tensor]
"""The loss, 0-dim, of a minibatch given as trees of tensors."""


Rates = Callable[[int, float], tuple[float, float]]
"""Adam's step sizes from the number of a gradient step and the learning rate; see `radam_rates`."""


class Learner:
    """The weights of a network and how they move.

    Args:
        network: On its device; or several, each of which is clipped by the length of its own gradient.
        loss: Of a minibatch.
        max_grad_norm: Longest gradient that reaches the optimiser; None lets all pass.
        compile: Compile the loss, its gradient and the step.
        kind: `radam_rates` or `adam_rates`.

    Attributes:
        steps: Gradient steps so far.
    """

    def __init__(
        self,
        network: nn.Module | Sequence[nn.Module],
        loss: Loss,
        max_grad_norm: float | None,
        compile: bool,
        kind: Rates = radam_rates,
    ) -> None:
        networks = [network] if isinstance(network, nn.Module) else network
        self._weights = [FlatWeights(one) for one in networks]
        self._states = [zeros_like_state(weights.value.detach()) for weights in self._weights]
        self._longest, self._kind, self.steps = max_grad_norm, kind, 0
        move: Callable[..., Tensor] = self._move
        if compile:
            loss, move = Compiled(loss), Compiled(move)
        self._update = self._step(loss, move)
        self._device = self._weights[0].gradient.device
        if compile and self._device.type == "cuda":
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
        rows = [self._kind(self.steps + i + 1, schedule(progress[i])) for i in range(steps)]
        return torch.tensor(rows, device=self._device)

    def update(self, rates: Tensor, *minibatch: Any) -> Tensor:
        """One gradient step; returns the loss and the length of the first gradient [2], before clipping."""
        self.steps += 1
        return self._update(rates, *minibatch)

    def _step(self, loss: Loss, move: Callable[..., Tensor]) -> Callable[..., Tensor]:
        gradients = [weights.gradient for weights in self._weights]

        def step(rates: Tensor, *minibatch: Any) -> Tensor:
            for gradient in gradients:
                gradient.zero_()
            value = loss(*minibatch)
            value.backward()  # type: ignore[no-untyped-call]
            with torch.no_grad():
                return torch.stack([value.detach(), move(rates)])

        return step

    def _move(self, rates: Tensor) -> Tensor:
        """Clips, then steps; returns the length of the first gradient before."""
        lengths = [weights.clip(self._longest) for weights in self._weights]
        for weights, state in zip(self._weights, self._states, strict=True):
            adam_step(weights.value.detach(), weights.gradient, **state, rates=rates)
        return lengths[0]

    def tensors(self) -> dict[str, Tensor]:
        """The optimiser's averages."""
        return with_prefix("optimizer", self._named())

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Takes back what `tensors` gave."""
        saved = under_prefix("optimizer", tensors)
        for name, kept in self._named().items():
            kept.copy_(saved[name])

    def _named(self) -> dict[str, Tensor]:
        first, *others = self._states
        return first | {f"{i}.{name}": kept for i, state in enumerate(others, 1) for name, kept in state.items()}
