from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from scenarium.envs.core.errors import ScenariumError
from scenarium.leaderboard.schema import Manifest, Result, RunResult, Summary, Task


@pytest.fixture
def manifest_data() -> dict[str, Any]:
    run = {"file": "policy_0.safetensors", "sha256": "a" * 64, "training_seed": 0, "env_steps": 100}
    run |= {"cpu_seconds": 1, "wall_seconds": 2.5, "device": "cpu"}
    return {
        "schema_version": 1,
        "task": "toy",
        "agent": "hdpo",
        "config": {"lr": 0.001, "layers": [64, 64]},
        "policy": {"name": "gnn"},
        "track": "known-model",
        "ruleset": "tuned",
        "deterministic": False,
        "authors": ["Ada", "Grace"],
        "licence": "MIT",
        "code_url": "https://example.org/code",
        "env": {"id": "Toy-v0", "kwargs": {}, "fingerprint": "f"},
        "runs": [run],
        "versions": {"torch": "2.13.0"},
    }


def changed(data: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """Return a deep copy with the field at a dotted path replaced."""
    copy: dict[str, Any] = json.loads(json.dumps(data))
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    target: Any = copy
    for part in parents:
        target = target[part]
    target[last] = value
    return copy


def test_the_score_is_zero_at_the_floor_and_one_at_the_reference(task: Task) -> None:
    assert [task.score(mean) for mean in (-6.0, -5.0, -5.25, -4.5)] == [0.0, 1.0, 0.75, 1.5]
    assert task.scores([[-6.0, -5.0]]).tolist() == [[0.0, 1.0]]


def test_the_digest_follows_what_is_played_and_nothing_else(task_data: dict[str, Any]) -> None:
    digest = Task.parse(task_data).digest()
    shown: dict[str, Any] = {"title": "Other", "floor.mean": -7.0, "budget": "any"}
    played: dict[str, Any] = {"salt": "x", "worlds": 12, "env_kwargs": {"n": 1}, "version": 2, "chunk": 8}
    for path, value in shown.items():
        assert Task.parse(changed(task_data, path, value)).digest() == digest
    for path, value in played.items():
        assert Task.parse(changed(task_data, path, value)).digest() != digest


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("surprise", 1, "surprise: unknown field"),
        ("worlds", "8", "worlds: Input should be a valid integer"),
        ("worlds", True, "worlds: Input should be a valid integer"),
        ("worlds", 10, "worlds must be a multiple of chunk 4, got 10"),
        ("warm_up", 10, "warm_up must be below horizon 10, got 10"),
        ("name", "../up", "name: String should match"),
        ("salt", "a|b", "salt: String should match"),
        ("title", "a\x1b[2J", r"title: contains the control character U\+001B"),
        ("title", "a\u202eb", r"title: contains the control character U\+202E"),
        ("floor.kind", "reference", "floor.kind must be 'floor', got 'reference'"),
        ("random.kind", "floor", "random and shown values have kind 'shown'"),
        ("floor.mean", -5.0, "reference must be above floor -5.0, got -5.0"),
        ("bound.mean", -5.5, "bound must reach reference -5.0, got -5.5"),
        ("floor.std_error", -1.0, "floor.std_error: Input should be greater than or equal to 0"),
        ("schema_version", 2, "schema_version 2, this Scenarium reads 1"),
        ("schema_version", "1", "schema_version '1', this Scenarium reads 1"),
    ],
)
def test_a_wrong_task_is_refused_by_field(task_data: dict[str, Any], path: str, value: object, message: str) -> None:
    with pytest.raises(ScenariumError, match=message) as caught:
        Task.parse(changed(task_data, path, value), "tasks.json")
    assert str(caught.value).startswith("tasks.json: ")
    assert "\n" not in str(caught.value)


def test_a_bound_may_fall_short_by_noise(task_data: dict[str, Any]) -> None:
    bound = Task.parse(changed(task_data, "bound.mean", -5.02)).bound
    assert bound is not None
    assert bound.mean == -5.02


def test_a_manifest_survives_the_round_trip(manifest_data: dict[str, Any]) -> None:
    manifest = Manifest.parse(manifest_data)
    assert Manifest.parse(manifest.to_json()) == manifest
    assert manifest.to_json() == Manifest.parse(manifest.to_json().encode()).to_json()
    assert manifest.config == manifest_data["config"]
    assert manifest.summary().authors == ("Ada", "Grace")
    assert type(manifest.summary()) is Summary
    assert manifest.label == "hdpo"


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("runs.0.file", "../../etc/passwd", "runs.0.file: String should match"),
        ("runs.0.file", "/etc/passwd", "runs.0.file: String should match"),
        ("runs.0.file", ".hidden", "runs.0.file: String should match"),
        ("runs.0.file", None, "file and sha256 go together"),
        ("runs.0.sha256", "A" * 64, "runs.0.sha256: String should match"),
        ("runs", [], "runs: Tuple should have at least 1 item"),
        ("agent", "HDPO", "agent: String should match"),
        ("code_url", "javascript:alert(1)", "code_url: String should match"),
        ("track", "both", "track: Input should be 'known-model' or 'model-free'"),
        ("deterministic", 1, "deterministic: Input should be a valid boolean"),
        ("authors", [], "authors: Tuple should have at least 1 item"),
    ],
)
def test_a_wrong_manifest_is_refused_by_field(
    manifest_data: dict[str, Any], path: str, value: object, message: str
) -> None:
    with pytest.raises(ScenariumError, match=message):
        Manifest.parse(changed(manifest_data, path, value))


