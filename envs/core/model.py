"""The contract of every problem: an exogenous scenario plus a deterministic, pure, batched transition."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple, Self

import gymnasium

from scenarium.envs.core.errors import ScenariumError, unknown_name
from scenarium.envs.core.namespace import Array, Namespace
from scenarium.envs.core.scenario import Past, Scenario


class Outcome(NamedTuple):
    """What one period brought.

    Attributes:
        reward: [B] (a scalar for one world); with several roles a dict of [B, count].
        terminated: bool [B] (a bool for one world): the world ended by itself, not by the horizon.
        info: Arrays a person may look at, batch first; never part of an observation.
    """

    reward: Any
    terminated: Any
    info: dict[str, Array]


RewardFunction = Callable[[Outcome, Namespace], Array]
"""A reward computed from an outcome: `(outcome, xp) -> [B]`."""


@dataclass(frozen=True)
class Role:
    """Agents that share spaces and a clock, stacked on one axis inside the model.

    Attributes:
        name: Name of the role; its agents are called ``name`` (one) or ``name_0``, ``name_1``, ... (several).
        count: Number of agents; None for a lone agent without an agent axis.
        observation_space: Of one agent.
        action_space: Of one agent.
        every: The role acts in periods with t % every == 0; in others its action is ignored.
    """

    name: str
    observation_space: gymnasium.Space[Any]
    action_space: gymnasium.Space[Any]
    count: int | None = None
    every: int = 1


class Model(ABC):
    """A decision problem. Everything is pure: no method changes the model, the state or the scenario.

    Methods take the namespace `xp` the arrays belong to and `t`, an int when all worlds are in the same period or an
    int64 tensor [B] when they are not. Observations and actions are batch first. State leaves have their batch axis
    at `batch_axis`. The exogenous values of a period are a private matter between scenario and step.

    Attributes:
        horizon: Periods of an episode; reaching it truncates.
        terminates: Whether worlds may end before the horizon.
        chance: Whether worlds differ from seed to seed.
        batch_axis: Batch axis of the state's leaves, 0 or -1.
        gradient: "exact" (the step is differentiable as it stands), "relaxed" (use `relaxed()`), or "none".
        time_limit_is_terminal: Whether the horizon is a real end (no bootstrapping beyond it).
        rewards: The family's named rewards, for `reward=`.
        scripted: Part of a Box's range, as fractions, in which the fixed actions of fingerprints lie; narrower where
            wild actions would end a world at once.
        presentation: Keyword arguments that change how the problem is shown to an agent, not what it is.
        data_hash: SHA-256 of the data that the problem is made of beyond its code and arguments; "" if there is none.
        env_id: The id this model was made from, with `env_kwargs`; set by the registry.
    """

    horizon: int
    terminates: bool = False
    chance: bool = True
    batch_axis: int = 0
    gradient: Literal["exact", "relaxed", "none"] = "exact"
    time_limit_is_terminal: bool = False
    scripted: ClassVar[tuple[float, float]] = (0.0, 1.0)
    rewards: ClassVar[Mapping[str, RewardFunction]] = {}
    presentation: ClassVar[frozenset[str]] = frozenset()
    observation_space: gymnasium.Space[Any]
    action_space: gymnasium.Space[Any]
    data_hash: str = ""
    env_id: str = ""
    env_kwargs: Mapping[str, Any] = {}

    @abstractmethod
    def scenario(self, seeds: Array) -> Scenario:
        """The worlds of these seeds: a Python int for one, an int64 tensor [B] for many."""

    def renew(self, scenario: Scenario, seeds: Array, mask: Array) -> Scenario:
        """The scenario after the lanes of `mask` moved on to new worlds.

        A family whose scenarios are rolled out at some cost overrides this to keep what the other lanes have.

        Args:
            scenario: Of the worlds played so far.
            seeds: int64 [B], all lanes, the new ones included.
            mask: bool [B], the lanes whose world is new.
        """
        return self.scenario(seeds)

    @abstractmethod
    def initial(self, scenario: Scenario, xp: Namespace) -> Any:
        """The state before period 0."""

    @abstractmethod
    def step(self, state: Any, action: Any, exogenous: Any, t: Array, xp: Namespace) -> tuple[Any, Outcome]:
        """One period: the next state and what happened."""

    @abstractmethod
    def observe(self, state: Any, past: Past, t: Array, xp: Namespace) -> Any:
        """What the decision maker sees before acting in period t."""

    def action_mask(self, state: Any, t: Array, xp: Namespace) -> Any:
        """Which actions are allowed, as bool [B, n] (a dict by role for several roles), or None if all are."""
        return None

    @property
    def roles(self) -> tuple[Role, ...]:
        """Who acts. One lone agent unless a family says otherwise; several roles exchange dicts keyed by name."""
        return (Role("agent", self.observation_space, self.action_space),)

    def relaxed(self) -> Model:
        """The model for pathwise training; never used in evaluation.

        Raises:
            ScenariumError: The problem has no gradient.
        """
        if self.gradient != "exact":
            raise ScenariumError(
                f"{self.env_id or type(self).__name__} has no pathwise gradient; use a model-free agent"
            )
        return self

    def decide(self, action: Array, xp: Namespace) -> Array:
        """Turns an action of a relaxed model, such as weights on a menu, into one of the exact model's `native()`."""
        return action

    def native(self) -> Model:
        """The same problem with actions in natural units, for policies that reason in them."""
        return self

    def encode(self, action: Array, xp: Namespace) -> Array:
        """Turns an action of `native()` into one of this model's action space."""
        return action

    def render(self, state: Any, outcome: Outcome | None, t: int) -> Any:
        """The picture of one unbatched world as uint8 [height, width, 3]."""
        raise ScenariumError(f"{self.env_id or type(self).__name__} has no picture; use render_mode=None")

    def _reward(self, reward: str | RewardFunction, default: str) -> RewardFunction | None:
        """Resolves `reward=`; None stands for the default, which the step computes anyway."""
        if callable(reward):
            return reward
        if reward not in self.rewards:
            raise unknown_name("reward", reward, self.rewards)
        return None if reward == default else self.rewards[reward]

    def made_from(self, env_id: str, kwargs: Mapping[str, Any]) -> Self:
        """Notes the id and keyword arguments the model was made from, for checkpoints and results."""
        self.env_id, self.env_kwargs = env_id, dict(kwargs)
        return self
