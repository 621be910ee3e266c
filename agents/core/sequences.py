"""What was played by networks with memory, as tensors with time first."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

Memory = dict[str, Tensor]
"""What is remembered: "hidden" [B, width] and "last", the last action one-hot [B, actions]; zeros at a start."""


class Sequence(NamedTuple):
    """Steps of all lanes, time first; a minibatch is some of the lanes.

    Attributes:
        seen: Prepared observations [L, N, features].
        last: The action before, one-hot [L, N, actions]; zeros at the start of an episode.
        hidden: Memory before the first step [1, N, width].
        mask: bool [L, N, branches, choices], or None.
        choice: Choices int64 [L, N, branches].
        reward: Scaled rewards [L, N].
        terminated: bool [L, N].
        truncated: bool [L, N].
        final: Prepared observations before a reset [L, N, features].
        final_mask: As `mask`, for `final`.
    """

    seen: Tensor
    last: Tensor
    hidden: Tensor
    mask: Tensor | None
    choice: Tensor
    reward: Tensor
    terminated: Tensor
    truncated: Tensor
    final: Tensor
    final_mask: Tensor | None

    def each(self, function: Callable[[Tensor], Tensor]) -> Sequence:
        """Applies a function of a tensor to every part that is there."""
        return Sequence(*(None if part is None else function(part) for part in self))  # type: ignore[arg-type]


def stack_sequence(hidden: Tensor, rows: list[dict[str, Tensor | None]]) -> Sequence:
    """A sequence from its steps.

    Args:
        hidden: Memory before the first step [N, width].
        rows: The other fields of `Sequence` of every step [N, ...].
    """

    def stacked(name: str) -> Tensor | None:
        parts = [part for part in (row[name] for row in rows) if part is not None]
        return torch.stack(parts) if parts else None

    return Sequence(hidden=hidden[None], **{name: stacked(name) for name in rows[0]})  # type: ignore[arg-type]


def join(before: Sequence, new: Sequence) -> Sequence:
    """Two stretches one after the other."""
    pairs = zip(before, new, strict=True)
    joined = [None if a is None or b is None else torch.cat([a, b]) for a, b in pairs]
    return Sequence(*joined)._replace(hidden=before.hidden)  # type: ignore[arg-type]
