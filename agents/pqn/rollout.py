"""What was played, as tensors with time first: a rollout of single steps, and sequences for networks with memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from scenarium.envs.core.tree import tree_map


class Rollout(NamedTuple):
    """What was played, time first.

    Attributes:
        seen: Prepared observations [T, N, ...].
        choice: Choices int64 [T, N, branches].
        reward: Scaled rewards [T, N].
        terminated: bool [T, N].
        truncated: bool [T, N].
        value: Greedy value of what was seen [T + 1, N], the observation after the last step included.
        final: Greedy value of what was seen before a reset [T, N], where truncated; None if nothing was.
    """

    seen: Any
    choice: Tensor
    reward: Tensor
    terminated: Tensor
    truncated: Tensor
    value: Tensor
    final: Tensor | None


def stack_rollout(rows: list[tuple[Any, ...]], last: Tensor) -> Rollout:
    """A rollout from its steps.

    Args:
        rows: The fields of `Rollout`, of every step [N, ...]; `final` may be None.
        last: Greedy value [N] of the observation after the last step.
    """
    seen, choice, reward, terminated, truncated, value, final = zip(*rows, strict=True)
    some = any(one is not None for one in final)
    return Rollout(
        tree_map(lambda *leaves: torch.stack(leaves), *seen),
        torch.stack(choice),
        torch.stack(reward),
        torch.stack(terminated),
        torch.stack(truncated),
        torch.stack([*value, last]),
        torch.stack([torch.zeros_like(last) if one is None else one for one in final]) if some else None,
    )


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
