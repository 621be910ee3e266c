"""Lambda-returns: what a rollout's actions turned out to be worth."""

from __future__ import annotations

import torch
from torch import Tensor


def next_values(
    following: Tensor, final: Tensor | None, terminated: Tensor, truncated: Tensor, time_limit_is_terminal: bool
) -> Tensor:
    """The value of what comes after each step, which is bootstrapped from.

    Args:
        following: Value of the observation that follows each step, after a reset where an episode ended.
        final: Value of what was seen before the reset; needed where `truncated`. None if nothing was truncated.
        terminated: bool; the episode ended by itself, so nothing follows.
        truncated: bool; the episode was cut off, and would have gone on from what was seen last.
        time_limit_is_terminal: Whether nothing is worth anything beyond a truncation either.

    Returns:
        Of the arguments' shape.
    """
    if time_limit_is_terminal or final is None:
        return torch.where(terminated | truncated, 0.0, following)
    return torch.where(terminated, 0.0, torch.where(truncated, final, following))


def lambda_returns(rewards: Tensor, values: Tensor, ended: Tensor, gamma: float, decay: float) -> Tensor:
    """Returns that mix all numbers of steps, Peng's Q(lambda) (Peng and Williams, 1996).

    With v_t the value of what follows step t, backwards from the last step of the rollout:

        G_t = r_t + gamma v_t                                          at the end of an episode or of the rollout
        G_t = r_t + gamma [(1 - lambda) v_t + lambda G_(t+1)]          elsewhere

    Exploratory actions do not cut the mixture (Gallici et al., "Simplifying Deep Temporal Difference Learning",
    arXiv 2407.04811).

    Args:
        rewards: [T, N].
        values: v_t [T, N], as `next_values` gives it: 0 where nothing follows.
        ended: bool [T, N]; an episode ended with this step, by itself or cut off.
        gamma: Discount factor.
        decay: Lambda, in [0, 1].

    Returns:
        [T, N].
    """
    targets = rewards + gamma * values
    # What remains of the later steps' corrections: G_t = targets_t + keep_t (G_(t+1) - v_t).
    keep = gamma * decay * (~ended).to(rewards.dtype)
    for t in range(len(rewards) - 2, -1, -1):
        targets[t] += keep[t] * (targets[t + 1] - values[t])
    return targets


def finished_returns(rewards: Tensor, ended: Tensor, running: Tensor) -> tuple[Tensor, Tensor]:
    """Mean undiscounted return of the episodes that ended in a rollout, for the log.

    Args:
        rewards: [T, N].
        ended: bool [T, N].
        running: [N], rewards so far of the episodes that were under way before.

    Returns:
        The mean (not a number if none ended), and `running` after the rollout.
    """
    total = torch.zeros_like(running)
    for reward, end in zip(rewards, ended, strict=True):
        running = running + reward
        total = torch.where(end, total + running, total)
        running = torch.where(end, 0.0, running)
    return total.sum() / ended.sum(), running
