"""The bandit: rewards, regret, what is and is not observed, one world against many, and the trap."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from scenarium.envs import ScenariumError
from scenarium.envs.core.env import ScenariumEnv
from scenarium.envs.core.fingerprint import scripted_action
from scenarium.envs.core.namespace import NUMPY, torch_namespace
from scenarium.envs.core.rollout import counted_rewards, unroll
from scenarium.envs.pricing import features
from scenarium.envs.pricing.model import LADDER, AncillaryPricing
from scenarium.envs.pricing.presets import ancillary_pricing, capacity, drifting, multi_product, trap, two_sided

TORCH = torch_namespace("cpu")
FACTORIES = (ancillary_pricing, two_sided, capacity, drifting, multi_product, trap)


def constant(model: Any, action: Any) -> Any:
    """A policy that always does the same."""

    def act(observation: Any, memory: Any, t: int) -> tuple[Any, Any]:
        one = torch.as_tensor(action)
        return one.expand(len(observation), *one.shape), None

    return act


def test_the_default_is_discounts_on_nine_rungs() -> None:
    model = ancillary_pricing()
    assert LADDER == (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
    assert int(model.action_space.n) == 9  # type: ignore[attr-defined]
    prices = [float(model.prices.price(np.int64(k), NUMPY)) for k in range(9)]
    np.testing.assert_allclose(prices, LADDER, rtol=1e-6)


@pytest.mark.parametrize("factory", FACTORIES)
def test_one_world_is_each_lane_of_a_batch(factory: Any) -> None:
    model, seeds = factory(), [3, 2**40 + 1, 11]

    def script(observation: Any, memory: Any, t: int) -> tuple[Any, Any]:
        one = torch.as_tensor(scripted_action(model, t))
        return one.expand(3, *one.shape), None

    batch = list(unroll(model, model.scenario(torch.tensor(seeds)), script, 30))
    for lane, seed in enumerate(seeds):
        alone = unroll(model, model.scenario(seed), lambda *a: (scripted_action(model, a[2]), None), 30)
        for one, many in zip(alone, batch, strict=True):
            np.testing.assert_allclose(many.observation[lane], one.observation, rtol=2e-5, atol=1e-4)
            assert float(many.outcome.reward[lane]) == pytest.approx(float(one.outcome.reward), abs=1e-5)
            for name, value in one.outcome.info.items():
                np.testing.assert_allclose(many.outcome.info[name][lane], value, atol=2e-5, err_msg=name)


@pytest.mark.parametrize("factory", FACTORIES)
def test_periods_that_differ_between_lanes_are_the_same_sessions(factory: Any) -> None:
    scenario = factory().scenario(torch.arange(3))
    apart = scenario.at(torch.tensor([4, 0, 9]))
    for lane, t in enumerate((4, 0, 9)):
        torch.testing.assert_close(apart.following[:, lane], scenario.at(t).following[:, lane])


@pytest.mark.parametrize("factory", FACTORIES)
def test_nothing_of_the_customer_is_observed(factory: Any) -> None:
    """Two customers who differ in what is hidden only look the same: the observation is the context's features."""
    model = factory()
    scenario = model.scenario(5)
    context = scenario.sessions(0, 1).context
    shown = np.array([float(x[0]) for x in features.encode(context, NUMPY)], np.float32)
    observation, info = ScenariumEnv(model).reset(seed=5)
    np.testing.assert_array_equal(observation[: features.SIZE], shown)
    assert info == {}


def test_sampled_reward_is_expected_reward_on_average() -> None:
    seeds = torch.arange(4000)
    sampled, expected = (ancillary_pricing(reward=name) for name in ("sampled", "expected"))
    for rung in (2, 8):
        means = []
        for model in (sampled, expected):
            means.append(counted_rewards(model, model.scenario(seeds), constant(model, rung), 50).mean() / 50)
        assert float(means[0]) == pytest.approx(float(means[1]), abs=4 * 0.3 / np.sqrt(200_000))


def test_a_reward_of_ones_own() -> None:
    model = ancillary_pricing(reward=lambda outcome, xp: outcome.info["purchased"])
    moment = next(iter(unroll(model, model.scenario(torch.arange(100)), constant(model, 0))))
    torch.testing.assert_close(moment.outcome.reward, moment.outcome.info["purchased"])
    assert 0.0 < float(moment.outcome.reward.mean()) < 0.5


