"""One world with several agents as a `pettingzoo.ParallelEnv`."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from pettingzoo import ParallelEnv

from scenarium.envs.core.env import discrete_action, horizon_of
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.model import Model, Outcome, Role
from scenarium.envs.core.namespace import NUMPY
from scenarium.envs.core.registry import make_model
from scenarium.envs.core.scenario import Scenario
from scenarium.envs.core.tree import tree_map


class ScenariumParallelEnv(ParallelEnv):  # type: ignore[misc]
    """One world of a model, its agents acting at the same time.

    A role without a count is one agent of the role's name; a role with a count is ``name_0``, ``name_1``, ... All
    agents live until the world ends. Agents of a role with a slower clock (`Role.every`) stay too: they observe and
    earn in every period, and what they do off their clock is ignored and may be left out. Where the model masks a
    role's actions, its observation is ``{"observation": ..., "action_mask": int8}``; for several choices at once
    (MultiDiscrete) the mask is a tuple with one array per choice, as the space's `sample` takes it.

    Worlds are seeded as in `ScenariumEnv`: ``reset(seed=s)`` plays world s, later resets s + 1, s + 2, ...

    Args:
        model: A problem; one lone agent is a special case.
        render_mode: None or "rgb_array".
        max_episode_steps: A shorter (or longer) horizon than the model's.

    Raises:
        ScenariumError: The render mode is unknown, or the horizon is not positive.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 4, "name": "scenarium_v0"}

    def __init__(self, model: Model, render_mode: str | None = None, max_episode_steps: int | None = None) -> None:
        if render_mode not in (None, "rgb_array"):
            raise ScenariumError(f"render_mode {render_mode!r} is unknown; use 'rgb_array' or None")
        self.model, self.render_mode = model, render_mode
        self.horizon = horizon_of(model, max_episode_steps)
        self.world: int | None = None
        """Seed of the world being played."""
        self._members = {role.name: _members(role) for role in model.roles}
        self._role_of = {agent: role for role in model.roles for agent in self._members[role.name]}
        self._place = {
            agent: (role.name, None if role.count is None else number)
            for role in model.roles
            for number, agent in enumerate(self._members[role.name])
        }
        self.possible_agents = list(self._role_of)
        self.agents: list[str] = []
        self.observation_spaces, self.action_spaces = self._spaces()
        self._t = 0
        self._state: Any = None
        self._scenario: Scenario
        self._outcome: Outcome | None = None

    def _spaces(self) -> tuple[dict[str, gymnasium.Space[Any]], dict[str, gymnasium.Space[Any]]]:
        """The spaces of every agent; whether a role has masks is seen in the first state of world 0."""
        first = self.model.initial(self.model.scenario(0), NUMPY)
        masks = self._by_agent(self.model.action_mask(first, 0, NUMPY))
        observations: dict[str, gymnasium.Space[Any]] = {}
        for agent, role in self._role_of.items():
            observations[agent] = role.observation_space
            if masks[agent] is not None:
                observations[agent] = gymnasium.spaces.Dict(
                    {"observation": role.observation_space, "action_mask": _mask_space(role.action_space, masks[agent])}
                )
        # A copy each, so that seeding one agent's space leaves the others' alone.
        return observations, {agent: copy.deepcopy(role.action_space) for agent, role in self._role_of.items()}

    def observation_space(self, agent: str) -> gymnasium.Space[Any]:
        """The same object at every call, as PettingZoo wants it."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> gymnasium.Space[Any]:
        """The same object at every call, as PettingZoo wants it."""
        return self.action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """Starts the world of this seed, or the next one (a random one at first).

        Args:
            seed: World to play, >= 0.
            options: Not used.
        """
        if seed is not None:
            self.world = int(seed)
        else:
            self.world = int(np.random.default_rng().integers(1 << 31)) if self.world is None else self.world + 1
        self._scenario = self.model.scenario(self.world)
        self._state = self.model.initial(self._scenario, NUMPY)
        self._t, self._outcome = 0, None
        self.agents = list(self.possible_agents)
        return self._observe(), {agent: {} for agent in self.agents}

    def step(
        self, actions: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]]:
        """Plays one period.

        Args:
            actions: By agent; agents off their clock may be left out.

        Raises:
            ScenariumError: An action is missing, has the wrong shape or is out of range, or the episode is over.
        """
        if not self.agents:
            raise ScenariumError("step() before reset(), or after the end of the episode; call reset() first")
        t, agents = self._t, self.agents
        exogenous = self._scenario.at(t)
        self._state, outcome = self.model.step(self._state, self._stacked(actions), exogenous, t, NUMPY)
        self._t, self._outcome = t + 1, outcome
        terminated = bool(outcome.terminated)
        truncated = t + 1 >= self.horizon and not terminated
        if terminated or truncated:
            self.agents = []
        rewards = self._by_agent(outcome.reward)
        return (
            self._observe(),
            {agent: float(rewards[agent]) for agent in agents},
            dict.fromkeys(agents, terminated),
            dict.fromkeys(agents, truncated),
            {agent: dict(outcome.info) for agent in agents},
        )

    def render(self) -> Any:
        """The picture of the world as uint8 [height, width, 3], or None without a render mode."""
        if self.render_mode is None:
            return None
        if self._state is None:
            raise ScenariumError("render() before reset(); call reset() first")
        return self.model.render(self._state, self._outcome, self._t)

    def _observe(self) -> dict[str, Any]:
        seen = self._by_agent(self.model.observe(self._state, self._scenario.until(self._t), self._t, NUMPY))
        masks = self._by_agent(self.model.action_mask(self._state, self._t, NUMPY))
        return {
            agent: seen[agent]
            if masks[agent] is None
            else {"observation": seen[agent], "action_mask": _mask(self._role_of[agent].action_space, masks[agent])}
            for agent in self.possible_agents
        }

    def _by_agent(self, values: Any) -> dict[str, Any]:
        """Takes apart what a model returns: by role, then along the role's axis of agents."""
        if len(self._members) == 1 or values is None:
            values = dict.fromkeys(self._members, values)
        parts = {}
        for agent, (role, number) in self._place.items():
            value = values.get(role)
            parts[agent] = value if number is None or value is None else _one(value, number)
        return parts

    def _stacked(self, actions: Mapping[str, Any]) -> Any:
        """The actions as the model takes them: by role, its agents stacked."""
        stranger = next((agent for agent in actions if agent not in self._role_of), None)
        if stranger is not None:
            raise ScenariumError(f"{stranger!r} is not an agent; the agents are {', '.join(self.possible_agents)}")
        stacked: dict[str, Any] = {}
        for role in self.model.roles:
            each = [self._checked(agent, role, actions) for agent in self._members[role.name]]
            stacked[role.name] = each[0] if role.count is None else np.stack(each)
        return stacked if len(stacked) > 1 else next(iter(stacked.values()))

    def _checked(self, agent: str, role: Role, actions: Mapping[str, Any]) -> Any:
        space = role.action_space
        if self._t % role.every:
            return np.zeros(space.shape or (), space.dtype)
        if agent not in actions:
            raise ScenariumError(f"no action for {agent!r}, which acts in period {self._t}")
        if not isinstance(space, gymnasium.spaces.Box):
            return discrete_action(space, actions[agent], agent)
        action = np.asarray(actions[agent], np.float32)
        if action.shape != space.shape or not np.isfinite(action).all():
            raise ScenariumError(f"action of {agent!r} is {action!r}; expected finite numbers of shape {space.shape}")
        return action


