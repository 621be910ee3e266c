"""Lanes to learn on: N copies of a problem advanced together, with tensors in and out, whatever the problem is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, NamedTuple

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from scenarium.agents.core.foreign import ForeignModel
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.model import Model, Outcome
from scenarium.envs.core.namespace import Array, Namespace
from scenarium.envs.core.scenario import Past, Scenario
from scenarium.envs.core.tree import tree_map
from scenarium.envs.core.vector import ScenariumVectorEnv


class Played(NamedTuple):
    """What one step brought on every lane.

    Attributes:
        observation: What is seen now, after a reset where an episode ended; tensors [N, ...], a dict for a Dict space.
        mask: Choices allowed now, bool [N, choices], or None if all are.
        reward: float32 [N].
        terminated: bool [N].
        truncated: bool [N].
        final_observation: What was seen before the reset; equal to `observation` on lanes that went on.
        final_mask: As `mask`, for `final_observation`.
    """

    observation: Any
    mask: Tensor | None
    reward: Tensor
    terminated: Tensor
    truncated: Tensor
    final_observation: Any
    final_mask: Tensor | None


class Worlds(ABC):
    """N lanes with same-step autoreset.

    Attributes:
        num_envs: Lanes N.
        device: Where tensors are.
        observation_space: Of one lane.
        action_space: Of one lane.
        time_limit_is_terminal: Whether nothing is worth anything beyond a truncation.
    """

    num_envs: int
    device: torch.device
    observation_space: gymnasium.Space[Any]
    action_space: gymnasium.Space[Any]
    time_limit_is_terminal: bool = False

    @abstractmethod
    def reset(self, seed: int) -> Played:
        """Starts all lanes; rewards are 0 and no episode has ended."""

    @abstractmethod
    def step(self, action: Tensor) -> Played:
        """Plays the environment's actions [N, ...]."""

    def tensors(self) -> dict[str, Tensor]:
        """What `load` needs to go on from here; empty where that cannot be saved."""
        return {}

    def load(self, tensors: Mapping[str, Tensor]) -> Played | None:
        """Goes on from what `tensors` gave; None where nothing was saved, and the caller resets."""
        return None


class SuiteWorlds(Worlds):
    """Lanes of a problem of this suite with one lone agent."""

    def __init__(self, model: Model, num_envs: int, device: torch.device, longest: int | None = None) -> None:
        longest = None if longest is None else min(longest, model.horizon)
        self._env = ScenariumVectorEnv(model, num_envs, str(device), longest)
        self.num_envs, self.device = num_envs, device
        self.observation_space, self.action_space = model.observation_space, model.action_space
        self.time_limit_is_terminal = model.time_limit_is_terminal

    def reset(self, seed: int) -> Played:
        return self._fresh(*self._env.reset(seed=seed))

    def step(self, action: Tensor) -> Played:
        observation, reward, terminated, truncated, info = self._env.step(action)
        masks = info.get("action_mask"), info.get("final_action_mask")
        flags = terminated, truncated
        return Played(observation, masks[0], reward.float(), *flags, info["final_obs"], masks[1])

    def tensors(self) -> dict[str, Tensor]:
        return {} if self._env.seeds is None else self._env.snapshot()

    def load(self, tensors: Mapping[str, Tensor]) -> Played | None:
        return self._fresh(*self._env.restore(tensors)) if tensors else None

    def _fresh(self, observation: Any, info: dict[str, Any]) -> Played:
        no = torch.zeros(self.num_envs, dtype=torch.bool, device=self.device)
        mask = info.get("action_mask")
        return Played(observation, mask, no.float(), no, no, observation, mask)


class TeamWorlds(Worlds):
    """Lanes of a problem whose only role has several agents: one lane per agent, `num_envs` worlds times agents.

    This is what independent learners that share one policy learn on.
    """

    def __init__(self, model: Model, num_envs: int, device: torch.device, longest: int | None = None) -> None:
        role = model.roles[0]
        assert role.count is not None
        self._inner, self._agents = SuiteWorlds(_Stacked(model), num_envs, device, longest), role.count
        self.num_envs, self.device = num_envs * role.count, device
        self.observation_space, self.action_space = role.observation_space, role.action_space
        self.time_limit_is_terminal = model.time_limit_is_terminal

    def reset(self, seed: int) -> Played:
        return self._flat(self._inner.reset(seed))

    def step(self, action: Tensor) -> Played:
        return self._flat(self._inner.step(action.reshape(-1, self._agents, *action.shape[1:])))

    def tensors(self) -> dict[str, Tensor]:
        return self._inner.tensors()

    def load(self, tensors: Mapping[str, Tensor]) -> Played | None:
        played = self._inner.load(tensors)
        return None if played is None else self._flat(played)

    def _flat(self, played: Played) -> Played:
        def flat(leaf: Tensor) -> Tensor:
            return leaf.flatten(0, 1)

        def each(leaf: Tensor) -> Tensor:
            return leaf.repeat_interleave(self._agents, 0) if leaf.ndim == 1 else flat(leaf)

        return Played(
            *(tree_map(flat, played.observation), tree_map(flat, played.mask)),
            *(each(played.reward), each(played.terminated), each(played.truncated)),
            *(tree_map(flat, played.final_observation), tree_map(flat, played.final_mask)),
        )


