"""Learning curves: what a policy earned while it was trained, on worlds that are neither trained on nor held out.

Training writes ``curve.json`` beside a checkpoint; a submission's manifest and its result carry the same record. A
curve is what its authors measured: it is shown, and nothing is ranked by it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import Field, model_validator

from scenarium.agents.core.callbacks import BaseCallback
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.files import write_atomic
from scenarium.leaderboard.record import Record
from scenarium.leaderboard.seeds import held_out_seeds

if TYPE_CHECKING:
    from scenarium.agents.core.base import Agent
    from scenarium.leaderboard.schema import Task

CURVE_FILE = "curve.json"
"""Beside a checkpoint: the curve of its training run."""
MAX_POINTS = 200
_DIGITS = 6

Numbers = Annotated[tuple[float, ...], Field(min_length=1, max_length=MAX_POINTS)]


class Curve(Record):
    """Points of a learning curve, in the order of training."""

    steps: Annotated[tuple[int, ...], Field(min_length=1, max_length=MAX_POINTS)]
    """Environment steps until each point, all worlds counted; increasing."""
    cpu_seconds: Numbers
    """CPU time of training alone until each point, seconds; not decreasing."""
    returns: Numbers
    """Mean return of the policy without exploration, in the task's metric, on validation worlds."""
    worlds: Annotated[int, Field(ge=1)]
    """Validation worlds behind each point, the same for all points."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        lengths = {len(self.steps), len(self.cpu_seconds), len(self.returns)}
        if len(lengths) > 1:
            raise ValueError(f"a curve needs as many steps, seconds and returns, got {sorted(lengths)}")
        if self.steps[0] < 0 or any(b <= a for a, b in zip(self.steps, self.steps[1:], strict=False)):
            raise ValueError("the steps of a curve must increase from 0 or more")
        if self.cpu_seconds[0] < 0 or any(b < a for a, b in zip(self.cpu_seconds, self.cpu_seconds[1:], strict=False)):
            raise ValueError("the CPU seconds of a curve must not decrease")
        return self


def read_curve(folder: str | os.PathLike[str]) -> Curve | None:
    """The curve of a training run, or None if it has none.

    Raises:
        ScenariumError: The file is there and wrong.
    """
    path = Path(folder) / CURVE_FILE
    return Curve.parse(path.read_bytes(), str(path)) if path.is_file() else None


def task_of(agent: Agent, tasks: Mapping[str, Task]) -> Task | None:
    """The first task on an agent's environment that its policy can play; None if there is none."""
    from scenarium.leaderboard.evaluation import task_model

    mine = agent.model
    for task in tasks.values():
        if task.env_id == str(mine.env_id).removeprefix("scenarium:"):
            played = task_model(task, dict(mine.env_kwargs))
            if (played.observation_space, played.action_space) == (mine.observation_space, mine.action_space):
                return task
    return None


class CurveCallback(BaseCallback):
    """Measures the policy at even distances of training and keeps the curve in a file.

    Args:
        folder: Folder of the training run; a curve found in it is gone on with as far as the agent has got.
        task: Whose metric and validation worlds are used.
        total_timesteps: Environment steps of the whole run.
        points: Measurements in all.
        worlds: Validation worlds behind each.
        spent: CPU seconds that earlier parts of the run took.

    Attributes:
        measuring: CPU seconds spent on measuring, which are not training.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        task: Task,
        total_timesteps: int,
        *,
        points: int = 24,
        worlds: int = 64,
        spent: float = 0.0,
    ) -> None:
        if not 1 <= points <= MAX_POINTS:
            raise ScenariumError(f"points must lie in [1, {MAX_POINTS}], got {points}")
        self.path, self.task = Path(folder) / CURVE_FILE, task
        self.every = max(1, total_timesteps // points)
        self.seeds = [int(seed) for seed in held_out_seeds(task.env_id, "validation", task.commitment, worlds)]
        self.measuring = 0.0
        self._spent, self._points = spent, list[tuple[int, float, float]]()
        self._start = time.process_time()

    def on_start(self, agent: Agent) -> None:
        earlier = read_curve(self.path.parent) if agent.num_timesteps else None
        if earlier is not None:
            found = zip(earlier.steps, earlier.cpu_seconds, earlier.returns, strict=True)
            self._points = [point for point in found if point[0] <= agent.num_timesteps]
        # A run that was killed could not write what it spent; the curve then knows better.
        self._spent = max([self._spent, *(seconds for _, seconds, _ in self._points)])
        self._start = time.process_time()

    def on_iteration(self, agent: Agent, metrics: Any) -> None:
        last = self._points[-1][0] if self._points else 0
        if agent.num_timesteps >= (last // self.every + 1) * self.every and len(self._points) < MAX_POINTS - 1:
            self._measure(agent)

    def on_end(self, agent: Agent) -> None:
        if not self._points or self._points[-1][0] < agent.num_timesteps:
            self._measure(agent)

    def _measure(self, agent: Agent) -> None:
        from scenarium.leaderboard.evaluation import evaluate, task_model

        before, task = time.process_time(), self.task
        seconds = self._spent + before - self._start - self.measuring
        outcome = evaluate(
            agent, task_model(task, dict(agent.model.env_kwargs)), self.seeds, periods=task.horizon,
            warm_up=task.warm_up, aggregate=task.aggregate, chunk=task.chunk, device=str(agent.device),
        )  # fmt: skip
        self._points.append((agent.num_timesteps, round(seconds, 3), float(f"{outcome.mean:.{_DIGITS}g}")))
        agent.log("validation/return", outcome.mean)
        steps, cpu, returns = (tuple(column) for column in zip(*self._points, strict=True))
        curve = Curve(steps=steps, cpu_seconds=cpu, returns=returns, worlds=len(self.seeds))
        write_atomic(self.path, curve.to_json(indent=None))
        self.measuring += time.process_time() - before
