"""The log: what it holds, that its propensities are true, and that it can evaluate another policy."""

from __future__ import annotations

import numpy as np
import pytest

from scenarium.envs import ScenariumError
from scenarium.envs.pricing.calibration import conversion
from scenarium.envs.pricing.logged import LOGGING_POLICIES, log_sessions, random_discount
from scenarium.envs.pricing.presets import ancillary_pricing, two_sided


@pytest.mark.parametrize("policy", sorted(LOGGING_POLICIES))
def test_prices_are_offered_as_often_as_their_propensities_say(policy: str) -> None:
    model = ancillary_pricing()
    log = log_sessions(model, policy, 20_000, seed=3)
    chances = np.asarray(LOGGING_POLICIES[policy](log.context, log.menu))
    np.testing.assert_allclose(chances.sum(1), 1.0, atol=1e-6)
    np.testing.assert_allclose(np.bincount(log.choice, minlength=9) / 20_000, chances[0], atol=0.012)
    np.testing.assert_allclose(log.propensity, chances[np.arange(20_000), log.choice])
    np.testing.assert_allclose(log.price, log.menu[log.choice])
    assert set(np.unique(log.purchased)) == {0.0, 1.0}


def test_the_random_arm_is_the_half_normal_discount() -> None:
    menu = ancillary_pricing().prices.menu().astype(np.float32)
    drawn = 1.0 - np.abs(np.random.default_rng(0).normal(0.0, 0.45, 400_000))
    nearest = np.abs(np.clip(drawn, 0.2, 1.0)[:, None] - menu).argmin(1)
    shares = np.bincount(nearest, minlength=9) / len(drawn)
    np.testing.assert_allclose(random_discount(np.zeros((1, 1), np.float32), menu)[0], shares, atol=0.003)


def test_inverse_propensities_evaluate_another_policy() -> None:
    model = ancillary_pricing()
    log = log_sessions(model, "random", 200_000, seed=9)
    half = log.choice == 3
    estimate = float((log.purchased * half / log.propensity).mean())
    assert estimate == pytest.approx(conversion(model.demand, 0.5), abs=0.006)


def test_a_policy_of_ones_own_and_a_continuous_menu() -> None:
    model = two_sided()
    log = log_sessions(model, lambda context, menu: np.full((len(context), len(menu)), 1.0 / len(menu)), 1000)
    assert len(log.menu) == 27
    np.testing.assert_allclose(log.propensity, 1.0 / 27)
    again = log_sessions(model, lambda context, menu: np.full((len(context), len(menu)), 1.0 / len(menu)), 1000)
    np.testing.assert_array_equal(log.price, again.price)
    np.testing.assert_array_equal(log.context, again.context)


def test_bad_policies_are_refused() -> None:
    model = ancillary_pricing()
    with pytest.raises(ScenariumError, match="unknown logging policy 'humn'; did you mean 'human'"):
        log_sessions(model, "humn")
    with pytest.raises(ScenariumError, match="shape"):
        log_sessions(model, lambda context, menu: np.ones(3), 10)
    with pytest.raises(ScenariumError, match="sum to 1"):
        log_sessions(model, lambda context, menu: np.ones((len(context), len(menu))), 10)
    with pytest.raises(ScenariumError, match="sessions"):
        log_sessions(model, "human", 0)
