"""Summaries of trajectories: of the past up to each step, to be found by, and of the future from it, to be read."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from scenarium.agents.networks.gru import unroll_gru
from scenarium.agents.retrieval.losses import auxiliary_loss, rescaled, returns_to_go
from scenarium.agents.retrieval.store import Windows


class Summaries(NamedTuple):
    """What queries look at; trajectories first, in groups that do not see each other.

    Attributes:
        key: [G, N, T, key width].
        future: [G, N, T, summary width].
        valid: bool [G, N, T].
        episode: First and last episode of each trajectory, int64 [G, N, 2].
        gain: Return of each trajectory [G, N].
    """

    key: Tensor
    future: Tensor
    valid: Tensor
    episode: Tensor
    gain: Tensor


class Summariser(nn.Module):
    """Two gated recurrent units, one in either direction, over encoded states.

    The past of a step has its state, and the action and reward before it; the future has its own action and reward
    too. What was seen is added to each, so that a summary never loses its own state.

    Args:
        width: Width of encoded states.
        grid: (branches, choices).
        hidden: Units of either direction.
        key_width: Width of keys.
        inputs: "all", or "state" to leave out actions and rewards.
    """

    def __init__(self, width: int, grid: tuple[int, int], hidden: int, key_width: int, inputs: str) -> None:
        super().__init__()
        self._grid, self._all = grid, inputs == "all"
        extra = grid[0] * grid[1] + 1 if self._all else 0
        scale = hidden**-0.5
        self.inward = nn.ModuleList(nn.Linear(width + extra, 3 * hidden) for _ in range(2))
        self.onward = nn.Parameter(torch.empty(2, hidden, 3 * hidden).uniform_(-scale, scale))
        self.onward_bias = nn.Parameter(torch.empty(2, 3 * hidden).uniform_(-scale, scale))
        self.residual = nn.Identity() if width == hidden else nn.Linear(width, hidden, bias=False)
        self.key = nn.Linear(hidden, key_width, bias=False)
        self.predictions = nn.ModuleList(nn.Linear(hidden, grid[0] * grid[1] + 2) for _ in range(2))

    def forward(self, states: Tensor, windows: Windows) -> tuple[Tensor, Tensor]:
        """Summaries of past and future [T, N, hidden] from encoded states [T, N, width]."""
        done = self._done(windows) if self._all else None
        before = None if done is None else torch.cat([torch.zeros_like(done[:1]), done[:-1]])
        own: Tensor = self.residual(states)
        behind = states if before is None else torch.cat([states, before], -1)
        ahead = states if done is None else torch.cat([states, done], -1)
        order = _reversed(windows.valid)
        driven = torch.stack([self.inward[0](behind), _taken(self.inward[1](ahead), order)])
        past, future = unroll_gru(driven, self.onward, self.onward_bias)
        return past + own, _taken(future, order) + own

    def _done(self, windows: Windows) -> Tensor:
        choices = torch.arange(self._grid[1], device=windows.choice.device)
        one_hot = (windows.choice[..., None] == choices).flatten(-2).float()
        return torch.cat([one_hot, rescaled(windows.reward)[..., None]], -1)

    def summaries(self, past: Tensor, future: Tensor, windows: Windows, groups: int, gamma: float) -> Summaries:
        """What queries look at, of trajectories in `groups` equal parts."""

        def grouped(part: Tensor) -> Tensor:
            return in_groups(part.transpose(0, 1), groups)

        gain = in_groups(returns_to_go(windows.reward, windows.valid, gamma)[0], groups)
        episode = in_groups(windows.episode, groups)
        return Summaries(grouped(self.key(past)), grouped(future), grouped(windows.valid), episode, gain)

    def auxiliary(self, past: Tensor, future: Tensor, windows: Windows, gamma: float) -> Tensor:
        """Loss, 0-dim, of predicting action, reward and return of each step from its summaries."""
        gain = returns_to_go(windows.reward, windows.valid, gamma)
        losses = []
        for summary, prediction in zip((past, future), self.predictions, strict=True):
            predicted = prediction(summary)
            logits = predicted[..., :-2].unflatten(-1, self._grid)
            losses.append(
                auxiliary_loss(logits, predicted[..., -2:], windows.choice, windows.reward, gain, windows.valid)
            )
        return torch.stack(losses).sum()


def in_groups(rows: Tensor, groups: int) -> Tensor:
    """Rows [B, ...] in equal parts [groups, B / groups, ...]."""
    return rows.reshape(groups, -1, *rows.shape[1:])


def _reversed(valid: Tensor) -> Tensor:
    """Places [T, N] that turn the valid first steps around and leave the others; it is its own inverse."""
    t = torch.arange(len(valid), device=valid.device)[:, None]
    length = valid.sum(0)
    return torch.where(t < length, length - 1 - t, t)


def _taken(part: Tensor, order: Tensor) -> Tensor:
    return part.gather(0, order[..., None].expand(*order.shape, part.shape[-1]))
