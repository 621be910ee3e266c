"""One role of a problem as the agent, the other roles played by fixed policies that belong to the world."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from scenarium.envs.core.errors import ScenariumError, unknown_name
from scenarium.envs.core.model import Model, Outcome, Role
from scenarium.envs.core.namespace import Array, Namespace
from scenarium.envs.core.rollout import absorbing_step
from scenarium.envs.core.scenario import Past, Scenario
from scenarium.envs.core.tree import tree_map, tree_select


class RolePolicy(Protocol):
    """A fixed policy of one role; pure, so that the world it lives in is."""

    def initial(self, scenario: Scenario, xp: Namespace) -> Any:
        """The memory before period 0: a tree of arrays with the model's batch axis, or None without memory."""

    def act(self, observation: Any, memory: Any, mask: Any, t: Array, xp: Namespace) -> tuple[Any, Any]:
        """The role's action ([B, ...], or [B, count, ...] with several agents) and its next memory."""


class Embedded(NamedTuple):
    """State of a world that contains policies.

    Attributes:
        inner: State of the inner problem.
        memories: Memory of every embedded policy, by role.
    """

    inner: Any
    memories: dict[str, Any]


class _Block(NamedTuple):
    """The inner periods of one step.

    Attributes:
        values: Their exogenous values: one tree each, or in a batch one tree of arrays [every, ...].
        scenario: Where they are from.
        first: The first of them.
    """

    values: Any
    scenario: Scenario
    first: Array

    def at(self, j: Array) -> Any:
        """The values of inner period `first` + j; a compiler's loop counts in tensors."""
        if not self.scenario.xp.batched:
            return self.values[j]
        if isinstance(j, int):
            return tree_map(lambda leaf: leaf[j], self.values)
        return tree_map(lambda leaf: leaf.index_select(0, j.reshape(1))[0], self.values)

    def until(self, j: Array) -> Past:
        """The view of what was before it, which the policies inside observe."""
        return self.scenario.until(self.first + j)


class _Blocks(Scenario):
    """A scenario in outer periods of `every` inner ones each."""

    def __init__(self, inner: Scenario, every: int) -> None:
        super().__init__(inner.seeds)
        self.inner, self._every = inner, every

    def at(self, t: Array) -> _Block:
        first, xp = t * self._every, self.xp
        values: Any = [self.inner.at(first + j) for j in range(self._every)]
        if xp.batched:
            values = tree_map(lambda *leaves: xp.stack(leaves, 0), *values)
        return _Block(values, self.inner, first)

    def span(self, first: Array, length: int) -> Array:
        """Inner periods, `every` for each outer one."""
        return self.inner.span(first * self._every, length * self._every)

    def until(self, t: Array) -> Past:
        return self.inner.until(t * self._every)


