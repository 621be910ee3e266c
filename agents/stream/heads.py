"""Policies as functions of a network's output: sampling, and the gradient of log-probability plus entropy.

Gradients are written out with respect to the output; the network's backward pass takes them on to the weights.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import gymnasium
import torch
from gymnasium import spaces
from torch import Tensor
from torch.nn import functional

from scenarium.agents.core.actions import ActionMap
from scenarium.agents.core.greedy import BranchGrid, greedy
from scenarium.envs.core.errors import ScenariumError

_LEAST = 1e-6
"""A floor under the Gaussian's deviation, so that its gradient stays finite."""


class Head(ABC):
    """A policy's distribution.

    Attributes:
        outputs: Network outputs it needs.
        draws: Random numbers per sample, Gaussian or uniform.
        gaussian: Which.
    """

    outputs: int
    draws: int
    gaussian: bool

    @abstractmethod
    def sample(self, output: Tensor, mask: Tensor | None, draws: Tensor) -> Tensor:
        """Raw actions [B, ...] from outputs [B, outputs] and random numbers [B, draws]."""

    @abstractmethod
    def best(self, output: Tensor, mask: Tensor | None) -> Tensor:
        """The most likely raw actions."""

    @abstractmethod
    def gradient(self, output: Tensor, mask: Tensor | None, action: Tensor, entropy: Tensor) -> Tensor:
        """Gradient of ``log pi(action) + entropy * H(pi)`` with respect to the output.

        Args:
            output: [B, outputs].
            mask: As for `sample`.
            action: Raw actions.
            entropy: Weights of the entropy [B].
        """

    @abstractmethod
    def decode(self, action: Tensor) -> Tensor:
        """Actions of the environment from raw ones."""


class GaussianHead(Head):
    """Independent normal laws with a deviation ``softplus`` of its own output, for Box actions.

    Raw actions are in units in which a bounded Box runs from -1 to 1. The action played is clipped to the Box, its
    log-probability is that of the raw one.
    """

    gaussian = True

    def __init__(self, box: spaces.Box, device: torch.device) -> None:
        self._shape = box.shape
        self.draws = int(torch.Size(box.shape).numel())
        self.outputs = 2 * self.draws
        self._low = torch.as_tensor(box.low, device=device).float()
        self._high = torch.as_tensor(box.high, device=device).float()
        bounded = torch.isfinite(self._low) & torch.isfinite(self._high)
        self._centre = torch.where(bounded, 0.5 * (self._low + self._high), 0.0)
        self._half = torch.where(bounded, 0.5 * (self._high - self._low), 1.0)

    def _law(self, output: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean, raw = output[:, : self.draws], output[:, self.draws :]
        return mean, functional.softplus(raw) + _LEAST, raw

    def sample(self, output: Tensor, mask: Tensor | None, draws: Tensor) -> Tensor:
        mean, deviation, _ = self._law(output)
        return torch.addcmul(mean, deviation, draws)

    def best(self, output: Tensor, mask: Tensor | None) -> Tensor:
        return self._law(output)[0]

    def gradient(self, output: Tensor, mask: Tensor | None, action: Tensor, entropy: Tensor) -> Tensor:
        mean, deviation, raw = self._law(output)
        normal = (action - mean) / deviation
        # d/d sigma: log pi gives (normal^2 - 1) / sigma, the entropy 1 / sigma; softplus passes on its slope.
        spread = normal.square().add_(entropy.unsqueeze(1) - 1.0).div_(deviation).mul_(raw.sigmoid())
        return torch.cat([normal / deviation, spread], 1)

    def decode(self, action: Tensor) -> Tensor:
        shaped = self._centre + self._half * action.reshape(-1, *self._shape)
        return torch.minimum(torch.maximum(shaped, self._low), self._high)


class CategoricalHead(Head):
    """One softmax per branch, for Discrete and MultiDiscrete actions; forbidden choices have probability zero."""

    gaussian = False

    def __init__(self, space: gymnasium.Space, device: torch.device) -> None:  # type: ignore[type-arg]
        self._actions = ActionMap.of(space, device=device)
        self._grid = BranchGrid(self._actions.branches, device)
        self.draws = self._grid.shape[0]
        self.outputs = self._grid.shape[0] * self._grid.shape[1]

    def _logs(self, output: Tensor, mask: Tensor | None) -> Tensor:
        """Log-probabilities [B, branches, choices]; -inf where forbidden."""
        logits, allowed = output.reshape(-1, *self._grid.shape), self._grid.mask(mask)
        return (logits if allowed is None else torch.where(allowed, logits, -torch.inf)).log_softmax(2)

    def sample(self, output: Tensor, mask: Tensor | None, draws: Tensor) -> Tensor:
        reached = self._logs(output, mask).exp().cumsum(2)
        # A little below the total, so that rounding cannot carry the draw past the last allowed choice.
        threshold = draws.unsqueeze(2) * reached[:, :, -1:] * (1.0 - 1e-6)
        return (reached <= threshold).sum(2)

    def best(self, output: Tensor, mask: Tensor | None) -> Tensor:
        return greedy(self._logs(output, mask))

    def gradient(self, output: Tensor, mask: Tensor | None, action: Tensor, entropy: Tensor) -> Tensor:
        logs = self._logs(output, mask)
        chance = logs.exp()
        surprise = logs.clamp(min=-1e4)  # where the probability is zero, the product below is too
        disorder = -(chance * surprise).sum(2, keepdim=True)
        gradient = -chance * (1.0 + entropy[:, None, None] * (surprise + disorder))
        gradient.scatter_add_(2, action.unsqueeze(2), torch.ones_like(gradient[:, :, :1]))
        return gradient.flatten(1)

    def decode(self, action: Tensor) -> Tensor:
        return self._actions.decode(action)


def policy_head(space: gymnasium.Space, device: torch.device) -> Head:  # type: ignore[type-arg]
    """The head for an action space.

    Raises:
        ScenariumError: The space is neither Box, Discrete nor MultiDiscrete.
    """
    if isinstance(space, spaces.Box):
        return GaussianHead(space, device)
    if isinstance(space, (spaces.Discrete, spaces.MultiDiscrete)):
        return CategoricalHead(space, device)
    raise ScenariumError(f"actions must be Box, Discrete or MultiDiscrete, got {space}")
