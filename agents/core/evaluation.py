"""The mean reward of a policy on fixed worlds, for model selection during learning.

Reported results come from the leaderboard's evaluation; this is the same rollout without its bookkeeping.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from scenarium.agents.core.worlds import make_worlds
from scenarium.envs.core.rollout import AnyAct, counted_rewards
from scenarium.envs.core.tree import tree_map

if TYPE_CHECKING:
    from scenarium.envs.core.model import Model

_SALT = 0x5CE9A210


@torch.no_grad()
def world_rewards(
    model: Model, act: AnyAct, seeds: Tensor, periods: int | None = None, warm_up: int = 0, chunk: int = 4096
) -> Tensor:
    """Mean reward per period of each world, on the exact model.

    Args:
        model: The problem as it is evaluated.
        act: A policy whose actions are those of `model`.
        seeds: int64 [B] on the device to use.
        periods: Periods played; the horizon by default.
        warm_up: First periods that are played and not counted.
        chunk: Worlds at a time.

    Returns:
        float64 [B].
    """
    periods = model.horizon if periods is None else periods
    parts = []
    for part in torch.split(seeds, chunk):
        total = counted_rewards(model, model.scenario(part), act, periods, warm_up)
        parts.append(total / max(1, periods - warm_up))
    return torch.cat(parts)


@torch.no_grad()
def episode_returns(
    policy: Any, model: Model, episodes: int, seed: int = 0, deterministic: bool = True, device: str = "cpu"
) -> Tensor:
    """Undiscounted returns of whole episodes, one per lane, on any problem an agent can learn on.

    Args:
        policy: An agent of this suite, or anything with Stable-Baselines3's `predict`, which gets NumPy arrays.
        model: The problem, foreign ones included.
        episodes: How many, played side by side.
        seed: Of the first lane; the next lanes count on from it.
        deterministic: Without exploration.
        device: Torch device.

    Returns:
        float64 [episodes]; of a team's agents one after the other.
    """
    worlds = make_worlds(model, episodes, torch.device(device))
    played, memory = worlds.reset(seed), None
    total = torch.zeros(worlds.num_envs, dtype=torch.float64, device=worlds.device)
    alive = torch.ones_like(total, dtype=torch.bool)
    masked, ours = getattr(policy, "masks", False), type(policy).__module__.startswith("scenarium.")
    while bool(alive.any()):
        allowed = {"action_masks": played.mask} if masked else {}
        seen = played.observation if ours else tree_map(lambda leaf: leaf.cpu().numpy(), played.observation)
        action, memory = policy.predict(seen, memory, None, deterministic, **allowed)
        played = worlds.step(torch.as_tensor(action, device=worlds.device))
        total += played.reward * alive
        alive &= ~(played.terminated | played.truncated)
    return total


def seed_tensor(seeds: Sequence[int] | Tensor, device: torch.device) -> Tensor:
    """Seeds as int64 [B] on a device."""
    return torch.as_tensor(seeds, dtype=torch.int64, device=device)


def derived_seeds(seed: int, stream: int, first: int, count: int, device: torch.device) -> Tensor:
    """World seeds number first, ..., first + count - 1 of one stream of an agent, non-negative int64 [count].

    They are 62-bit hashes: no two streams, agents or evaluation lists share a world except by a chance that is below
    one in a million for a million worlds.
    """
    from scenarium.envs.core.rng import stream_key, words

    key = int(stream_key(int(seed) ^ _SALT, stream)[0])
    counter = torch.arange(first, first + count, dtype=torch.int64, device=device)
    result: Tensor = words(key, counter) & ((1 << 62) - 1)
    return result
