"""The objective of HDPO: the mean reward of unrolled worlds, as a differentiable function of the policy."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from scenarium.envs.core.model import Model
from scenarium.envs.core.rollout import Act, absorbing_step
from scenarium.envs.core.scenario import Scenario
from scenarium.envs.core.tree import tree_map


class Course(NamedTuple):
    """Where a batch of worlds stands.

    Attributes:
        state: State tree.
        memory: The policy's memory, None at the start.
        alive: bool [B], or None while no world has ended.
    """

    state: Any
    memory: Any = None
    alive: Any = None

    def detached(self) -> Course:
        """The same without a gradient to what came before."""
        return Course(*(None if part is None else tree_map(_detach, part) for part in self))


def _detach(leaf: Any) -> Any:
    return leaf.detach() if isinstance(leaf, Tensor) else leaf


def play(
    model: Model, scenario: Scenario, act: Act, course: Course, start: Any, periods: range, skip: int = 0
) -> tuple[Course, Tensor]:
    """Plays some periods and adds up the rewards: `unroll` from any state, as one function of tensors.

    Args:
        model: The problem with native actions.
        scenario: Its worlds.
        act: The policy.
        course: Where the worlds stand.
        start: State before period 0, from which ended worlds compute meanwhile.
        periods: Which periods.
        skip: Periods before this one count for nothing.

    Returns:
        Where the worlds stand afterwards, and the sum of rewards [B].
    """
    xp = scenario.xp
    state, memory, alive = course
    total: Any = torch.zeros(scenario.seeds.shape, device=scenario.seeds.device)
    for t in periods:
        observation = model.observe(state, scenario.until(t), t, xp)
        action, memory = act(observation, memory, t)
        if model.terminates:
            state, outcome = absorbing_step(model, state, start, alive, action, scenario.at(t), t, xp)
            alive = ~outcome.terminated if alive is None else alive & ~outcome.terminated
        else:
            state, outcome = model.step(state, action, scenario.at(t), t, xp)
        if t >= skip:
            total = total + outcome.reward
    return Course(state, memory, alive), total


def pathwise_losses(
    model: Model,
    scenario: Scenario,
    act: Act,
    course: Course,
    periods: range,
    *,
    skip: int = 0,
    truncate: int | None = None,
    recompute: bool = False,
) -> Iterator[tuple[Tensor, Course]]:
    """Minus the mean reward per world and period, in parts whose gradients add up.

    One part, unless the gradient through the state is cut every `truncate` periods: then one part per cut, to be
    differentiated as it comes, so that memory holds only one.

    Args:
        model: The problem with native actions.
        scenario: Its worlds.
        act: The policy.
        course: Where the worlds stand before the first period.
        periods: Which periods.
        skip: First periods that count for nothing.
        truncate: Periods between cuts, or None.
        recompute: Recompute activations in segments of about sqrt(periods).

    Yields:
        A part of the loss, and where the worlds stand after it.
    """
    count = len(periods)
    start = model.initial(scenario, scenario.xp) if model.terminates else None
    scale = -1.0 / max(1, count - skip)
    inner = math.ceil(math.sqrt(count)) if recompute else count
    for outer in _pieces(periods, truncate or count):
        loss: Any = 0.0
        for piece in _pieces(outer, inner):
            segment: Callable[..., Any] = play
            if recompute:
                segment = _recomputed
            course, total = segment(model, scenario, act, course, start, piece, periods.start + skip)
            loss = loss + total.mean() * scale
        yield loss, course
        course = course.detached()


def _recomputed(*arguments: Any) -> Any:
    return checkpoint(play, *arguments, use_reentrant=False)


def _pieces(periods: range, length: int) -> Iterator[range]:
    for first in range(periods.start, periods.stop, length):
        yield range(first, min(first + length, periods.stop))