def _mask(space: gymnasium.Space[Any], allowed: Any) -> Any:
    """A mask in the form `space.sample` takes: int8, one array per choice where there are several."""
    flags = np.asarray(allowed, np.int8)
    if isinstance(space, gymnasium.spaces.MultiDiscrete):
        return tuple(row[:count] for row, count in zip(flags, space.nvec, strict=True))
    return flags


def _mask_space(space: gymnasium.Space[Any], allowed: Any) -> gymnasium.Space[Any]:
    flags = _mask(space, allowed)
    if isinstance(flags, tuple):
        return gymnasium.spaces.Tuple([gymnasium.spaces.Box(0, 1, row.shape, np.int8) for row in flags])
    return gymnasium.spaces.Box(0, 1, flags.shape, np.int8)


def _members(role: Role) -> list[str]:
    return [role.name] if role.count is None else [f"{role.name}_{number}" for number in range(role.count)]


def _one(tree: Any, number: int) -> Any:
    if isinstance(tree, np.ndarray):
        return tree[number]
    if isinstance(tree, dict):
        return {name: _one(value, number) for name, value in tree.items()}
    return tree_map(lambda leaf: leaf[number], tree)


def parallel_env(
    env_id: str, render_mode: str | None = None, max_episode_steps: int | None = None, **kwargs: Any
) -> ScenariumParallelEnv:
    """One world of an id as a `pettingzoo.ParallelEnv`, of several agents or of one.

    Args:
        env_id: A registered id such as ``"TaxWorld-v0"``.
        render_mode: None or "rgb_array".
        max_episode_steps: A shorter (or longer) horizon than the model's.
        **kwargs: Arguments of the family's factory.

    Raises:
        ScenariumError: As `make_model` and `ScenariumParallelEnv`.
    """
    return ScenariumParallelEnv(make_model(env_id, **kwargs), render_mode, max_episode_steps)
