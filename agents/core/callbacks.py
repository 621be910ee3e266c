"""Callbacks: what a user wants done, or decided, between the iterations of learning."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from scenarium.envs.core.errors import ScenariumError

if TYPE_CHECKING:
    from scenarium.agents.core.base import Agent

Metrics = Mapping[str, Any]
"""What an iteration measured: names to numbers or 0-dim tensors (which are not synchronised unless read)."""


@runtime_checkable
class Callback(Protocol):
    """Called around and during `learn`; `on_iteration` returning False stops it."""

    def on_start(self, agent: Agent) -> None:
        """Before the first iteration."""

    def on_iteration(self, agent: Agent, metrics: Metrics) -> bool | None:
        """After each iteration."""

    def on_end(self, agent: Agent) -> None:
        """After the last iteration, also when learning was stopped."""


CallbackLike = Callback | Callable[["Agent", Metrics], bool | None] | Sequence[Any] | None


class BaseCallback:
    """A callback that does nothing; override what you need."""

    def on_start(self, agent: Agent) -> None:
        """Does nothing."""

    def on_iteration(self, agent: Agent, metrics: Metrics) -> bool | None:
        """Goes on."""
        return None

    def on_end(self, agent: Agent) -> None:
        """Does nothing."""


class CallbackList(BaseCallback):
    """Several callbacks as one; any of them can stop learning, and all of them are called.

    Args:
        callbacks: None, a callback, a function ``(agent, metrics) -> bool | None``, or a sequence of these.

    Raises:
        ScenariumError: Something is neither a callback nor a function.
    """

    def __init__(self, callbacks: CallbackLike = None) -> None:
        if callbacks is None:
            callbacks = ()
        several = isinstance(callbacks, (list, tuple))
        self.callbacks = [_as_callback(c) for c in (callbacks if several else (callbacks,))]  # type: ignore[union-attr]

    def on_start(self, agent: Agent) -> None:
        for callback in self.callbacks:
            callback.on_start(agent)

    def on_iteration(self, agent: Agent, metrics: Metrics) -> bool:
        answers = [callback.on_iteration(agent, metrics) for callback in self.callbacks]
        return all(answer is not False for answer in answers)

    def on_end(self, agent: Agent) -> None:
        for callback in self.callbacks:
            callback.on_end(agent)


class _Function(BaseCallback):
    def __init__(self, function: Callable[..., bool | None]) -> None:
        self.function = function

    def on_iteration(self, agent: Agent, metrics: Metrics) -> bool | None:
        return self.function(agent, metrics)


def _as_callback(callback: Any) -> Callback:
    if isinstance(callback, Callback):
        return callback
    if callable(callback):
        return _Function(callback)
    raise ScenariumError(f"callback must have on_iteration or be a function, got {type(callback).__name__}")


class EvalCallback(BaseCallback):
    """Measures the policy on fixed worlds of the exact model from time to time.

    Args:
        every: Environment steps between measurements.
        seeds: Seeds of the worlds.
        periods: Periods played; the horizon by default.
        stop_at: Learning stops once the mean reward per period reaches this.
        patience: Learning stops after this many measurements in a row without a better one.
        save_best: Folder for a checkpoint of the best so far.

    Attributes:
        history: (environment steps, mean reward per period) of each measurement.
    """

    def __init__(
        self,
        every: int,
        seeds: Sequence[int],
        *,
        periods: int | None = None,
        stop_at: float | None = None,
        patience: int | None = None,
        save_best: str | Path | None = None,
    ) -> None:
        self.every, self.seeds, self.periods = every, list(seeds), periods
        self.stop_at, self.patience, self.save_best = stop_at, patience, save_best
        self.history: list[tuple[int, float]] = []
        self._next = every
        self._stale = 0

    def on_start(self, agent: Agent) -> None:
        self._next = agent.num_timesteps + self.every

    def on_iteration(self, agent: Agent, metrics: Metrics) -> bool | None:
        if agent.num_timesteps < self._next:
            return None
        self._next = agent.num_timesteps + self.every
        value = agent.mean_reward(self.seeds, self.periods)
        better = not self.history or value > max(v for _, v in self.history)
        self.history.append((agent.num_timesteps, value))
        agent.log("eval/mean_reward", value)
        self._stale = 0 if better else self._stale + 1
        if better and self.save_best is not None:
            agent.save(self.save_best)
        reached = self.stop_at is not None and value >= self.stop_at
        return not (reached or (self.patience is not None and self._stale >= self.patience))


class CheckpointCallback(BaseCallback):
    """Saves the agent from time to time.

    Args:
        folder: Where; with ``keep_all`` a subfolder for each, named by the environment steps.
        every: Environment steps between checkpoints, or None.
        seconds: Wall-clock seconds between checkpoints, or None.
        keep_all: Keep each checkpoint instead of replacing it.

    Raises:
        ScenariumError: Neither `every` nor `seconds` is given.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        every: int | None = None,
        *,
        seconds: float | None = None,
        keep_all: bool = False,
    ) -> None:
        if every is None and seconds is None:
            raise ScenariumError("CheckpointCallback needs every= (environment steps) or seconds=")
        self.folder, self.keep_all = Path(folder), keep_all
        self.every = math.inf if every is None else every
        self.seconds = math.inf if seconds is None else seconds

    def on_start(self, agent: Agent) -> None:
        self._restart_clocks(agent)

    def on_iteration(self, agent: Agent, metrics: Metrics) -> bool | None:
        if agent.num_timesteps >= self._next_step or time.monotonic() >= self._next_time:
            agent.save(self.folder / f"step_{agent.num_timesteps}" if self.keep_all else self.folder)
            self._restart_clocks(agent)
        return None

    def _restart_clocks(self, agent: Agent) -> None:
        self._next_step = agent.num_timesteps + self.every
        self._next_time = time.monotonic() + self.seconds
