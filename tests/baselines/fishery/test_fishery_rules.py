"""The harvest rules and the dynamic program's policies against hand-made states and independent figures."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from scenarium.baselines import baselines_for, load_baseline, make_baseline
from scenarium.baselines.fishery.policy import FisheryBaseline
from scenarium.baselines.fishery.recipes import RECIPES, maker
from scenarium.baselines.fishery.tuned import TUNED, problem_key
from scenarium.envs import ScenariumError, make_model
from scenarium.envs.core.rollout import counted_rewards, unroll
from scenarium.envs.fishery.model import Fishery
from scenarium.envs.fishery.optimum import measured

RULES = ("no_harvest", "constant_mortality", "constant_escapement", "hockey_stick")
MODELS = ("Fishery-v0", "Fishery-Timed-v0", "Fishery-Model1-v0", "Fishery-Model2-Timed-v0", "Fishery-Model4-Timed-v0")
PAIRS = [
    (entry.name, env_id)
    for env_id in MODELS
    for entry in baselines_for(env_id)
    if entry.name not in ("random", "gaussian_process")
]
STOCKS = torch.tensor([[0.8, 0.6, 0.7], [0.3, 0.2, 0.1], [0.5, 0.5, 0.7], [0.05, 1.0, 0.06]])


def seen(model: Fishery, stocks: torch.Tensor = STOCKS) -> torch.Tensor:
    shown = stocks[:, : model.parameters.species] / 4.0
    return torch.cat([shown, torch.full((len(shown), 1), 0.25)], 1) if model.time_observed else shown


def made(name: str, env_id: str, **parameters: Any) -> FisheryBaseline:
    policy = make_baseline(name, env_id, **parameters)
    assert isinstance(policy, FisheryBaseline)
    return policy


def mean_return(policy: FisheryBaseline, worlds: int, seed: int = 40_000_000) -> tuple[float, float]:
    scenario = policy.native.scenario(torch.arange(seed, seed + worlds))
    with torch.no_grad():
        total = counted_rewards(policy.native, scenario, policy.act, policy.native.horizon)
    return float(total.mean()), float(total.std()) / math.sqrt(worlds)


@pytest.mark.parametrize(
    ("name", "parameters", "expected"),
    [
        ("no_harvest", {}, [[0.0, 0.0], [0.0, 0.0]]),
        ("constant_mortality", {"mortality": [0.3, 0.25]}, [[0.3, 0.25], [0.3, 0.25]]),
        ("constant_mortality", {"mortality": 0.2}, [[0.2, 0.2], [0.2, 0.2]]),
        ("constant_escapement", {"escapement": [0.4, 0.45]}, [[0.5, 0.25], [0.0, 0.0]]),
        (
            "hockey_stick",
            {"lower": 0.2, "upper": [0.5, 1.0], "mortality": [0.3, 0.4]},
            [[0.3, 0.2], [0.1, 0.0]],
        ),
    ],
)
def test_mortality_in_hand_made_states(name: str, parameters: Any, expected: list[list[float]]) -> None:
    policy = made(name, "Fishery-v0", **parameters)
    action, _ = policy.predict(seen(policy.model)[:2])
    np.testing.assert_allclose(action, expected, atol=1e-6)


@pytest.mark.parametrize(("name", "env_id"), PAIRS)
def test_one_world_and_a_batch_play_alike_in_either_action_mode(name: str, env_id: str) -> None:
    rewards = []
    for mode in ("mortality", "escapement"):
        policy = made(name, env_id, env_kwargs={"action_mode": mode})
        single, batch = policy.native.scenario(5), policy.native.scenario(torch.tensor([4, 5, 6]))
        alone = [float(m.outcome.reward) for m in unroll(policy.native, single, policy.act, 20)]
        among = [float(m.outcome.reward[1]) for m in unroll(policy.native, batch, policy.act, 20)]
        np.testing.assert_allclose(alone, among, atol=2e-4)
        rewards.append(among)
    np.testing.assert_allclose(*rewards, atol=2e-4)


@pytest.mark.parametrize(("name", "env_id"), PAIRS)
def test_predictions_are_actions_and_files_keep_them(name: str, env_id: str, tmp_path: Path) -> None:
    policy = made(name, env_id)
    observation = seen(policy.model).numpy()
    action, _ = policy.predict(observation)
    assert all(policy.model.action_space.contains(row) for row in action)
    np.testing.assert_allclose(policy.predict(observation[0])[0], action[0], atol=1e-6)
    policy.save(tmp_path)
    back = load_baseline(tmp_path)
    assert back.parameters == policy.parameters
    np.testing.assert_array_equal(back.predict(observation)[0], action)


FIGURES = [
    ("Fishery-Model1-v0", "constant_mortality", [0.01], 0.330, 1.02),
    ("Fishery-Model1-v0", "constant_escapement", [0.51], 1.653, 1.12),
    ("Fishery-Model1-v0", "constant_escapement", [0.52], 1.675, 1.00),
    ("Fishery-Model2-v0", "constant_mortality", [0.29], 19.736, 2.05),
    ("Fishery-Model2-v0", "constant_escapement", [0.22], 19.371, 2.07),
    ("Fishery-v0", "constant_mortality", [0.30, 0.25], 61.466, 13.3),
    ("Fishery-v0", "constant_mortality", [0.27, 0.26], 63.141, 10.2),
    ("Fishery-v0", "constant_escapement", [0.38, 0.52], 46.849, 13.6),
    ("Fishery-v0", "constant_escapement", [0.46, 0.44], 47.491, 14.1),
    ("Fishery-Model4-v0", "constant_mortality", [0.13, 0.27], 43.640, 6.06),
    ("Fishery-Model4-v0", "constant_escapement", [0.52, 0.38], 34.517, 9.23),
    ("Fishery-Model4-v0", "constant_escapement", [0.46, 0.44], 35.274, 9.49),
]
"""A second implementation, 100,000 worlds: mean and standard deviation of the full return."""


@pytest.mark.parametrize(("env_id", "name", "values", "mean", "deviation"), FIGURES)
def test_published_optima_earn_what_a_second_implementation_found(
    env_id: str, name: str, values: list[float], mean: float, deviation: float
) -> None:
    found, error = mean_return(made(name, env_id, **{name.removeprefix("constant_"): values}), 4000)
    assert abs(found - mean) < 4.0 * math.hypot(error, deviation / math.sqrt(100_000))


@pytest.mark.parametrize("entry", TUNED.entries, ids=lambda entry: f"{entry['baseline']} {entry['id']}")
def test_tuned_parameters_are_of_the_registered_problem_and_reported_on_other_worlds(entry: dict[str, Any]) -> None:
    policy = made(entry["baseline"], entry["id"])
    assert problem_key(policy.model) == entry["key"]
    assert policy.parameters == entry["parameters"]
    found, error = mean_return(policy, 1000)
    assert abs(found - entry["held_out"]) < 4.0 * math.hypot(error, entry["standard_error"])


def test_tuning_covers_the_four_models_and_the_hockey_stick_contains_constant_mortality() -> None:
    content = json.loads(TUNED.path.read_text())
    found = {(entry["baseline"], entry["id"]): entry for entry in content["entries"]}
    assert set(found) <= {(recipe.baseline, recipe.env_id) for recipe in RECIPES}
    for env_id in ("Fishery-v0", "Fishery-Model1-v0", "Fishery-Model2-v0", "Fishery-Model4-v0"):
        flat, stick = (found[name, env_id]["train"] for name in ("constant_mortality", "hockey_stick"))
        assert stick > flat - 0.25


def test_vectors_become_valid_parameters() -> None:
    model = make_model("Fishery-v0")
    assert isinstance(model, Fishery)
    policy = maker("hockey_stick", model)([-0.1, 0.2, 0.3, -1.0, 1.5, 0.4])
    assert policy.parameters["lower"] == [0.0, 0.2]
    assert policy.parameters["upper"] == [pytest.approx(0.3), pytest.approx(0.21)]
    assert policy.parameters["mortality"] == [1.0, 0.4]


@pytest.mark.parametrize("env_id", ["Fishery-v0", "Fishery-Model1-v0", "Fishery-Model2-v0", "Fishery-Model4-v0"])
def test_the_optimum_earns_most_and_the_year_helps(env_id: str) -> None:
    variant = {"Fishery-v0": "model_3"}.get(env_id) or f"model_{env_id[13]}"
    blind, timed = measured()[variant]["stationary"]["mean"], measured()[variant]["timed"]["mean"]
    best = max(entry["held_out"] for entry in TUNED.entries if entry["id"] == env_id)
    assert best < blind < timed


@pytest.mark.parametrize(
    ("name", "env_id", "parameters", "message"),
    [
        ("constant_mortality", "Fishery-v0", {"mortality": 1.2}, r"numbers in \[0, 1\]"),
        ("constant_mortality", "Fishery-v0", {"mortality": [0.1]}, r"per fished species \(2\)"),
        ("constant_escapement", "Fishery-v0", {"escapement": [0.1, -0.1]}, "numbers >= 0"),
        ("constant_escapement", "Fishery-v0", {"escapement": "high"}, "one number per fished species"),
        ("hockey_stick", "Fishery-v0", {"lower": 0.5, "upper": 0.4, "mortality": 0.1}, "must be below upper"),
        ("constant_mortality", "InventoryNet-v0", {"mortality": 0.2}, "plays fisheries"),
        ("dp_timed", "Fishery-v0", {}, "use dp_stationary"),
        ("dp_stationary", "Fishery-V0Drift-v0", {}, "has tables for the fisheries model_1"),
        ("dp_timed", "Fishery-Timed-v0", {"env_kwargs": {"horizon": 100}}, "solved for 200 years"),
        ("constant_mortality", "Fishery-v0", {"env_kwargs": {"parameters": {"beta": 0.31}}}, "was not tuned"),
        ("gaussian_process", "Fishery-v0", {}, "make it by smoothed"),
    ],
)
def test_what_is_wrong_is_said(name: str, env_id: str, parameters: Any, message: str) -> None:
    with pytest.raises(ScenariumError, match=message):
        make_baseline(name, env_id, **parameters)
