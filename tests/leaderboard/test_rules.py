"""Who is ranked: budgets, rulesets, and entries that break what they claim."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from scenarium.leaderboard.ranking import MIXED, mixed_settings, standings
from scenarium.leaderboard.schema import Result, Task

FIVE = [0.50, 0.51, 0.52, 0.53, 0.54]


def with_steps(result: Result, steps: int) -> Result:
    runs = tuple(run.model_copy(update={"env_steps": steps}) for run in result.runs)
    return result.model_copy(update={"runs": runs})


def reasons(task: Task, *results: Result, **options: Any) -> dict[str, str]:
    tables = standings(task, results, replications=50, **options)
    return {row.label: row.unranked for table in tables for row in table.rows if row.result is not None}


def test_the_budget_binds_those_who_learn_from_samples(task: Task, make_result: Callable[..., Result]) -> None:
    limited = task.model_copy(update={"max_steps": 1_000_000})
    free = make_result("free", FIVE, track="model-free", task_digest=limited.digest())
    known = make_result("known", FIVE, task_digest=limited.digest())
    found = reasons(limited, with_steps(free, 1_000_001), with_steps(known, 10**9))
    assert found["free"] == "unranked: 1,000,001 environment steps per run, over the budget of 1,000,000"
    assert found["known"] == ""
    assert reasons(limited, with_steps(free, 1_000_000))["free"] == ""
    assert reasons(task, with_steps(free, 10**9))["free"] == ""


def test_one_configuration_means_one(task: Task, make_result: Callable[..., Result]) -> None:
    one = {"ruleset": "one-config"}
    results = [
        make_result("same", FIVE, config_sha256="a" * 64, **one),
        make_result("same", FIVE, config_sha256="a" * 64, task="other", **one),
        make_result("mixed", FIVE, config_sha256="a" * 64, **one),
        make_result("mixed", FIVE, config_sha256="b" * 64, task="other", **one),
        make_result("tuned", FIVE, config_sha256="a" * 64),
        make_result("tuned", FIVE, config_sha256="b" * 64, task="other"),
    ]
    mixed = mixed_settings(results)
    assert mixed == {("toy", "mixed"), ("other", "mixed")}
    mine = [result for result in results if result.task == "toy"]
    assert reasons(task, *mine, mixed=mixed) == {"same": "", "mixed": MIXED, "tuned": ""}


def test_a_budget_is_no_part_of_what_is_played(task: Task) -> None:
    assert task.digest() == task.model_copy(update={"max_steps": 5, "budget": "less"}).digest()
