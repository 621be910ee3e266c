"""Pricing policies against published rates, hand-made customers, dynamic programs and each other."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from scenarium.baselines import baselines_for, load_baseline, make_baseline
from scenarium.baselines.base import Baseline
from scenarium.baselines.pricing import recipes
from scenarium.baselines.pricing.fitted import _shipped, problem_key
from scenarium.baselines.pricing.learned import LearnedPricing
from scenarium.envs import ScenariumError, entries, make_model
from scenarium.envs.core.namespace import NUMPY
from scenarium.envs.core.rollout import unroll
from scenarium.envs.pricing.context import Context
from scenarium.envs.pricing.features import SIZE, encode

LADDER, CAPACITY, TRAP = "AncillaryPricing-v0", "AncillaryPricing-Capacity-v0", "AncillaryPricing-Trap-v0"
PRODUCTS, DRIFT = "AncillaryPricing-MultiProduct-v0", "AncillaryPricing-Drift-v0"
FAMILY = [env_id for env_id in entries() if env_id.startswith("AncillaryPricing")]
PAIRS = [(e.name, env_id) for env_id in FAMILY for e in baselines_for(env_id) if e.name != "random"]
OTHERS = [
    (e.name, env_id)
    for env_id in FAMILY
    for e in baselines_for(env_id)
    if (e.name, LADDER) not in PAIRS and e.name != "random"
]
ACTING = [pair for pair in PAIRS if pair[0] != "full_information"]


@torch.no_grad()
def played(policy: Baseline, worlds: int = 1000, first: int = 50_000) -> dict[str, torch.Tensor]:
    """Means over a world's sessions [B]."""
    scenario = policy.native.scenario(torch.arange(first, first + worlds))
    total: dict[str, Any] = {"reward": 0.0, "expected_revenue": 0.0, "purchase_probability": 0.0, "regret": 0.0}
    for moment in unroll(policy.native, scenario, policy.act_on(scenario)):
        found = {"reward": moment.outcome.reward, **moment.outcome.info}
        total = {key: value + found[key].double() for key, value in total.items()}
    return {key: value / policy.model.horizon for key, value in total.items()}


@cache
def on_the_ladder(name: str, env_id: str = LADDER) -> dict[str, torch.Tensor]:
    return played(make_baseline(name, env_id, env_kwargs={"horizon": 100}), 400)


def relative(name: str, env_id: str = LADDER) -> float:
    base = on_the_ladder("human_price", env_id)["expected_revenue"]
    return float(on_the_ladder(name, env_id)["expected_revenue"].mean() / base.mean())


def first_observations(policy: Baseline) -> tuple[Any, Any]:
    single, batch = policy.model.scenario(3), policy.model.scenario(torch.tensor([3, 4, 5, 6]))
    return tuple(
        policy.model.observe(policy.model.initial(s, s.xp), s.until(0), 0, s.xp)  # type: ignore[return-value]
        for s in (single, batch)
    )