@pytest.mark.parametrize("factory", [ancillary_pricing, two_sided, trap, drifting])
def test_regret_is_exact_and_never_negative(factory: Any) -> None:
    model = factory()
    rng = np.random.default_rng(0)

    def act(observation: Any, memory: Any, t: int) -> tuple[Any, Any]:
        if model.prices.as_rung:
            return torch.as_tensor(rng.integers(0, 9, len(observation))), None
        return torch.as_tensor(rng.uniform(0.2, 1.5, (len(observation), 1)), dtype=torch.float32), None

    for moment in unroll(model, model.scenario(torch.arange(500)), act, 4):
        info = moment.outcome.info
        assert float(info["regret"].min()) >= -1e-6
        at_best = torch.isclose(info["price"], info["optimal_price"])
        np.testing.assert_allclose(info["regret"][at_best], 0.0, atol=1e-6)
        torch.testing.assert_close(info["expected_revenue"], info["price"] * info["purchase_probability"])
        assert bool((info["purchase_probability"] <= info["propensity"]).all())


def test_prices_are_legal_whatever_is_asked() -> None:
    model = two_sided()
    env = ScenariumEnv(model)
    env.reset(seed=0)
    for asked, charged in ((9.0, 1.5), (-3.0, 0.2), (0.77, 0.77)):
        assert float(env.step(np.array([asked], np.float32))[4]["price"]) == pytest.approx(charged)


def test_native_prices_are_rounded_to_the_nearest_rung_and_encoded_alike() -> None:
    model = ancillary_pricing()
    native = model.native()
    for asked, rung in ((0.1, 0), (0.34, 1), (0.36, 2), (0.97, 8), (2.0, 8)):
        action = np.array([asked], np.float32)
        assert int(model.encode(action, NUMPY)) == rung
        assert float(native.prices.price(action, NUMPY)) == pytest.approx(LADDER[rung])
    many = model.encode(torch.tensor([[0.34], [0.97]]), TORCH)
    assert many.tolist() == [1, 8]


def test_sessions_end_with_the_horizon_and_seeds_fix_them() -> None:
    env = ScenariumEnv(ancillary_pricing(horizon=5))
    assert env.model.time_limit_is_terminal
    runs = []
    for seed in (1, 1, 2):
        observation, _ = env.reset(seed=seed)
        seen = [observation]
        for t in range(5):
            observation, _, terminated, truncated, _ = env.step(np.int64(4))
            seen.append(observation)
            assert (terminated, truncated) == (False, t == 4)
        runs.append(np.stack(seen))
    np.testing.assert_array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])


def test_the_trap_has_one_best_price_and_needs_that_differ() -> None:
    model = trap()
    moment = next(iter(unroll(model, model.scenario(torch.arange(2000)), constant(model, 4))))
    info = moment.outcome.info
    assert info["optimal_price"].unique().tolist() == pytest.approx([0.8])
    low, high = torch.quantile(info["propensity"], torch.tensor([0.1, 0.9]))
    assert float(high / low) > 8.0


def test_arguments_are_checked() -> None:
    calls: dict[str, dict[str, Any]] = {
        "ladder": {"ladder": (0.5, 0.4)},
        "legal prices": {"ladder": None, "legal": (1.0, 0.2)},
        "horizon": {"horizon": 0},
        "unknown reward 'profit'": {"reward": "profit"},
        "base_conversion": {"base_conversion": 2.0},
        "informativeness": {"informativeness": 1.5},
    }
    for message, kwargs in calls.items():
        with pytest.raises(ScenariumError, match=message):
            ancillary_pricing(**kwargs)
    with pytest.raises(ScenariumError, match="units 0"):
        capacity(units=0)
    with pytest.raises(ScenariumError, match="costs"):
        multi_product(costs=(0.1,))


def test_kwargs_change_what_they_name() -> None:
    assert AncillaryPricing(ladder=(0.5, 1.0)).action_space.n == 2  # type: ignore[attr-defined]
    wide = ancillary_pricing(ladder=None, legal=(0.5, 2.0))
    assert (wide.prices.low, wide.prices.high) == (0.5, 2.0)
    hard = ancillary_pricing(base_conversion=0.05)
    seeds = torch.arange(3000)
    rates = []
    for model in (ancillary_pricing(), hard):
        moments = unroll(model, model.scenario(seeds), constant(model, 8), 20)
        rates.append(sum(float(m.outcome.info["purchase_probability"].mean()) for m in moments) / 20)
    assert rates[1] / rates[0] == pytest.approx(0.5, abs=0.01)
