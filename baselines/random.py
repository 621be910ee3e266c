"""Uniform random actions: what doing anything at all is worth."""

from __future__ import annotations

from typing import Any

import torch
from gymnasium import Space, spaces
from torch import Tensor

from scenarium.agents.core.observations import as_action, as_batch, is_torch, reset_memory
from scenarium.baselines.base import Baseline, _device_of
from scenarium.envs.core import rng
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.namespace import torch_namespace
from scenarium.envs.core.tree import tree_leaves


class Random(Baseline):
    """Draws every action uniformly from the action space.

    A draw is a hash of the seed, the episode's first observation and the number of steps so far, so that a world's
    actions do not depend on the worlds beside it, and an episode can be repeated. Without memory every observation
    counts as the first.
    """

    name = "random"
    track = "model-free"

    def _check(self) -> None:
        for space in (self.model.action_space, self.native.action_space):
            _width(space)

    def _configure(self, seed: int = 0) -> dict[str, Any]:
        if isinstance(seed, bool) or not isinstance(seed, int):
            raise ScenariumError(f"random: seed is {seed!r}; expected an integer")
        self._key = int(rng.stream_key(seed, 77)[0])
        return {"seed": seed}

    def _act(self, observation: Any, memory: Any) -> tuple[Tensor, Any]:
        return self._draw(self.native.action_space, observation, memory)

    @torch.no_grad()
    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: bool = True
    ) -> tuple[Any, Any]:
        batch, single = as_batch(self.model.observation_space, observation, _device_of(observation))
        action, memory = self._draw(self.model.action_space, batch, reset_memory(state, episode_start))
        return as_action(self.model.action_space, action, single, not is_torch(observation)), memory

    def _draw(self, space: Space[Any], observation: Any, memory: Any) -> tuple[Tensor, Tensor]:
        """The actions, and as memory [B, 2] the episode's key and the steps made; zero steps start an episode."""
        first = observation_key(observation)
        memory = torch.zeros((len(first), 2), dtype=torch.int64, device=first.device) if memory is None else memory
        steps = memory[:, 1]
        episode = torch.where(steps == 0, first, memory[:, 0])
        key = rng.mix(episode + rng.mix(steps + self._key))
        xp = torch_namespace(str(first.device))
        word = rng.words(key[:, None], torch.arange(_width(space), device=first.device))
        return _scaled(space, rng.uniform(xp, word)), torch.stack([episode, steps + 1], 1)


def observation_key(observation: Any) -> Tensor:
    """A key int64 [B] from the bits of observations (tensors, batch first): equal ones, and only they, share it."""
    leaves = [leaf.reshape(leaf.shape[0], -1).float().contiguous() for leaf in tree_leaves(observation)]
    bits = torch.cat(leaves, 1).view(torch.int32).to(torch.int64)
    place = torch.arange(1, bits.shape[1] + 1, device=bits.device)
    key: Tensor = rng.mix(rng.mix(bits + rng.mix(place)).sum(1))
    return key


def _width(space: Space[Any]) -> int:
    """How many numbers an action has."""
    if isinstance(space, spaces.Box) and space.is_bounded():
        return int(space.low.size)
    if isinstance(space, spaces.Discrete):
        return 1
    if isinstance(space, spaces.MultiDiscrete):
        return int(space.nvec.size)
    raise ScenariumError(f"random cannot draw from the action space {space}; it must be bounded Box or (Multi)Discrete")


def _scaled(space: Space[Any], u: Tensor) -> Tensor:
    """Uniforms [B, width] as actions [B, ...]."""
    if isinstance(space, spaces.Box):
        low, high = (torch.as_tensor(bound, device=u.device) for bound in (space.low, space.high))
        return low + u.reshape(-1, *space.shape) * (high - low)
    if isinstance(space, spaces.Discrete):
        return (u[:, 0] * float(space.n)).long().clamp_max(int(space.n) - 1) + int(space.start)
    assert isinstance(space, spaces.MultiDiscrete)
    counts = torch.as_tensor(space.nvec, device=u.device)
    return torch.minimum((u.reshape(-1, *counts.shape) * counts).long(), counts - 1)
