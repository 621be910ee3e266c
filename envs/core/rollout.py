"""Unrolling a model under a policy: the one loop behind training by gradients, evaluation and replay."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from scenarium.envs.core.model import Model, Outcome
from scenarium.envs.core.namespace import Array, Namespace
from scenarium.envs.core.scenario import Scenario
from scenarium.envs.core.tree import tree_map, tree_select

Act = Callable[[Any, Any, int], tuple[Any, Any]]
"""A policy inside a rollout: `(observation, memory, t) -> (action, memory)`; memory starts as None."""


@dataclass(frozen=True)
class MaskedAct:
    """A policy inside a rollout that also wants to know which actions are allowed.

    Attributes:
        act: `(observation, memory, t, mask) -> (action, memory)`, with the mask as `Model.action_mask` gives it.
    """

    act: Callable[[Any, Any, int, Any], tuple[Any, Any]]


AnyAct = Act | MaskedAct


def choose(act: AnyAct, model: Model, state: Any, observation: Any, memory: Any, t: int, xp: Namespace) -> Any:
    """A policy's `(action, memory)` in period t; the mask is computed only for those who want it."""
    if isinstance(act, MaskedAct):
        return act.act(observation, memory, t, model.action_mask(state, t, xp))
    return act(observation, memory, t)


class Moment(NamedTuple):
    """One period of a rollout.

    Attributes:
        t: The period.
        state: The state before it.
        observation: What the policy saw.
        action: What it did.
        outcome: What followed; zero reward in worlds that had ended.
        alive: bool [B], whether the world had not ended before this period; None if worlds cannot end early.
        after: The state after it.
    """

    t: int
    state: Any
    observation: Any
    action: Any
    outcome: Outcome
    alive: Any
    after: Any


def unroll(model: Model, scenario: Scenario, act: AnyAct, periods: int | None = None) -> Iterator[Moment]:
    """Plays `periods` periods (the horizon by default) of every world of the scenario, yielding each.

    Worlds that end early are absorbing: their state is frozen and their reward 0. What they compute meanwhile starts
    from the initial state, so that gradients through them stay finite.

    Args:
        model: The problem.
        scenario: Its worlds.
        act: The policy.
        periods: How many periods; an infinite-horizon measurement may exceed the model's horizon.
    """
    xp = scenario.xp
    start = state = model.initial(scenario, xp)
    memory: Any = None
    alive: Any = None
    for t in range(model.horizon if periods is None else periods):
        observation = model.observe(state, scenario.until(t), t, xp)
        action, memory = choose(act, model, state, observation, memory, t, xp)
        if not model.terminates:
            after, outcome = model.step(state, action, scenario.at(t), t, xp)
            yield Moment(t, state, observation, action, outcome, None, after)
        else:
            after, outcome = absorbing_step(model, state, start, alive, action, scenario.at(t), t, xp)
            yield Moment(t, state, observation, action, outcome, alive, after)
            alive = outcome.terminated ^ True
        state = after


def absorbing_step(
    model: Model, state: Any, start: Any, alive: Array, action: Any, exogenous: Any, t: Array, xp: Any
) -> tuple[Any, Outcome]:
    """A step in which ended worlds (`alive` false; None means all live) stay as they are and earn nothing."""
    if alive is None:
        return model.step(state, action, exogenous, t, xp)
    safe = tree_select(xp, alive, state, start, model.batch_axis)
    after, outcome = model.step(safe, action, exogenous, t, xp)
    after = tree_select(xp, alive, after, state, model.batch_axis)
    reward = tree_map(lambda r: tree_select(xp, alive, r, r * 0), outcome.reward)
    return after, outcome._replace(reward=reward, terminated=outcome.terminated | (alive ^ True))


def counted_rewards(model: Model, scenario: Scenario, act: AnyAct, periods: int, warm_up: int = 0) -> Array:
    """Sum of every world's rewards after a warm-up, float64 [B]; only sums are kept, whatever the number of periods.

    Args:
        model: The problem.
        scenario: Its worlds.
        act: The policy.
        periods: Periods played.
        warm_up: First periods, played but not counted.
    """
    counted = (moment for moment in unroll(model, scenario, act, periods) if moment.t >= warm_up)
    return sum((scenario.xp.cast(moment.outcome.reward, "double") for moment in counted), start=0.0)


def replay(model: Model, seed: int, actions: Sequence[Any]) -> list[Moment]:
    """Plays one world again from its seed and its actions."""
    return list(unroll(model, model.scenario(seed), lambda _, __, t: (actions[t], None), len(actions)))
