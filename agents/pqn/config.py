"""Settings of PQN and of PQN with memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from scenarium.agents.core.config import Config
from scenarium.agents.core.schedules import parse_schedule
from scenarium.envs.core.errors import ScenariumError


@dataclass(frozen=True)
class PQNConfig(Config):
    """Settings of PQN; published values are from the authors' settings for CartPole unless stated."""

    num_envs: int = 32
    """Worlds played side by side, at least 1. When it changes, keep transitions per gradient step the same."""

    steps: int = 64
    """Periods played between updates, at least 1."""

    epochs: int = 4
    """Passes over each rollout, at least 1."""

    minibatches: int = 16
    """Parts into which a pass divides the rollout, at least 1; `num_envs` times `steps` is a multiple of it."""

    learning_rate: float | str = "linear 0.0001"
    """Step size: a number or a schedule over all gradient steps such as "linear 0.0001" (to zero)."""

    gamma: float = 0.99
    """Discount factor, in [0, 1]."""

    trace: float = 0.95
    """Lambda of the returns, in [0, 1]: 0 looks one step ahead, 1 to the end of the rollout. 0.65 for Atari."""

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
        for name in ("num_envs", "steps", "epochs", "minibatches"):
            self._check(name, lambda v: int(v) == v and v >= 1, "a whole number of at least 1")
        for name in ("gamma", "trace", "epsilon_start", "epsilon_end", "epsilon_fraction"):
            self._check(name, lambda v: 0 <= v <= 1, "in [0, 1]")
        self._check("max_grad_norm", lambda v: v > 0, "positive or None")
        self._check("reward_scale", lambda v: v != 0 and v == v, "a number other than 0")
        self._check("episode", lambda v: int(v) == v and v >= 1, "a whole number of at least 1, or None")
        self._check("levels", lambda v: int(v) == v and v >= 2, "a whole number of at least 2, or None")
        self._check_minibatches()

    def _check_minibatches(self) -> None:
        if self.num_envs * self.steps % self.minibatches:
            total = f"num_envs * steps = {self.num_envs * self.steps}"
            raise ScenariumError(f"{total} must be a multiple of minibatches, {self.minibatches}")


@dataclass(frozen=True)
class PQNRNNConfig(PQNConfig):
    """Settings of PQN with memory; published values are from the authors' settings for a memory chain."""

    steps: int = 128
    learning_rate: float | str = 0.001
    epsilon_end: float = 0.01

    window: int = 4
    """Steps of the last rollout that begin each training sequence, from 0 up to `steps`; their first state is the
    one they were played with."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check("window", lambda v: int(v) == v and 0 <= v <= self.steps, "a whole number from 0 to steps")

    def _check_minibatches(self) -> None:
        if self.num_envs % self.minibatches:
            raise ScenariumError(f"num_envs {self.num_envs} must be a multiple of minibatches, {self.minibatches}")