@pytest.mark.parametrize(("name", "env_id"), ACTING)
def test_predictions_are_actions_of_the_model(name: str, env_id: str) -> None:
    policy = make_baseline(name, env_id, env_kwargs={"horizon": 12})
    single, batch = first_observations(policy)
    action, _ = policy.predict(single)
    assert policy.model.action_space.contains(action)
    tensors, _ = policy.predict(batch)
    arrays, _ = policy.predict(batch.numpy())
    assert all(policy.model.action_space.contains(row) for row in arrays)
    np.testing.assert_allclose(tensors.numpy(), arrays, rtol=1e-6)
    np.testing.assert_allclose(arrays[0], action, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(("name", "env_id"), PAIRS)
def test_one_world_and_a_batch_play_alike(name: str, env_id: str) -> None:
    policy = make_baseline(name, env_id, env_kwargs={"horizon": 12})
    single, batch = policy.native.scenario(4), policy.native.scenario(torch.tensor([3, 4, 5]))
    alone = [m.outcome.info["expected_revenue"] for m in unroll(policy.native, single, policy.act_on(single))]
    among = [float(m.outcome.info["expected_revenue"][1]) for m in unroll(policy.native, batch, policy.act_on(batch))]
    np.testing.assert_allclose(alone, among, rtol=2e-3, atol=2e-4)


@pytest.mark.parametrize(("name", "env_id"), [pair for pair in ACTING if pair[1] == LADDER] + OTHERS)
def test_save_and_load_give_the_same_policy(name: str, env_id: str, tmp_path: Path) -> None:
    policy = make_baseline(name, env_id, env_kwargs={"horizon": 12})
    policy.save(tmp_path)
    back = load_baseline(tmp_path)
    assert type(back) is type(policy)
    assert back.parameters == policy.parameters
    _, batch = first_observations(policy)
    torch.testing.assert_close(back.predict(batch)[0], policy.predict(batch)[0])


def test_human_and_random_reproduce_the_online_test() -> None:
    human, random = on_the_ladder("human_price"), on_the_ladder("random_discount")
    assert float(human["purchase_probability"].mean()) == pytest.approx(0.1018, abs=0.003)
    assert float(random["purchase_probability"].mean()) == pytest.approx(0.1237, abs=0.003)
    assert relative("random_discount") == pytest.approx(0.77, abs=0.02)


def test_estimated_propensities_earn_what_the_paper_reports() -> None:
    assert 1.05 <= relative("app_lm") <= 1.16


def test_policies_stand_in_order_and_nobody_beats_the_bayes_oracle() -> None:
    oracle = on_the_ladder("bayes_oracle")["expected_revenue"]
    for name, env_id in PAIRS:
        if env_id == LADDER and name not in ("bayes_oracle", "full_information"):
            gap = oracle - on_the_ladder(name)["expected_revenue"]
            assert float(gap.mean()) > 2.0 * float(gap.std()) / len(gap) ** 0.5, name
    assert relative("bayes_oracle") == pytest.approx(1.1162, abs=0.01)
    assert relative("full_information") == pytest.approx(1.1697, abs=0.01)
    assert float(on_the_ladder("full_information")["regret"].abs().max()) < 1e-6
    for name in ("app_des", "dnn_cl", "monotone_network"):
        assert 1.05 < relative(name) < 1.116, name


def test_propensity_misleads_in_the_trap() -> None:
    assert relative("bayes_oracle", TRAP) == pytest.approx(relative("best_static_price", TRAP), abs=2e-3)
    assert relative("app_lm", TRAP) < relative("best_static_price", TRAP) - 0.02


def test_capacity_policies_earn_what_the_programs_say() -> None:
    revenue = {}
    for name in ("capacity_optimal", "capacity_blind", "best_static_price"):
        policy = make_baseline(name, CAPACITY)
        revenue[name] = 180.0 * played(policy, 500)["reward"]
    error = {name: 3.0 * float(x.std()) / len(x) ** 0.5 for name, x in revenue.items()}
    mean = {name: float(x.mean()) for name, x in revenue.items()}
    for name in ("capacity_optimal", "capacity_blind"):
        program = make_baseline(name, CAPACITY).optimum.value[0, 12]  # type: ignore[attr-defined]
        assert mean[name] == pytest.approx(program, abs=error[name])
    assert mean["best_static_price"] == pytest.approx(13.567, abs=error["best_static_price"])
    assert mean["capacity_blind"] < mean["capacity_optimal"]


def test_the_filter_infers_how_demand_has_moved() -> None:
    options = {"drift": "abrupt", "horizon": 400}
    policies = [make_baseline(name, DRIFT, env_kwargs=options) for name in ("drift_filter", "bayes_oracle")]
    found, plain = (played(policy, 40)["expected_revenue"] for policy in policies)
    assert float(found.mean()) > 1.05 * float(plain.mean())
    assert float(found.mean()) < float(
        played(make_baseline("full_information", DRIFT, env_kwargs=options), 40)["expected_revenue"].mean()
    )


def test_the_filter_is_the_bayes_oracle_where_nothing_moves() -> None:
    still = [make_baseline(name, DRIFT, env_kwargs={"drift": ()}) for name in ("drift_filter", "bayes_oracle")]
    moments = list(unroll(still[0].native, still[0].native.scenario(torch.arange(200)), still[0].act, 5))
    for moment in moments:
        torch.testing.assert_close(moment.action, still[1].act(moment.observation, None, moment.t)[0])


def test_a_known_weekday_is_used() -> None:
    policy = make_baseline("drift_filter", DRIFT, env_kwargs={"drift": "weekday"})
    observation = torch.zeros(7, 45)
    observation[:, SIZE] = torch.sin(torch.arange(7) * 2.0 * torch.pi / 7.0)
    observation[:, SIZE + 1] = torch.cos(torch.arange(7) * 2.0 * torch.pi / 7.0)
    shift = policy._shift(observation, torch.zeros(7))  # type: ignore[attr-defined]
    expected = torch.tensor([0.06, 0.06, 0.06, 0.06, 0.0, -0.12, -0.12])
    torch.testing.assert_close(shift[:, 0, 0], expected, atol=1e-6, rtol=0)
    assert float((shift - shift[:, :1, :1]).abs().max()) == 0.0


def test_business_rules_by_hand() -> None:
    facts = Context(
        *(np.array(row, np.float32) for row in ([10, 90, 90, 90, 10], [7] * 5, [1, 1, 3, 3, 5])),
        *(np.array(row, np.float32) for row in ([0] * 5, [0, 1, 0, 2, 1], [2] * 5, [3] * 5)),
        *(np.full(5, 1.0, np.float32) for _ in range(6)),
    )
    observation = np.stack(encode(facts, NUMPY), -1).astype(np.float32)
    policy = make_baseline("business_rules", "AncillaryPricing-TwoSided-v0")
    np.testing.assert_allclose(policy.predict(observation)[0][:, 0], [1.0, 0.8, 0.7, 1.0, 0.9], atol=1e-6)


def test_one_margin_for_several_products() -> None:
    policy = make_baseline("best_static_menu", PRODUCTS)
    _, batch = first_observations(policy)
    prices, _ = policy.predict(batch.numpy())
    np.testing.assert_allclose(prices[0] - policy.model.costs, policy.parameters["margin"], rtol=1e-5)  # type: ignore[attr-defined]
    worse = [played(make_baseline("best_static_menu", PRODUCTS, margin=m), 300) for m in (0.6, 1.4)]
    best = float(played(policy, 300)["expected_revenue"].mean())
    assert all(float(x["expected_revenue"].mean()) < best for x in worse)
    assert best < float(played(make_baseline("bayes_oracle", PRODUCTS), 300)["expected_revenue"].mean())


def test_shipped_parameters_fit_the_problems_they_name() -> None:
    for name in recipes.METHODS:
        for env_id in recipes.PROBLEMS:
            policy = make_baseline(name, make_model(env_id))
            assert isinstance(policy, LearnedPricing)
            assert policy.key in _shipped(name), (name, env_id)
    drift, plain = (make_baseline("app_lm", env_id) for env_id in ("AncillaryPricing-Drift-v0", LADDER))
    assert drift.weights is plain.weights  # type: ignore[attr-defined]
    assert problem_key(plain.model, 1000, 0) != problem_key(plain.model, 1000, 1)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", recipes.METHODS[:-1])
def test_fitting_is_repeatable(name: str) -> None:
    policy = make_baseline(name, LADDER, sessions=6000)
    assert isinstance(policy, LearnedPricing)
    first, again = policy.fit(), policy.fit()
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert first.keys() == make_baseline(name, LADDER).weights.keys()  # type: ignore[attr-defined]


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scenarium.baselines.pricing.propensity.find_spec", lambda name: None)
    assert float(make_baseline("app_lm", LADDER).weights["map"][0]) > 0.0  # type: ignore[attr-defined]
    with pytest.raises(ScenariumError, match=r"scenarium\[learn\]"):
        make_baseline("app_lm", LADDER).fit()  # type: ignore[attr-defined]


def test_router_prefers_the_model_that_converts() -> None:
    made = {
        reward: make_baseline("model_router", LADDER, arms=["human_price", "random_discount"], reward=reward)
        for reward in ("conversion", "revenue")
    }
    shares = {reward: router.weights["share"] for reward, router in made.items()}  # type: ignore[attr-defined]
    assert float(shares["conversion"][1]) > 0.95
    assert float(shares["revenue"][0]) > 0.95


def test_thompson_sampling_sells_better_as_it_learns() -> None:
    policy = make_baseline("logistic_thompson", LADDER, sessions=100_000)
    _, log = policy.learn()  # type: ignore[attr-defined]
    assert len(log.revenue) == 20
    assert np.mean(log.revenue[-6:]) > np.mean(log.revenue[:3])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: make_baseline("human_price", LADDER, price=0.0), "positive number"),
        (lambda: make_baseline("human_price", "InventoryNet-v0"), "AncillaryPricing"),
        (lambda: make_baseline("app_lm", PRODUCTS), "one product at a time"),
        (lambda: make_baseline("capacity_optimal", LADDER), "bayes_oracle"),
        (lambda: make_baseline("drift_filter", LADDER), "bayes_oracle"),
        (lambda: make_baseline("app_lm", LADDER, sessions=10), "whole number >= 1000"),
        (lambda: make_baseline("app_lm", LADDER, steepness=40.0), "together"),
        (lambda: make_baseline("business_rules", LADDER, early=0.7, group=0.5), "less than 1"),
        (lambda: make_baseline("model_router", LADDER, reward="sales"), "unknown reward"),
        (lambda: make_baseline("model_router", LADDER, arms=[]), "at least one model"),
        (lambda: make_baseline("random_discount", LADDER, seed=0.5), "integer"),
        (lambda: make_baseline("full_information", LADDER).predict(np.zeros(39, np.float32)), "act_on"),
    ],
)
def test_what_is_wrong_is_said(make: Any, message: str) -> None:
    with pytest.raises(ScenariumError, match=message):
        make()