class WithPolicies(Model):
    """A problem in which one role is the agent and fixed policies play the others.

    One step is `every` periods of the inner problem: the agent's action is held, the reward is the sum, the info is
    that of the last period, and a world that ends in between stays as it is. An embedded policy's memory changes in
    the periods its role acts in (`Role.every`) and in no others.

    Args:
        model: A problem with several roles.
        role: Name of the role that stays an agent.
        others: A policy for each of the other roles.
        every: Inner periods a step; it must divide the model's horizon.

    Raises:
        ScenariumError: A role is unknown or has no policy, or `every` does not divide the horizon.
    """

    def __init__(self, model: Model, role: str, others: Mapping[str, RolePolicy], every: int = 1) -> None:
        roles = {one.name: one for one in model.roles}
        if role not in roles:
            raise unknown_name("role", role, roles)
        wanted = roles.keys() - {role}
        if others.keys() != wanted:
            raise ScenariumError(f"policies given for {sorted(others)}; {role!r} as agent needs {sorted(wanted)}")
        if every < 1 or model.horizon % every:
            raise ScenariumError(f"every is {every}; it must divide the horizon of {model.horizon} periods")
        self.model, self.role, self.others, self.every = model, role, dict(others), every
        self.horizon = model.horizon // every
        self.terminates, self.batch_axis, self.gradient = model.terminates, model.batch_axis, model.gradient
        self.time_limit_is_terminal = model.time_limit_is_terminal
        agent = roles[role]
        self.observation_space, self.action_space = agent.observation_space, agent.action_space
        clock = agent.every // every if agent.every % every == 0 else 1
        self._agent = Role(role, agent.observation_space, agent.action_space, agent.count, clock)
        self._clocks = {name: roles[name].every for name in others}

    @property
    def roles(self) -> tuple[Role, ...]:
        return (self._agent,)

    def scenario(self, seeds: Array) -> Scenario:
        return _Blocks(self.model.scenario(seeds), self.every)

    def initial(self, scenario: Scenario, xp: Namespace) -> Embedded:
        assert isinstance(scenario, _Blocks)
        memories = {name: policy.initial(scenario.inner, xp) for name, policy in self.others.items()}
        return Embedded(self.model.initial(scenario.inner, xp), memories)

    def step(
        self, state: Embedded, action: Any, exogenous: _Block, t: Array, xp: Namespace
    ) -> tuple[Embedded, Outcome]:
        start, first = state.inner, t * self.every

        def period(j: Array, before: tuple[Embedded, Any, Any, Any]) -> tuple[Embedded, Any, Any, Any]:
            state, reward, alive, _ = before
            now = first + j
            actions, memories = self._act(state, action, exogenous.until(j), now, xp)
            inner, outcome = absorbing_step(self.model, state.inner, start, alive, actions, exogenous.at(j), now, xp)
            if alive is not None:
                memories = tree_select(xp, alive, memories, state.memories, self.batch_axis)
            alive = outcome.terminated ^ True if self.terminates else None
            return Embedded(inner, memories), reward + self._mine(outcome.reward), alive, outcome.info

        played = period(0, (state, 0.0, None, None))
        if self.gradient == "none":
            state, reward, alive, info = xp.repeat(1, self.every, period, played)
        else:  # gradients flow through all periods
            for j in range(1, self.every):
                played = period(j, played)
            state, reward, alive, info = played
        return state, Outcome(reward, False if alive is None else alive ^ True, info)

    def observe(self, state: Embedded, past: Past, t: Array, xp: Namespace) -> Any:
        return self._mine(self.model.observe(state.inner, past, t * self.every, xp))

    def action_mask(self, state: Embedded, t: Array, xp: Namespace) -> Any:
        masks = self.model.action_mask(state.inner, t * self.every, xp)
        return masks.get(self.role) if masks is not None and self.others else masks

    def relaxed(self) -> Model:
        if self.gradient != "relaxed":
            return super().relaxed()
        return WithPolicies(self.model.relaxed(), self.role, self.others, self.every)

    def render(self, state: Embedded, outcome: Outcome | None, t: int) -> Any:
        return self.model.render(state.inner, outcome, t * self.every)

    def _act(self, state: Embedded, action: Any, past: Past, now: Array, xp: Namespace) -> tuple[Any, dict[str, Any]]:
        """Everybody's action in inner period `now`, and the policies' next memories."""
        seen = self.model.observe(state.inner, past, now, xp)
        masks = self.model.action_mask(state.inner, now, xp)
        if not self.others:
            return action, {}
        actions, memories = {self.role: action}, {}
        for name, policy in self.others.items():
            old, mask = state.memories[name], None if masks is None else masks.get(name)
            actions[name], new = policy.act(seen[name], old, mask, now, xp)
            memories[name] = self._on_clock(now, self._clocks[name], new, old, xp)
        return actions, memories

    def _on_clock(self, now: Array, clock: int, new: Any, old: Any, xp: Namespace) -> Any:
        if clock == 1 or old is None:
            return new
        if isinstance(now, int):
            return old if now % clock else new
        return tree_select(xp, now % clock == 0, new, old, self.batch_axis)

    def _mine(self, by_role: Any) -> Any:
        """What is the agent's among values by role (a problem with one role has no dict)."""
        return by_role[self.role] if self.others else by_role
