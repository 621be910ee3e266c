"""Gymnasium environments that are not of this suite, for agents that learn from samples."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import gymnasium
from gymnasium import spaces

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.model import Model, Outcome
from scenarium.envs.core.namespace import Array, Namespace
from scenarium.envs.core.scenario import Past, Scenario

_UNLIMITED = 1 << 31
"""Horizon of an environment without a time limit."""


class ForeignModel(Model):
    """An environment of which only samples can be had: spaces, a time limit, and a way to make copies.

    Args:
        make: Makes one new environment; None where only the one at hand exists.
        env: The environment at hand, for its spaces; it is played itself where a single lane is asked for.
        env_id: Gymnasium id, or "" where the environment cannot be made from data.
        env_kwargs: Keyword arguments of the id.
    """

    terminates = True
    gradient = "none"

    def __init__(
        self,
        make: Callable[[], gymnasium.Env[Any, Any]] | None,
        env: gymnasium.Env[Any, Any],
        env_id: str = "",
        env_kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        self._make, self._env = make, env
        self.observation_space, self.action_space = env.observation_space, env.action_space
        self.horizon = (env.spec.max_episode_steps if env.spec is not None else None) or _UNLIMITED
        self.env_id, self.env_kwargs = env_id, dict(env_kwargs or {})

    def make(self, count: int) -> list[Callable[[], gymnasium.Env[Any, Any]]]:
        """Makers of this many environments.

        Raises:
            ScenariumError: Only one environment is at hand and it cannot be copied.
        """
        if self._make is not None:
            return [self._make] * count
        if count == 1:
            return [lambda: self._env]
        try:
            return [lambda: copy.deepcopy(self._env) for _ in range(count)]
        except Exception as error:  # whatever an environment's members raise when copied
            hint = "pass its id, or a function that makes one"
            raise ScenariumError(f"{type(self._env).__name__} cannot be copied for {count} lanes: {hint}") from error

    @property
    def looks(self) -> str:
        """What stands in for a fingerprint: the spaces and the time limit."""
        return f"foreign {self.observation_space} {self.action_space} {self.horizon}"

    def scenario(self, seeds: Array) -> Scenario:
        raise self._refusal()

    def initial(self, scenario: Scenario, xp: Namespace) -> Any:
        raise self._refusal()

    def step(self, state: Any, action: Any, exogenous: Any, t: Array, xp: Namespace) -> tuple[Any, Outcome]:
        raise self._refusal()

    def observe(self, state: Any, past: Past, t: Array, xp: Namespace) -> Any:
        raise self._refusal()

    def _refusal(self) -> ScenariumError:
        return ScenariumError(f"{self.env_id or type(self._env).__name__} is not of this suite: it has no model")


def foreign_model(env: Any, env_kwargs: Mapping[str, Any] | None = None) -> ForeignModel:
    """A foreign problem from a Gymnasium id, an environment, or a function that makes one.

    Raises:
        ScenariumError: It is none of these, the id is unknown, or the spaces are not supported.
    """
    if isinstance(env, str):
        return _checked(_from_id(env, dict(env_kwargs or {})))
    if env_kwargs:
        raise ScenariumError("env_kwargs go with an environment id; this env is already made")
    if isinstance(env, gymnasium.Env):
        return _checked(ForeignModel(None, env))
    if callable(env) and not inspect.isclass(env):
        made = env()
        if isinstance(made, gymnasium.Env):
            return _checked(ForeignModel(env, made))
    kinds = "an id, an environment, a Model, or a function that makes an environment"
    raise ScenariumError(f"env must be {kinds}, got {type(env).__name__}")


def _from_id(env_id: str, kwargs: dict[str, Any]) -> ForeignModel:
    def make() -> gymnasium.Env[Any, Any]:
        return gymnasium.make(env_id, **kwargs)

    try:
        env = make()
    except gymnasium.error.UnregisteredEnv as error:
        raise ScenariumError(f"environment id {env_id!r} is unknown: {error}") from None
    except gymnasium.error.Error as error:
        raise ScenariumError(f"{env_id} cannot be made: {error}") from None
    return ForeignModel(make, env, env_id, kwargs)


def _checked(model: ForeignModel) -> ForeignModel:
    observations = model.observation_space
    parts = list(observations.values()) if isinstance(observations, spaces.Dict) else [observations]
    if not all(isinstance(part, (spaces.Box, spaces.Discrete)) for part in parts):
        raise ScenariumError(f"observations must be Box, Discrete or a Dict of these, got {observations}")
    if not isinstance(model.action_space, (spaces.Box, spaces.Discrete, spaces.MultiDiscrete)):
        raise ScenariumError(f"actions must be Box, Discrete or MultiDiscrete, got {model.action_space}")
    return model
