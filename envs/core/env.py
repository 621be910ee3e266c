"""One world as a `gymnasium.Env`: NumPy in, NumPy out, Python scalars for reward and flags."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.model import Model, Outcome
from scenarium.envs.core.namespace import NUMPY
from scenarium.envs.core.registry import make_model
from scenarium.envs.core.scenario import Scenario
from scenarium.envs.core.tree import tree_map


class ScenariumEnv(gymnasium.Env[Any, Any]):
    """One world of a model.

    ``reset(seed=s)`` plays world s; every later ``reset()`` plays the next one, s + 1, s + 2, ... The episode is
    truncated at the model's horizon; there is no TimeLimit wrapper to add.

    Args:
        model: A problem with one lone agent.
        render_mode: None or "rgb_array".
        max_episode_steps: A shorter (or longer) horizon than the model's.

    Raises:
        ScenariumError: The model has several roles, the render mode is unknown, or the horizon is not positive.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 4}

    def __init__(self, model: Model, render_mode: str | None = None, max_episode_steps: int | None = None) -> None:
        if len(model.roles) > 1 or model.roles[0].count is not None:
            raise ScenariumError(
                "this problem has several agents; use ScenariumParallelEnv, or WithPolicies for a view"
            )
        if render_mode not in (None, "rgb_array"):
            raise ScenariumError(f"render_mode {render_mode!r} is unknown; use 'rgb_array' or None")
        self.model, self.render_mode = model, render_mode
        if model.data_hash:
            self.metadata = {**self.metadata, "data_sha256": model.data_hash}
        self.horizon = horizon_of(model, max_episode_steps)
        self.observation_space, self.action_space = model.observation_space, model.action_space
        self.world: int | None = None
        """Seed of the world being played."""
        self._has_masks = type(model).action_mask is not Model.action_mask
        self._t = 0
        # Periods that may be played: none before reset() and none after the end.
        self._limit = 0
        self._state: Any = None
        self._scenario: Scenario
        self._outcome: Outcome | None = None
        self._check = (
            discrete_action if hasattr(model.action_space, "nvec") or hasattr(model.action_space, "n") else None
        )
        self._shape = model.action_space.shape

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Starts the world of this seed, or the next one.

        Args:
            seed: World to play, >= 0.
            options: Not used.
        """
        super().reset(seed=seed)
        if seed is not None:
            self.world = int(seed)
        else:
            self.world = int(self.np_random.integers(1 << 31)) if self.world is None else self.world + 1
        self._scenario = self.model.scenario(self.world)
        self._state = self.model.initial(self._scenario, NUMPY)
        self._t, self._limit, self._outcome = 0, self.horizon, None
        return self._observe(), self._masked({})

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Plays one period.

        Raises:
            ScenariumError: The action has the wrong shape, is not finite or out of range, or the episode is over.
        """
        t, model = self._t, self.model
        if t >= self._limit:
            raise ScenariumError("step() before reset(), or after the end of the episode; call reset() first")
        action = self._checked(action)
        self._state, outcome = model.step(self._state, action, self._scenario.at(t), t, NUMPY)
        self._outcome = outcome
        self._t = t + 1
        terminated = bool(outcome.terminated)
        truncated = t + 1 >= self._limit and not terminated
        if terminated:
            self._limit = 0
        observation = model.observe(self._state, self._scenario.until(t + 1), t + 1, NUMPY)
        return observation, float(outcome.reward), terminated, truncated, self._masked(outcome.info)

    def action_masks(self) -> Any:
        """Which actions are allowed now (the name sb3-contrib looks for), or None if all are."""
        return self.model.action_mask(self._state, self._t, NUMPY)

    def render(self) -> Any:
        """The picture of the world as uint8 [height, width, 3], or None without a render mode."""
        if self.render_mode is None:
            return None
        if self._state is None:
            raise ScenariumError("render() before reset(); call reset() first")
        return self.model.render(self._state, self._outcome, self._t)

    def _observe(self) -> Any:
        return self.model.observe(self._state, self._scenario.until(self._t), self._t, NUMPY)

    def _masked(self, info: dict[str, Any]) -> dict[str, Any]:
        if not self._has_masks:
            return info
        mask = self.model.action_mask(self._state, self._t, NUMPY)
        if mask is not None:
            info = {**info, "action_mask": tree_map(lambda leaf: np.asarray(leaf, np.int8), mask)}
        return info

    def _checked(self, action: Any) -> Any:
        if self._check is not None:
            return self._check(self.action_space, action, self._name)
        try:
            action = np.asarray(action, np.float32)
        except (TypeError, ValueError):
            raise ScenariumError(f"action {action!r} is not numbers; {self._name} expects {self._shape}") from None
        if action.shape != self._shape:
            raise ScenariumError(f"action has shape {action.shape}; {self._name} expects {self._shape}")
        # A search of the flags' bytes: half the time of all(), and no warning as arithmetic on infinity gives.
        if b"\0" in np.isfinite(action).tobytes():
            raise ScenariumError(f"action {action.tolist()} is not finite; {self._name} expects finite {self._shape}")
        return action

    @property
    def _name(self) -> str:
        return self.model.env_id or type(self.model).__name__


def horizon_of(model: Model, max_episode_steps: int | None) -> int:
    """Periods of an episode: the model's, unless the user says otherwise.

    Raises:
        ScenariumError: `max_episode_steps` is not positive.
    """
    if max_episode_steps is None:
        return model.horizon
    if max_episode_steps < 1:
        raise ScenariumError(f"max_episode_steps is {max_episode_steps}; it must be >= 1")
    return max_episode_steps


def discrete_action(space: Any, action: Any, who: str) -> Any:
    """The action of `who` as an integer array, or an error that says what a discrete space expects."""
    if (
        type(space) is gymnasium.spaces.Discrete
        and isinstance(action, (int, np.integer))
        and not isinstance(action, bool)
    ):
        if space.start <= action < space.start + space.n:
            return np.asarray(action)
        raise ScenariumError(f"{who}: action {action!r} is out of range of {space}")
    array = np.asarray(action)
    if array.dtype.kind not in "iu" or array.shape != space.shape:
        raise ScenariumError(f"{who}: action {action!r} is not in {space}; expected integers of shape {space.shape}")
    if not space.contains(array.astype(space.dtype) if space.shape else space.dtype.type(array)):
        raise ScenariumError(f"{who}: action {action!r} is out of range of {space}")
    return array


def make(
    env_id: str, render_mode: str | None = None, max_episode_steps: int | None = None, **kwargs: Any
) -> ScenariumEnv:
    """Gymnasium's entry point of every id: ``gym.make(id, **kwargs)``; keyword arguments go to the family's factory."""
    return ScenariumEnv(make_model(env_id, **kwargs), render_mode, max_episode_steps)
