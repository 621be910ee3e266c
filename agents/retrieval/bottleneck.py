"""The information bottleneck: what is retrieved passes as a noisy code, and what it tells beyond the slot costs."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from scenarium.agents.retrieval.losses import gaussian_kl

LIMIT = 5.0
"""Bound on logarithms of standard deviations."""


class Bottleneck(nn.Module):
    """A diagonal normal p(z | g) of the code given what was found, and one r(z | m) given the slot alone.

    Args:
        found: Width of what was found.
        width: Width of slots and codes.
    """

    def __init__(self, found: int, width: int) -> None:
        super().__init__()
        self.posterior, self.prior = nn.Linear(found, 2 * width), nn.Linear(width, 2 * width)

    def forward(self, found: Tensor, slots: Tensor, noise: Tensor | None) -> tuple[Tensor, Tensor]:
        """The codes [..., width] and what they cost [...], 0 where no gradient is wanted.

        Args:
            found: [..., found].
            slots: Slots before retrieval [..., width].
            noise: Standard normal numbers [..., width]; None takes the codes' means.
        """
        mean, log_std = _parts(self.posterior(found))
        code = mean if noise is None else mean + noise * log_std.exp()
        if not torch.is_grad_enabled():  # nobody minimises it
            return code, code.new_zeros(())
        return code, gaussian_kl(mean, log_std, *_parts(self.prior(slots)))


def _parts(both: Tensor) -> tuple[Tensor, Tensor]:
    mean, log_std = both.chunk(2, -1)
    return mean, LIMIT * torch.tanh(log_std / LIMIT)
