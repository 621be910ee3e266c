"""Wrappers of `ScenariumVectorEnv` that stay on tensors and are right under same-step autoreset.

Gymnasium's own vector wrappers fail on tensors or refuse same-step autoreset; for single worlds use Gymnasium's. All
transform ``info["final_obs"]`` as they do observations, can be stacked in any order, and leave other entries alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorWrapper
from gymnasium.vector.utils import batch_space
from torch import Tensor

from scenarium.envs.core.discretize import DiscreteChoice, bounds
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.moments import Moments
from scenarium.envs.core.tree import tree_map
from scenarium.envs.core.vector import ScenariumVectorEnv


class TensorWrapper(VectorWrapper[Any, Any, Any, Any, Any]):
    """Base: override `observation`, `action` or `reward`; each gets and gives a batch.

    Args:
        env: A `ScenariumVectorEnv`, or a wrapper of one.
    """

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        if not isinstance(env.unwrapped, ScenariumVectorEnv):
            raise ScenariumError(f"{type(self).__name__} wraps ScenariumVectorEnv, not {type(env.unwrapped).__name__}")
        if env.unwrapped.to_numpy:
            raise ScenariumError(f"{type(self).__name__} works on tensors; make the env without to_numpy")

    @property
    def device(self) -> torch.device:
        """Where the worlds live."""
        return self.world.device

    @property
    def world(self) -> ScenariumVectorEnv:
        """The environment below all wrappers."""
        inner = self.env.unwrapped
        assert isinstance(inner, ScenariumVectorEnv)
        return inner

    def observation(self, observation: Any) -> Any:
        """An observation as the client sees it."""
        return observation

    def action(self, action: Any) -> Any:
        """The client's action as the env takes it."""
        return action

    def reward(self, reward: Tensor, done: Tensor) -> Tensor:
        """A reward as the client sees it; `done` marks the lanes whose episode ended."""
        return reward

    def reset(self, **kwargs: Any) -> tuple[Any, dict[str, Any]]:
        """As the env's."""
        observation, info = self.env.reset(**kwargs)
        return self.observation(observation), info

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """As the env's."""
        observation, reward, terminated, truncated, info = self.env.step(self.action(actions))
        final = info["final_obs"]
        shown = self.observation(observation)
        info = {**info, "final_obs": shown if final is observation else self.final_observation(final)}
        return shown, self.reward(reward, terminated | truncated), terminated, truncated, info

    def final_observation(self, observation: Any) -> Any:
        """A last observation before a reset as the client sees it."""
        return self.observation(observation)

    def _restarted(self, kwargs: dict[str, Any]) -> Tensor:
        """Which lanes a call of reset() starts anew, bool [N]."""
        mask = (kwargs.get("options") or {}).get("reset_mask")
        if mask is None or self.world.seeds is None:
            return torch.ones(self.num_envs, dtype=torch.bool, device=self.device)
        return torch.as_tensor(mask, device=self.device)

    def _set_observation_space(self, single: spaces.Space[Any]) -> None:
        self.single_observation_space = single
        self.observation_space = batch_space(single, self.num_envs)

    def _set_action_space(self, single: spaces.Space[Any]) -> None:
        self.single_action_space = single
        self.action_space = batch_space(single, self.num_envs)


class RecordEpisodeStatistics(TensorWrapper):
    """Adds return and length of episodes: ``info["episode"] = {"r": [N], "l": [N]}``, true where ``info["_episode"]``.

    Over all episodes that ended so far, `episodes` is their number, `mean_return` and `mean_length` the running means.
    Rewards are counted as they come from `env`: wrap before NormalizeReward to record the problem's own.
    """

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self._returns = torch.zeros(self.num_envs, dtype=torch.float64, device=self.device)
        self._lengths = torch.zeros(self.num_envs, dtype=torch.int64, device=self.device)
        self._ended = torch.zeros(3, dtype=torch.float64, device=self.device)
        # Without autoreset an ended lane shows its flags until it is reset; its episode counts once.
        self._over = torch.zeros(self.num_envs, dtype=torch.bool, device=self.device)

    @property
    def episodes(self) -> int:
        """Number of episodes that ended so far."""
        return int(self._ended[0])

    @property
    def mean_return(self) -> float:
        """Mean return of the episodes that ended so far; NaN without any."""
        return float(self._ended[1] / self._ended[0])

    @property
    def mean_length(self) -> float:
        """Mean length in periods of the episodes that ended so far; NaN without any."""
        return float(self._ended[2] / self._ended[0])

    def reset(self, **kwargs: Any) -> tuple[Any, dict[str, Any]]:
        """Starts counting anew, on the lanes that are reset."""
        fresh = self._restarted(kwargs)
        result = super().reset(**kwargs)
        self._returns, self._lengths = self._returns * ~fresh, self._lengths * ~fresh
        self._over = self._over & ~fresh
        return result

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """As the env's, with the statistics in `info`."""
        observation, reward, terminated, truncated, info = super().step(actions)
        done = (terminated | truncated) & ~self._over
        self._returns, self._lengths = self._returns + reward, self._lengths + ~self._over
        info = {**info, "episode": {"r": self._returns, "l": self._lengths}, "_episode": done}
        ended = torch.stack([torch.ones_like(self._returns), self._returns, self._lengths.double()])
        self._ended = self._ended + (ended * done).sum(1)
        self._returns, self._lengths = self._returns * ~done, self._lengths * ~done
        self._over = (self._over | done) & (self.world.metadata["autoreset_mode"] is AutoresetMode.DISABLED)
        return observation, reward, terminated, truncated, info


