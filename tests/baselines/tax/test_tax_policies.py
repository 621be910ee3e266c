"""Tax policies: schedules, Saez with a prefilled memory, and what they refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from scenarium.baselines.registry import baselines_for, make_baseline
from scenarium.baselines.tax.burn_in import SAMPLES, burn_in, recorded
from scenarium.baselines.tax.policy import observation_fields, part
from scenarium.baselines.tax.rules import FlatTax, FreeMarket, StaticSchedule, UsFederal
from scenarium.baselines.tax.saez import Saez
from scenarium.envs import make_model
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.namespace import torch_namespace
from scenarium.envs.core.rollout import unroll
from scenarium.envs.tax.one_step import TaxOneStep, small
from scenarium.envs.tax.optimum.one_step import welfare_of
from scenarium.envs.tax.parameters import CUTOFFS, US_FEDERAL
from scenarium.envs.tax.presets import tax_game, world
from scenarium.envs.tax.saez import estimate_elasticity, saez_rates

XP = torch_namespace("cpu")


def short(**options: object):  # type: ignore[no-untyped-def]
    return tax_game(horizon=60, period=20, regeneration=0.05, start_coin=20.0, **options)


def test_fixed_schedules() -> None:
    model = short()
    seen = torch.zeros(3, 110)
    for policy, expected in (
        (FreeMarket(model), [0.0] * 7),
        (UsFederal(model), US_FEDERAL),
        (FlatTax(model, rate=0.4), [0.4] * 7),
        (StaticSchedule(model, rates=[0.1 * k for k in range(7)]), [0.1 * k for k in range(7)]),
    ):
        many, _ = policy.predict(seen)
        assert many.shape == (3, 7)
        np.testing.assert_allclose(many[1], expected, atol=1e-6)
        one, _ = policy.predict(seen[0].numpy())
        assert model.action_space.contains(one)


def test_saez_uses_the_last_500_incomes() -> None:
    model = short()
    policy = Saez(model, elasticity=0.5, rounds=1)
    before = policy._before.samples
    assert before.shape == (SAMPLES, 2)
    assert len(np.unique(before[:, 1])) > 20
    moments = list(unroll(model, model.scenario(torch.arange(2)), policy.act))
    np.testing.assert_allclose(moments[0].action[0], saez_rates(before[:, 0], 0.5, CUTOFFS, top="last"), atol=1e-6)
    incomes = moments[1].after.inner.last_income[:, 1], moments[0].after.inner.last_income[:, 1]
    kept = np.concatenate([before[8:, 0], incomes[1], incomes[0]])
    np.testing.assert_allclose(moments[2].action[1], saez_rates(kept, 0.5, CUTOFFS, top="last"), atol=1e-4)


def test_saez_estimates_the_elasticity_and_starts_afresh() -> None:
    model = short()
    policy = Saez(model, rounds=1)
    scenario = model.scenario(torch.arange(2))
    start = model.observe(model.initial(scenario, XP), scenario.until(0), 0, XP)
    action, memory = policy.predict(start)
    assert memory.shape == (2, SAMPLES + 1, 2)
    np.testing.assert_allclose(memory[:, -1], policy._before.elasticity)
    later = start.clone()
    part(observation_fields(model.model), later, "time")[:] = 0.02
    part(observation_fields(model.model), later, "workers")[:, 3::6] = 2.0
    moved, after = policy.predict(later, memory)
    np.testing.assert_allclose(after[0, -5:-1, 0], 40.0)
    expected = estimate_elasticity(*after[0, :-1].numpy().T, before=policy._before.elasticity)
    np.testing.assert_allclose(after[0, -1], expected)
    again, _ = policy.predict(start, after, np.array([False, False]))
    torch.testing.assert_close(again, action)
    fresh, _ = policy.predict(start, after, np.array([True, True]))
    torch.testing.assert_close(fresh, action)
    other = Saez(model, top="foundation", rounds=1)
    other.__dict__["_before"] = policy._before
    foundation, _ = other.predict(start)
    assert float(foundation[0, -1]) > float(action[0, -1])


def test_a_history_begins_under_a_low_cap_with_random_rates_and_goes_on_with_the_formula() -> None:
    capped: list[float] = []

    def formula(samples: Any, elasticity: float, cap: float) -> Any:
        assert samples.shape == (SAMPLES, 2)
        assert elasticity == 0.7
        capped.append(cap)
        return np.full(7, 0.25)

    history = burn_in(short(), formula, 7, elasticity=0.7, rounds=4)
    # 16 worlds with 4 workers: the 500th income comes on the 8th tax day, in the third round, under a cap of 0.28.
    assert capped == pytest.approx([0.28, 0.37, 0.37, 0.37])
    late = history.samples[-192:]
    assert set(late[late[:, 0] > 0.0, 1]) == {np.float64(np.float32(0.25))}
    assert history.samples[:-192, 1].max() <= 0.28


def test_the_recorded_history_keeps_the_economy_going() -> None:
    model = make_model("TaxGame-v0")
    policy = Saez(model)
    found = recorded(model, policy.parameters)
    assert found is not None
    scenario = model.scenario(torch.arange(2_000_000, 2_000_004))
    played = list(unroll(model, scenario, policy.act, 3))
    assert float(played[0].action[:, 0].max()) < 0.7
    assert float(played[-1].after.inner.wealth.mean()) > 20.0


def test_the_one_step_economy() -> None:
    model = TaxOneStep(small())
    one = np.ones((1,), np.float32)
    values = {}
    for policy in (FreeMarket(model), UsFederal(model), Saez(model), StaticSchedule(model)):
        rates, _ = policy.predict(one)
        values[policy.name] = float(welfare_of(model, rates.astype(np.float64)))
    assert values["free_market"] == pytest.approx(43.33, abs=0.01)
    assert values["us_federal"] == pytest.approx(45.74, abs=0.01)
    assert values["static_schedule"] > 49.0
    assert values["saez"] > values["free_market"]


def test_workers_who_learned_have_schedules_too() -> None:
    model = make_model("TaxGame-Trained-v0")
    names = [entry.name for entry in baselines_for("TaxGame-Trained-v0")]
    assert {"free_market", "us_federal", "flat_tax", "static_schedule"} <= set(names)
    assert "saez" not in names  # nothing is recorded of what it would have seen among them
    tuned = make_baseline("static_schedule", model)
    assert tuned.parameters["rates"] != StaticSchedule(make_model("TaxGame-v0")).parameters["rates"]
    rates, _ = tuned.predict(np.zeros(model.observation_space.shape, np.float32))
    assert model.action_space.contains(rates)


def test_saved_and_loaded(tmp_path: Path) -> None:
    model = short()
    FlatTax(model, rate=0.35).save(tmp_path)
    assert FlatTax.load(tmp_path, env=model).parameters == {"rate": 0.35}


def test_what_is_refused() -> None:
    with pytest.raises(ScenariumError, match="cannot play"):
        FreeMarket(world())
    with pytest.raises(ScenariumError, match="shares"):
        FreeMarket(short(rates="levels"))
    with pytest.raises(ScenariumError, match="from 0 to 1"):
        FlatTax(short(), rate=1.5)
    with pytest.raises(ScenariumError, match="no schedule was tuned"):
        StaticSchedule(short())
    with pytest.raises(ScenariumError, match="elasticity"):
        Saez(short(), elasticity=-1.0)
    with pytest.raises(ScenariumError, match="rounds"):
        Saez(short(), rounds=0)
    with pytest.raises(ScenariumError, match="top rule"):
        Saez(short(), top="none")
    with pytest.raises(ScenariumError, match="brackets"):
        UsFederal(short(cutoffs=[0.0, 50.0]))