class ForeignWorlds(Worlds):
    """Lanes of a Gymnasium environment that is not of this suite, stepped one after the other on the CPU.

    Gymnasium's default autoreset inserts a step that nobody chose after every end; here lanes are reset in the same
    step, and what was seen at the end is kept. Their state cannot be saved: resumed learning starts new episodes.
    """

    def __init__(self, model: ForeignModel, num_envs: int, device: torch.device) -> None:
        from gymnasium.vector import AutoresetMode, SyncVectorEnv

        self._env = SyncVectorEnv(model.make(num_envs), autoreset_mode=AutoresetMode.SAME_STEP)
        self.num_envs, self.device = num_envs, device
        self.observation_space, self.action_space = model.observation_space, model.action_space
        self.time_limit_is_terminal = model.time_limit_is_terminal

    def reset(self, seed: int) -> Played:
        observation, info = self._env.reset(seed=int(seed) % (1 << 31))
        seen, no = self._tensors(observation), torch.zeros(self.num_envs, dtype=torch.bool, device=self.device)
        mask = self._mask(info)
        return Played(seen, mask, no.float(), no, no, seen, mask)

    def step(self, action: Tensor) -> Played:
        observation, reward, terminated, truncated, info = self._env.step(self._action(action))
        seen, mask = self._tensors(observation), self._mask(info)
        final, final_mask = seen, mask
        ended = info.get("_final_obs")
        if ended is not None:
            final = self._merged(seen, info["final_obs"], np.asarray(ended, bool))
            last = info.get("final_info", {}).get("action_mask")
            final_mask = None if mask is None else self._merged(mask, last, np.asarray(ended, bool))
        ends = torch.as_tensor(terminated, device=self.device), torch.as_tensor(truncated, device=self.device)
        return Played(seen, mask, self._tensor(reward).float(), *ends, final, final_mask)

    def _action(self, action: Tensor) -> Any:
        array = action.cpu().numpy()
        if isinstance(self.action_space, spaces.Box):  # an agent's noise may leave the Box
            array = np.clip(array.astype(self.action_space.dtype), self.action_space.low, self.action_space.high)
        return array

    def _tensors(self, observation: Any) -> Any:
        return tree_map(self._tensor, observation)

    def _tensor(self, array: Any) -> Tensor:
        array = np.asarray(array)
        array = array.astype(np.float32) if array.dtype == np.float64 else array.copy()
        return torch.as_tensor(array, device=self.device)

    def _mask(self, info: dict[str, Any]) -> Tensor | None:
        mask = info.get("action_mask")
        return None if mask is None else torch.as_tensor(np.stack(list(mask)).astype(bool), device=self.device)

    def _merged(self, seen: Any, last: Any, ended: Any) -> Any:
        """`seen` with the rows of `last` on the lanes that ended."""
        if isinstance(seen, dict):
            parts = last if isinstance(last, dict) else [one and dict(one) for one in last]
            return {key: self._merged(seen[key], _column(parts, key), ended) for key in seen}
        merged = seen.clone()
        for lane in np.flatnonzero(ended):
            merged[lane] = torch.as_tensor(np.asarray(last[lane]), dtype=seen.dtype)
        return merged


def _column(parts: Any, key: str) -> Any:
    return parts[key] if isinstance(parts, dict) else [None if part is None else part[key] for part in parts]


class _Stacked(Model):
    """A problem with one role of several agents, its agents stacked to a lone one with a reward for each."""

    def __init__(self, model: Model) -> None:
        role = model.roles[0]
        assert role.count is not None
        self._model = model
        for name in ("horizon", "terminates", "batch_axis", "time_limit_is_terminal", "env_id", "env_kwargs"):
            setattr(self, name, getattr(model, name))
        self.observation_space = gymnasium.vector.utils.batch_space(role.observation_space, role.count)
        self.action_space = gymnasium.vector.utils.batch_space(role.action_space, role.count)

    def scenario(self, seeds: Array) -> Scenario:
        return self._model.scenario(seeds)

    def renew(self, scenario: Scenario, seeds: Array, mask: Array) -> Scenario:
        return self._model.renew(scenario, seeds, mask)

    def initial(self, scenario: Scenario, xp: Namespace) -> Any:
        return self._model.initial(scenario, xp)

    def step(self, state: Any, action: Any, exogenous: Any, t: Array, xp: Namespace) -> tuple[Any, Outcome]:
        return self._model.step(state, action, exogenous, t, xp)

    def observe(self, state: Any, past: Past, t: Array, xp: Namespace) -> Any:
        return self._model.observe(state, past, t, xp)

    def action_mask(self, state: Any, t: Array, xp: Namespace) -> Any:
        return self._model.action_mask(state, t, xp)


def make_worlds(model: Model, num_envs: int, device: torch.device, longest: int | None = None) -> Worlds:
    """Lanes of whatever the problem is.

    Args:
        model: A problem of the suite whose single role is a lone agent or a team, or a foreign one.
        num_envs: Worlds; a team has that many lanes times its agents.
        device: Torch device.
        longest: Periods after which an episode is cut off even where the problem's horizon is farther.

    Raises:
        ScenariumError: The problem has several roles, or is a foreign one that `longest` cannot cut off.
    """
    if isinstance(model, ForeignModel):
        if longest is not None:
            raise ScenariumError("episodes of a foreign environment are cut off by its own TimeLimit wrapper only")
        return ForeignWorlds(model, num_envs, device)
    if len(model.roles) > 1:
        names = ", ".join(role.name for role in model.roles)
        raise ScenariumError(f"the problem has several roles ({names}); use WithPolicies to fix all but one of them")
    kind = SuiteWorlds if model.roles[0].count is None else TeamWorlds
    return kind(model, num_envs, device, longest)
