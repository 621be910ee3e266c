"""Targets and losses as pure functions of tensors."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from scenarium.agents.core.greedy import chosen_value, greedy, masked_max

RESCALING = 0.001


def rescaled(x: Tensor) -> Tensor:
    """sign(x)(sqrt(|x| + 1) - 1) + 0.001 x, which has an inverse (Pohlen et al., arXiv 1805.11593)."""
    return x.sign() * ((x.abs() + 1.0).sqrt() - 1.0) + RESCALING * x


def restored(y: Tensor) -> Tensor:
    """The inverse of `rescaled`."""
    # In double precision: the square root's difference loses half of the digits of a float.
    e, x = RESCALING, y.double()
    root = ((1.0 + 4.0 * e * (x.abs() + 1.0 + e)).sqrt() - 1.0) / (2.0 * e)
    return (x.sign() * (root.square() - 1.0)).to(y.dtype)


def bootstrap(target: Tensor, online: Tensor | None, mask: Tensor | None) -> Tensor:
    """What a state is worth [...]: the target network's value of the online network's choice.

    Args:
        target: Values [..., branches, choices] of the target network.
        online: Those of the online network (double Q-learning), or None for the target network's own best.
        mask: Which choices are allowed, or None.
    """
    if online is None:
        return masked_max(target, mask)
    value = chosen_value(target, greedy(online, mask))
    # As `masked_max`: where nothing is allowed, nothing is to come.
    return value if mask is None else torch.where(mask.any(-1).any(-1), value, 0.0)


def one_step_targets(reward: Tensor, after: Tensor, ended: Tensor, gamma: float) -> Tensor:
    """R + gamma v where the episode goes on, r where nothing follows; all [B]."""
    return torch.where(ended, reward, reward + gamma * after)


def td_loss(values: Tensor, choice: Tensor, targets: Tensor, huber: float) -> Tensor:
    """Mean Huber loss, 0-dim, of the values of what was done.

    Args:
        values: [B, branches, choices].
        choice: int64 [B, branches].
        targets: [B].
        huber: Error beyond which it grows linearly.
    """
    return functional.huber_loss(chosen_value(values, choice), targets, delta=huber)


def conservative_loss(values: Tensor, choice: Tensor, mask: Tensor | None = None) -> Tensor:
    """How far values of anything exceed those of what was done, 0-dim: mean of log sum exp Q - Q(a).

    The regulariser CQL(H) of Kumar et al., "Conservative Q-Learning for Offline Reinforcement Learning" (NeurIPS 2020,
    equation 4): what the data hardly has must not look better than what it has.

    Args:
        values: [B, branches, choices].
        choice: int64 [B, branches].
        mask: Which choices exist [branches, choices] or are allowed [B, branches, choices], or None.
    """
    allowed = values if mask is None else values.masked_fill(~mask, -torch.inf)
    return (allowed.logsumexp(-1) - values.gather(-1, choice[..., None])[..., 0]).mean()


def gaussian_kl(mean: Tensor, log_std: Tensor, prior_mean: Tensor, prior_log_std: Tensor) -> Tensor:
    """KL divergence [...] of diagonal normals [..., d] from their priors."""
    ratio = (2.0 * (log_std - prior_log_std)).exp()
    distance = (mean - prior_mean).square() * (-2.0 * prior_log_std).exp()
    return 0.5 * (ratio + distance - 1.0 - 2.0 * (log_std - prior_log_std)).sum(-1)


def returns_to_go(reward: Tensor, valid: Tensor, gamma: float) -> Tensor:
    """Discounted sums of what is left of each trajectory, time first.

    Args:
        reward: [T, N].
        valid: bool [T, N]; elsewhere there is nothing.
        gamma: Discount factor.
    """
    step = torch.arange(len(reward), device=reward.device)
    ahead = (step - step[:, None]).clamp(min=0)
    return (gamma**ahead).to(reward.dtype).triu() @ torch.where(valid, reward, 0.0)


def auxiliary_loss(
    logits: Tensor, numbers: Tensor, choice: Tensor, reward: Tensor, gain: Tensor, valid: Tensor
) -> Tensor:
    """Predicting action, reward and return from a summary, 0-dim, as the mean over valid steps.

    Args:
        logits: Of the choices [T, N, branches, choices].
        numbers: Predicted reward and return, rescaled [T, N, 2].
        choice: int64 [T, N, branches].
        reward: [T, N].
        gain: Returns to go [T, N].
        valid: bool [T, N].
    """
    action = functional.cross_entropy(logits.flatten(0, 2), choice.flatten(), reduction="none")
    wanted = rescaled(torch.stack([reward, gain], -1))
    error = functional.huber_loss(numbers, wanted, reduction="none").sum(-1)
    each = action.reshape(choice.shape).mean(-1) + error
    return (each * valid).sum() / valid.sum().clamp(min=1)


def sequence_priority(errors: Tensor, mix: float) -> Tensor:
    """Mix times the largest absolute error plus (1 - mix) times the mean [N], of errors [T, N]."""
    size = errors.abs()
    return mix * size.amax(0) + (1.0 - mix) * size.mean(0)
