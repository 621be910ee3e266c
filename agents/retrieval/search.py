"""Exact search: which states of which trajectories answer a query best, by matrix products on the device.

Trajectories are ranked by all the attention their states get, which is the order of the logarithm of the sum of
exponentials of their states' scores. Nothing here carries a gradient: it flows through the weights of what is kept,
which are computed anew from the keys of those states alone.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

BLOCK = 1 << 24
"""Scores that are held at a time."""


@torch.no_grad()
def search(
    query: Tensor,
    key: Tensor,
    valid: Tensor,
    allowed: Tensor | None,
    k_trajectories: int,
    k_states: int,
    rank: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """The best states of the best trajectories.

    Args:
        query: [G, M, d]; each group has trajectories of its own.
        key: [G, N, T, d].
        valid: bool [G, N, T], which states there are.
        allowed: bool [G, M, N], which trajectories a query may look at; None if all.
        k_trajectories: Trajectories kept.
        k_states: States kept of these.
        rank: Scores of the trajectories [G, N] to keep the best of, instead of the attention they get.

    Returns:
        Places n T + t of the kept states, int64 [G, M, k], and whether they are really there, bool [G, M, k]; k is
        smaller than `k_states` where there are fewer states.
    """
    n, length = key.shape[1:3]
    fits = query.shape[0] * query.shape[1] * n * length <= BLOCK
    scores = _scores(query, key, valid) if fits else None
    if rank is not None:
        worth = rank[:, None].expand(*query.shape[:2], n)
    else:
        worth = scores.logsumexp(-1) if scores is not None else _streamed_worth(query, key, valid)
    if allowed is not None:
        worth = worth.masked_fill(~allowed, -torch.inf)
    best, chosen = worth.topk(min(k_trajectories, n), -1, sorted=False)
    if scores is not None:
        kept = scores.gather(2, chosen[..., None].expand(*chosen.shape, length))
    else:
        kept = _kept_scores(query, key, valid, chosen)
    kept = kept.masked_fill(best.isneginf()[..., None], -torch.inf).flatten(-2)
    value, place = kept.topk(min(k_states, kept.shape[-1]), -1)
    trajectory = chosen.gather(-1, place // length)
    return trajectory * length + place % length, ~value.isneginf()


def _scores(query: Tensor, key: Tensor, valid: Tensor) -> Tensor:
    """Scaled products [G, M, N, T], minus infinity where there is no state."""
    n, length, width = key.shape[1:]
    product = torch.baddbmm(
        torch.where(valid.flatten(1), 0.0, -torch.inf)[:, None].to(query.dtype),
        query,
        key.flatten(1, 2).transpose(1, 2),
        alpha=1.0 / math.sqrt(width),
    )
    return product.reshape(*product.shape[:2], n, length)


def _streamed_worth(query: Tensor, key: Tensor, valid: Tensor) -> Tensor:
    """What all trajectories are worth [G, M, N], some of them at a time."""
    n, length = key.shape[1:3]
    size = max(1, BLOCK // (query.shape[0] * query.shape[1] * length))
    parts = [
        _scores(query, key[:, first : first + size], valid[:, first : first + size]).logsumexp(-1)
        for first in range(0, n, size)
    ]
    return torch.cat(parts, -1)


def _kept_scores(query: Tensor, key: Tensor, valid: Tensor, chosen: Tensor) -> Tensor:
    """Scores [G, M, k, T] of the chosen trajectories [G, M, k] alone."""
    group = torch.arange(len(key), device=key.device)[:, None, None]
    width = key.shape[-1]
    scores = (key[group, chosen] * query[:, :, None, None]).sum(-1) / math.sqrt(width)
    return torch.where(valid[group, chosen], scores, -torch.inf)
