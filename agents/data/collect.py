"""Recording episodes: any policy, mixed with random actions, on any problem."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from gymnasium import spaces
from torch import Tensor

from scenarium.agents.core.problem import describe_model, resolve_model
from scenarium.agents.core.worlds import Played, Worlds, make_worlds
from scenarium.agents.data.dataset import Dataset
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.model import Model
from scenarium.envs.core.tree import tree_map

FIRST_SEED = 3_000_000
"""Seed of the first recorded world: training and held-out worlds are others."""
MIXTURE = (0.0, 0.1, 0.3, 1.0)
"""Probabilities of a random action, of which each episode takes the next."""


@torch.no_grad()
def collect(
    env: Any,
    policy: Any,
    episodes: int,
    seed: int = FIRST_SEED,
    epsilon: Sequence[float] = MIXTURE,
    env_kwargs: Mapping[str, Any] | None = None,
    lanes: int = 256,
) -> Dataset:
    """Plays whole episodes and keeps them.

    Args:
        env: What an agent takes: an id, a model, an environment.
        policy: Name of a baseline, folder of a trained agent, or anything with `predict` that takes tensors.
        episodes: How many; of a team, every agent's are one.
        seed: Seed of the first world; the others count on from it.
        epsilon: Probability of a random action in the first, second, ... episode, from the start again at the end.
        env_kwargs: Keyword arguments of the id.
        lanes: Worlds side by side.

    Raises:
        ScenariumError: The problem or the policy is unknown, or a number is out of range.
    """
    if episodes < 1 or not epsilon or not all(0.0 <= one <= 1.0 for one in epsilon):
        raise ScenariumError(f"collect needs at least one episode and epsilons in [0, 1], got {episodes}, {epsilon}")
    model = resolve_model(env, env_kwargs, foreign=True)
    player, name = resolve_policy(policy, model)
    generator = torch.Generator().manual_seed(seed)
    parts = []
    for first in range(0, episodes, lanes):
        worlds = make_worlds(model, min(lanes, episodes - first), torch.device("cpu"))
        share = torch.tensor([epsilon[(first + i) % len(epsilon)] for i in range(worlds.num_envs)])
        parts.append(_record(worlds, player, share, seed + first, generator, _about(model, name, epsilon)))
    return Dataset.join(parts).as_task(parts[0].about)


def resolve_policy(policy: Any, model: Model) -> tuple[Any, str]:
    """Something with `predict`, and its name.

    Args:
        policy: As for `collect`.
        model: The problem it is to play.

    Raises:
        ScenariumError: A name is neither a baseline nor a folder.
    """
    if not isinstance(policy, (str, os.PathLike)):
        return policy, getattr(policy, "name", type(policy).__name__)
    if Path(policy).is_dir():
        from scenarium.agents.core.registry import load_agent

        return load_agent(str(policy), device="cpu", env=model), Path(policy).name
    from scenarium.baselines.registry import make_baseline

    return make_baseline(str(policy), model), str(policy)


def random_actions(space: Any, count: int, mask: Tensor | None, generator: torch.Generator) -> Tensor:
    """Uniform actions [count, ...] of a Discrete, MultiDiscrete or bounded Box space, allowed ones where masked.

    Raises:
        ScenariumError: The space is another one.
    """
    if isinstance(space, spaces.Box) and space.is_bounded():
        low, high = torch.as_tensor(space.low), torch.as_tensor(space.high)
        return low + (high - low) * torch.rand((count, *low.shape), generator=generator)
    if not isinstance(space, (spaces.Discrete, spaces.MultiDiscrete)):
        raise ScenariumError(f"random actions need a Discrete, MultiDiscrete or bounded Box space, got {space}")
    from scenarium.agents.core.actions import ActionMap
    from scenarium.agents.core.greedy import BranchGrid, random_choice

    actions = ActionMap.of(space)
    grid = BranchGrid(actions.branches)
    uniforms = torch.rand((count, grid.shape[0]), generator=generator)
    return actions.decode(random_choice(uniforms, grid.shape[1], grid.mask(mask)))


def _record(
    worlds: Worlds, player: Any, share: Tensor, seed: int, generator: torch.Generator, about: Mapping[str, Any]
) -> Dataset:
    """One episode of every lane."""
    played, memory = worlds.reset(seed), None
    alive = torch.ones(worlds.num_envs, dtype=torch.bool)
    terminated, rows = torch.zeros_like(alive), []
    seen, masks = [_copied(played.observation)], [played.mask]
    while bool(alive.any()):
        action, memory = _chosen(worlds, player, played, memory, share, generator)
        played = worlds.step(action)
        rows.append((action, played.reward, alive))
        seen.append(_copied(played.final_observation))
        masks.append(played.final_mask)
        terminated |= alive & played.terminated
        alive = alive & ~(played.terminated | played.truncated)
    return _packed(rows, seen, masks, terminated, seed, about)


def _chosen(
    worlds: Worlds, player: Any, played: Played, memory: Any, share: Tensor, generator: torch.Generator
) -> tuple[Tensor, Any]:
    allowed = {"action_masks": played.mask} if getattr(player, "masks", False) else {}
    action, memory = player.predict(played.observation, memory, None, True, **allowed)
    action = torch.as_tensor(action)
    mixed = random_actions(worlds.action_space, worlds.num_envs, played.mask, generator).to(action.dtype)
    roll = torch.rand(worlds.num_envs, generator=generator) < share
    return torch.where(roll.reshape(-1, *[1] * (action.ndim - 1)), mixed.reshape(action.shape), action), memory


def _copied(observation: Any) -> Any:
    return tree_map(lambda leaf: leaf.clone(), observation)


def _packed(
    rows: list[tuple[Tensor, Tensor, Tensor]],
    seen: list[Any],
    masks: list[Tensor | None],
    terminated: Tensor,
    seed: int,
    about: Mapping[str, Any],
) -> Dataset:
    """From time-first rows of lanes to episodes one after the other."""
    action, reward, alive = (torch.stack(parts).transpose(0, 1) for parts in zip(*rows, strict=True))
    there = torch.cat([torch.ones_like(alive[:, :1]), alive], 1)

    def flat(leaves: Any) -> Tensor:
        return torch.stack(leaves).transpose(0, 1)[there]

    some = [mask for mask in masks if mask is not None]
    count = len(terminated)
    return Dataset(
        tree_map(lambda *leaves: flat(leaves), *seen),
        action[alive],
        reward[alive].float(),
        terminated,
        torch.cat([torch.zeros(1, dtype=torch.int64), alive.sum(1).cumsum(0)]),
        torch.zeros(count, dtype=torch.int64),
        torch.arange(seed, seed + count),
        flat(some) if len(some) == len(masks) else None,
        about,
    )


def _about(model: Model, policy: str, epsilon: Sequence[float]) -> dict[str, Any]:
    return {"tasks": [{"env": describe_model(model), "policy": policy, "epsilon": [float(one) for one in epsilon]}]}
