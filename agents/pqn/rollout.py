"""What was played, as tensors with time first: a rollout of single steps."""

from __future__ import annotations

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