class NormalizeObservation(TensorWrapper):
    """Subtracts the running mean and divides by the running standard deviation, entry by entry.

    Args:
        env: The environment.
        epsilon: Added to the variance.

    Attributes:
        update: Set to False to freeze the statistics, for evaluation.
    """

    def __init__(self, env: Any, epsilon: float = 1e-8) -> None:
        super().__init__(env)
        self.update, self.epsilon = True, epsilon
        space = env.single_observation_space
        parts = space.spaces if isinstance(space, spaces.Dict) else {"": space}
        if not all(isinstance(part, spaces.Box) for part in parts.values()):
            raise ScenariumError(f"NormalizeObservation needs a Box or a Dict of Boxes, not {space}")
        self._moments = {name: Moments(part.shape or (), self.device) for name, part in parts.items()}
        boxes = {name: spaces.Box(-np.inf, np.inf, part.shape, np.float32) for name, part in parts.items()}
        single: spaces.Space[Any] = spaces.Dict(dict(boxes)) if isinstance(space, spaces.Dict) else boxes[""]
        self._set_observation_space(single)

    def reset(self, **kwargs: Any) -> tuple[Any, dict[str, Any]]:
        """As the env's; lanes that are not reset show what was seen before and are not counted again."""
        fresh = self._restarted(kwargs)
        observation, info = self.env.reset(**kwargs)
        self._count(tree_map(lambda leaf: leaf[fresh], observation))
        return self.final_observation(observation), info

    def observation(self, observation: Any) -> Any:
        """Updates the statistics, unless frozen, and normalises."""
        self._count(observation)
        return self.final_observation(observation)

    def _count(self, observation: Any) -> None:
        if self.update:
            for name, moments in self._moments.items():
                moments.update(observation[name] if name else observation)

    def final_observation(self, observation: Any) -> Any:
        """Normalises without updating: the last observation of an episode was not seen by a step of its own."""
        parts = {
            name: self._normal(moments, observation[name] if name else observation)
            for name, moments in self._moments.items()
        }
        return parts.get("", parts)

    def _normal(self, moments: Moments, x: Tensor) -> Tensor:
        return ((x - moments.mean) / (moments.variance + self.epsilon).sqrt()).float()

    def state_dict(self) -> dict[str, Tensor]:
        """The statistics, to be saved with a policy."""
        return {f"{name}.{key}": t for name, m in self._moments.items() for key, t in m.state_dict().items()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Takes the statistics back."""
        for name, moments in self._moments.items():
            moments.load_state_dict({key: state[f"{name}.{key}"] for key in moments.state_dict()})


class NormalizeReward(TensorWrapper):
    """Divides rewards by the running standard deviation of the discounted return; the mean is left.

    Args:
        env: The environment.
        gamma: Discount factor of the return.
        epsilon: Added to the variance.

    Attributes:
        update: Set to False to freeze the statistics.
    """

    def __init__(self, env: Any, gamma: float = 0.99, epsilon: float = 1e-8) -> None:
        super().__init__(env)
        self.update, self.gamma, self.epsilon = True, gamma, epsilon
        self.moments = Moments((), self.device)
        self._returns = torch.zeros(self.num_envs, dtype=torch.float64, device=self.device)

    def reset(self, **kwargs: Any) -> tuple[Any, dict[str, Any]]:
        """As the env's; the return starts from 0 on the lanes that are reset."""
        fresh = self._restarted(kwargs)
        result = super().reset(**kwargs)
        self._returns = self._returns * ~fresh
        return result

    def state_dict(self) -> dict[str, Tensor]:
        """The statistics, to be saved with a policy."""
        return self.moments.state_dict()

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Takes the statistics back."""
        self.moments.load_state_dict(state)

    def reward(self, reward: Tensor, done: Tensor) -> Tensor:
        """Updates the statistics, unless frozen, and scales."""
        self._returns = self._returns * self.gamma + reward
        if self.update:
            self.moments.update(self._returns)
        self._returns = self._returns * ~done
        return (reward / (self.moments.variance + self.epsilon).sqrt()).float()


class RescaleAction(TensorWrapper):
    """Takes actions in [-1, 1] for a bounded Box."""

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        low, high = bounds(env.single_action_space, "RescaleAction")
        self._low = torch.as_tensor(low, device=self.device)
        self._half = torch.as_tensor((high - low) / 2, device=self.device)
        self._set_action_space(spaces.Box(-1.0, 1.0, low.shape, np.float32))

    def action(self, action: Any) -> Any:
        """From [-1, 1] to the Box, clipped."""
        action = torch.as_tensor(action, device=self.device).float()
        return self._low + (action.clamp(-1.0, 1.0) + 1.0) * self._half


class DiscretizeAction(TensorWrapper):
    """Takes discrete actions for a bounded Box: evenly spaced levels on every axis, or a menu of whole actions.

    Args:
        env: The environment.
        levels: Levels per axis, at least 2, from the lowest to the highest; one axis becomes Discrete, several
            MultiDiscrete.
        menu: Instead of levels: the actions to choose from [n, ...]; becomes Discrete(n).
    """

    def __init__(self, env: Any, levels: int | None = None, menu: Sequence[Any] | None = None) -> None:
        super().__init__(env)
        self._choice = DiscreteChoice(env.single_action_space, levels, menu, "DiscretizeAction", self.device)
        self._set_action_space(self._choice.space)

    def action(self, action: Any) -> Any:
        """From indices to an action of the Box."""
        index = torch.as_tensor(action, device=self.device)
        self._choice.check(index, self.num_envs)
        return self._choice.decode(index)


class FlattenObservation(TensorWrapper):
    """Joins a Dict of Boxes to one flat Box, in the order of the space."""

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self._set_observation_space(_flat_space(env.single_observation_space))

    def observation(self, observation: Any) -> Any:
        """[N, n]."""
        parts = observation.values() if isinstance(observation, dict) else [observation]
        return torch.cat([part.reshape(self.num_envs, -1).float() for part in parts], 1)


class TimeAwareObservation(TensorWrapper):
    """Adds the share of the horizon that has passed, in [0, 1]: last number of a flat Box, entry "time" of a Dict."""

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        space = env.single_observation_space
        one = spaces.Box(0.0, 1.0, (1,), np.float32)
        if isinstance(space, spaces.Dict):
            if "time" in space.spaces:
                raise ScenariumError("the observation has an entry 'time' already; TimeAwareObservation adds one")
            self._set_observation_space(spaces.Dict({**space.spaces, "time": one}))
        elif isinstance(space, spaces.Box) and len(space.shape) == 1:
            low, high = np.append(space.low, 0.0), np.append(space.high, 1.0)
            self._set_observation_space(spaces.Box(low.astype(np.float32), high.astype(np.float32)))
        else:
            raise ScenariumError(f"TimeAwareObservation needs a Dict or a flat Box, not {space}; flatten first")

    def reset(self, **kwargs: Any) -> tuple[Any, dict[str, Any]]:
        """As the env's, the clock included."""
        observation, info = self.env.reset(**kwargs)
        return self._timed(observation, self._now()), info

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """As the env's; the last observation of an episode shows the time it was made at."""
        before = self._now()
        observation, reward, terminated, truncated, info = self.env.step(actions)
        info = {**info, "final_obs": self._timed(info["final_obs"], (before + 1).clamp(max=self.world.horizon))}
        return self._timed(observation, self._now()), reward, terminated, truncated, info

    def _now(self) -> Tensor:
        time = torch.as_tensor(self.world.time, device=self.device)
        return time.expand(self.num_envs)

    def _timed(self, observation: Any, t: Tensor) -> Any:
        share = (t.float() / self.world.horizon)[:, None]
        if isinstance(observation, dict):
            return {**observation, "time": share}
        return torch.cat([observation, share], 1)


def _flat_space(space: gymnasium.Space[Any]) -> spaces.Box:
    parts = list(space.spaces.values()) if isinstance(space, spaces.Dict) else [space]
    if not all(isinstance(part, spaces.Box) for part in parts):
        raise ScenariumError(f"FlattenObservation needs Boxes, not {space}")
    low, high = (np.concatenate([getattr(part, end).ravel() for part in parts]) for end in ("low", "high"))
    return spaces.Box(low.astype(np.float32), high.astype(np.float32))


__all__ = [
    "DiscretizeAction",
    "FlattenObservation",
    "Moments",
    "NormalizeObservation",
    "NormalizeReward",
    "RecordEpisodeStatistics",
    "RescaleAction",
    "TensorWrapper",
    "TimeAwareObservation",
]
