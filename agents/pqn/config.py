"""Settings of PQN and of PQN with memory."""

from __future__ import annotations

from dataclasses import dataclass

from scenarium.agents.core.value_config import ValueConfig, whole
from scenarium.envs.core.errors import ScenariumError


@dataclass(frozen=True)
class PQNConfig(ValueConfig):
    """Settings of PQN; published values are from the authors' settings for CartPole unless stated."""

    epochs: int = 4
    """Passes over each rollout, at least 1."""

    minibatches: int = 16
    """Parts into which a pass divides the rollout, at least 1; `num_envs` times `steps` is a multiple of it."""

    trace: float = 0.95
    """Lambda of the returns, in [0, 1]: 0 looks one step ahead, 1 to the end of the rollout. 0.65 for Atari."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("epochs", "minibatches"):
            self._check(name, whole(1), "a whole number of at least 1")
        self._check("trace", lambda v: 0 <= v <= 1, "in [0, 1]")
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
