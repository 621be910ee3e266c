"""Made-up tasks and results for the leaderboard's tests."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from scenarium.leaderboard.schema import Result, RunResult, Summary, Task, Value

ResultMaker = Callable[..., Result]


def make_value(mean: float, kind: str, **changes: Any) -> dict[str, Any]:
    proof = {"floor": "simple policy", "reference": "best known", "bound": "bound", "shown": "simple policy"}
    fields = {"mean": mean, "std_error": 0.01, "command": "command", "kind": kind, "proof": proof[kind]}
    return Value.parse({**fields, **changes}).model_dump(mode="json")


@pytest.fixture
def task_data() -> dict[str, Any]:
    """JSON of a task whose floor is -6 and whose reference is -5, so that score = return + 6."""
    return {
        "schema_version": 1,
        "name": "toy",
        "title": "Toy task",
        "env_id": "Toy-v0",
        "horizon": 10,
        "warm_up": 2,
        "worlds": 8,
        "chunk": 4,
        "salt": "round-1",
        "metric": "reward per period",
        "floor": make_value(-6.0, "floor"),
        "reference": make_value(-5.0, "reference"),
        "bound": make_value(-4.9, "bound"),
        "random": make_value(-9.0, "shown", name="random actions"),
    }


@pytest.fixture
def task(task_data: dict[str, Any]) -> Task:
    return Task.parse(task_data)


@pytest.fixture
def make_result(task: Task) -> ResultMaker:
    """Build a result of the toy task from the runs' mean scores, with a little spread over worlds."""

    def make(slug: str, scores: Sequence[float], **changes: Any) -> Result:
        ripple = np.linspace(-0.02, 0.02, task.worlds)
        runs = tuple(
            RunResult.from_returns(seed, f"{seed:064x}", score - 6.0 + ripple) for seed, score in enumerate(scores)
        )
        summary = {
            "agent": "hdpo",
            "title": slug,
            "track": "known-model",
            "ruleset": "tuned",
            "deterministic": False,
            "authors": ("Ada",),
            "licence": "MIT",
        }
        fields = {
            "task": task.name,
            "task_version": task.version,
            "task_digest": task.digest(),
            "slug": slug,
            "fingerprint": "f",
            "status": "verified",
            "evaluated": datetime.date(2025, 1, 2),
            "command": "command",
            "runs": runs,
        }
        mine = {name: value for name, value in changes.items() if name in Summary.model_fields}
        theirs = {name: value for name, value in changes.items() if name not in Summary.model_fields}
        return Result(**{**fields, "summary": Summary(**{**summary, **mine}), **theirs})

    return make
