"""Settings that agents share which choose by action values and explore with a small probability."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from scenarium.agents.core.config import Config
from scenarium.agents.core.schedules import parse_schedule


@dataclass(frozen=True)
class ValueConfig(Config):
    """Settings of worlds, exploration, discounting and step sizes; published values are PQN's for CartPole."""

    num_envs: int = 32
    """Worlds played side by side, at least 1. When it changes, keep transitions per gradient step the same."""

    steps: int = 64
    """Periods played between updates, at least 1."""

    learning_rate: float | str = "linear 0.0001"
    """Step size: a number or a schedule over all gradient steps such as "linear 0.0001" (to zero)."""

    gamma: float = 0.99
    """Discount factor, in [0, 1]."""

    epsilon_start: float = 1.0
    """Probability of a random action in the first rollout, in [0, 1]."""

    epsilon_end: float = 0.2
    """Probability of a random action once the schedule has ended, in [0, 1]; 0.001 to 0.05 in other problems."""

    epsilon_fraction: float = 0.2
    """Part of all rollouts over which the probability falls linearly, in [0, 1]."""

    max_grad_norm: float | None = 10.0
    """Gradients longer than this are shortened to it before the optimiser sees them; None never. Positive."""

    episode: int | None = None
    """Periods after which a training world is cut off and a new one begins, at least 1; what would have come is
    bootstrapped from. Short episodes keep worlds that wander off, under early policies, near the states that matter.
    None plays to the horizon."""

    time_limit_is_terminal: bool | None = None
    """Whether nothing is worth anything beyond a time limit. None takes the problem's own word, and bootstraps where
    `episode` cuts off; the source takes all ends for terminal."""

    reward_scale: float = 1.0
    """Factor on rewards in training, not 0. Values of order 1 to 10 suit the step size; 0.1 in the source."""

    levels: int | None = None
    """For Box actions: evenly spaced levels per axis to choose from, at least 2."""

    menu: Sequence[Any] | None = None
    """For Box actions: the actions to choose from, instead of levels."""

    compile: bool = False
    """Compile acting, targets and the update. Pays off in long runs; on CUDA they are also replayed as graphs."""

    def __post_init__(self) -> None:
        parse_schedule(self.learning_rate)
        for name in ("num_envs", "steps"):
            self._check(name, whole(1), "a whole number of at least 1")
        for name in ("gamma", "epsilon_start", "epsilon_end", "epsilon_fraction"):
            self._check(name, lambda v: 0 <= v <= 1, "in [0, 1]")
        self._check("max_grad_norm", lambda v: v > 0, "positive or None")
        self._check("reward_scale", lambda v: v != 0 and v == v, "a number other than 0")
        self._check("episode", whole(1), "a whole number of at least 1, or None")
        self._check("levels", whole(2), "a whole number of at least 2, or None")


def whole(least: int) -> Callable[[Any], bool]:
    """Whether a value is a whole number of at least this."""
    return lambda value: int(value) == value and value >= least
