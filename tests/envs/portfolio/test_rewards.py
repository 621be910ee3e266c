"""Rewards against their formulas over a whole episode."""

from __future__ import annotations

import math

import numpy as np
import pytest
from portfolio_play import equal, play

from scenarium.envs.portfolio import presets
from scenarium.envs.portfolio.rewards import average_sharpe, log_less_drawdown, mean_variance


def episode(reward, **options):
    model = presets.portfolio_allocation(reward=reward, action_mode="weights", horizon=60, **options)
    moments = play(model, equal(model), seed=2)
    returns = np.array([float(m.outcome.info["log_return"]) for m in moments])
    return np.array([float(m.outcome.reward) for m in moments]), returns


def test_log_growth_sums_to_the_log_of_wealth():
    reward, returns = episode("log")
    np.testing.assert_array_equal(reward, returns)


def test_the_average_sharpe_ratio_is_the_papers():
    reward, returns = episode("average_sharpe")
    history = np.concatenate([[0.0], returns])
    expected = [
        math.sqrt(252) * history[: t + 2].mean() / (history[: t + 2].std() + 1e-7) / 60 for t in range(len(returns))
    ]
    np.testing.assert_allclose(reward, expected, rtol=2e-3, atol=1e-5)
    assert abs(reward[0]) == pytest.approx(math.sqrt(252) / 60, rel=1e-3)  # whatever was done


def test_the_first_reward_is_the_papers():
    """Buying at the first close brings only its cost: -sqrt(252) / 128 = -0.124, as in the log they released."""
    model = presets.paper()
    first = float(play(model.native(), equal(model), periods=1)[0].outcome.reward)
    assert first == pytest.approx(-0.124, abs=1e-3)


def test_a_late_average_sharpe_starts_late_and_divides_by_no_less_than_its_floor():
    reward, returns = episode(average_sharpe(least=20, floor=0.5))
    assert (reward[:19] == 0).all()
    assert (reward[19:] != 0).all()
    history = np.concatenate([[0.0], returns])
    assert reward[-1] == pytest.approx(math.sqrt(252) * history.mean() / 0.5 / 60, rel=1e-3)


def test_the_differential_sharpe_ratio_is_that_of_moody_and_saffell():
    reward, returns = episode("differential_sharpe")
    a, b = 0.0, 1.2e-4
    for r, got in zip(returns, reward, strict=True):
        assert got == pytest.approx((b * (r - a) - 0.5 * a * (r * r - b)) / (b - a * a) ** 1.5, rel=1e-3, abs=1e-3)
        a, b = a + (r - a) / 64, b + (r * r - b) / 64
    assert 0.3 < reward.std() < 3.0


def test_mean_variance_and_drawdown():
    reward, returns = episode(mean_variance(8.0))
    a = 0.0
    for r, got in zip(returns, reward, strict=True):
        assert got == pytest.approx(r - 4.0 * (r - a) ** 2, rel=1e-3, abs=1e-6)
        a += (r - a) / 64
    reward, returns = episode(log_less_drawdown(0.5))
    wealth = np.concatenate([[0.0], np.cumsum(returns)])
    drawdown = np.maximum.accumulate(wealth) - wealth
    np.testing.assert_allclose(reward, returns - 0.5 * np.maximum(np.diff(drawdown), 0), atol=1e-6)
    assert (reward <= returns + 1e-9).all()