@pytest.mark.parametrize("field", ["training_seed", "sha256", "file"])
def test_one_run_cannot_be_submitted_twice(manifest_data: dict[str, Any], field: str) -> None:
    first = manifest_data["runs"][0]
    second = {**first, "file": "policy_1.safetensors", "sha256": "b" * 64, "training_seed": 1}
    Manifest.parse({**manifest_data, "runs": [first, second]})
    with pytest.raises(ScenariumError, match=f"runs must differ in {field}"):
        Manifest.parse({**manifest_data, "runs": [first, {**second, field: first[field]}]})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not valid JSON"),
        ('{"name": NaN}', "NaN is not a JSON number"),
        ('{"a": 1, "a": 2}', "the key 'a' occurs twice"),
        (b"\xff\xfe\xfa", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("[]", "object"),
        ('{"schema_version": 1e400}', "schema_version inf"),
    ],
)
def test_text_that_is_not_a_record_is_refused(text: str | bytes, message: str) -> None:
    with pytest.raises(ScenariumError, match=message):
        Manifest.parse(text, "manifest.json")


@given(st.binary(max_size=60) | st.text(max_size=60))
def test_no_text_raises_anything_else(text: str | bytes) -> None:
    with pytest.raises(ScenariumError):
        Manifest.parse(text)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40))
def test_a_run_keeps_six_digits_and_follows_from_its_returns(returns: list[float]) -> None:
    run = RunResult.from_returns(3, None, returns)
    assert run.returns == pytest.approx(returns, rel=5.1e-6)
    assert all(float(f"{value:.6g}") == value for value in run.returns)
    assert run.mean == pytest.approx(np.mean(run.returns))
    spread = np.std(run.returns, ddof=1) if len(returns) > 1 else 0.0
    assert run.std_error == pytest.approx(spread / np.sqrt(len(returns)), abs=1e-12)
    assert RunResult.parse(run.to_json()) == run


def test_a_run_whose_mean_does_not_follow_is_refused() -> None:
    data = RunResult.from_returns(0, None, [1.0, 2.0, 3.0]).model_dump(mode="json")
    with pytest.raises(ScenariumError, match="mean and std_error must be 2 and 0.577 by the returns"):
        RunResult.parse({**data, "mean": 2.1})
    for returns in ([], [float("nan")], [[1.0]]):
        with pytest.raises(ScenariumError, match="returns must be a list of finite numbers"):
            RunResult.from_returns(0, None, returns)


def test_a_result_survives_the_round_trip(make_result: Callable[..., Result]) -> None:
    result = make_result("a", [0.5, 0.6])
    assert Result.parse(result.to_json(indent=None)) == result
    assert result.returns().shape == (2, 8)
    with pytest.raises(ValidationError, match="frozen"):
        result.slug = "b"


def test_a_result_played_otherwise_is_stale(make_result: Callable[..., Result], task_data: dict[str, Any]) -> None:
    result = make_result("a", [0.5])
    same = Task.parse(changed(task_data, "floor.mean", -7.0))
    fingerprinted = Task.parse({**task_data, "env_fingerprint": "g"})
    resalted = Task.parse({**task_data, "salt": "round-2"})
    assert result.status_for(same) == "verified"
    assert result.status_for(fingerprinted) == "stale"
    assert result.status_for(resalted) == "stale"
    assert make_result("a", [0.5], status="stale").status_for(same) == "stale"


def test_only_self_reports_may_leave_out_the_worlds(make_result: Callable[..., Result]) -> None:
    bare = (RunResult(training_seed=0, sha256=None, mean=-5.5, std_error=0.1),)
    assert make_result("a", [0.5], status="self-reported", runs=bare).returns().tolist() == [[-5.5]]
    with pytest.raises(ValidationError, match="lists the return of every world"):
        make_result("a", [0.5], runs=bare)
    uneven = (RunResult.from_returns(0, None, [1.0]), RunResult.from_returns(1, None, [1.0, 2.0]))
    with pytest.raises(ValidationError, match=r"same number of returns, got \[1, 2\]"):
        make_result("a", [0.5], runs=uneven)
