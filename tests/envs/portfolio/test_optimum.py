"""The log-optimal portfolio: against closed forms, a fine grid, simulation and the environment."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from scenarium.envs import ScenariumError
from scenarium.envs.core.rollout import unroll
from scenarium.envs.portfolio import presets
from scenarium.envs.portfolio.optimum import log_growth, log_optimal


def test_one_stock_has_nearly_mertons_weight():
    best = log_optimal([0.0004], [[0.03**2]])
    assert best.weights[1] == pytest.approx(0.0004 / 0.03**2, rel=2e-3)
    assert best.growth == pytest.approx(0.5 * 0.0004**2 / 0.03**2, rel=5e-3)
    assert best.gap < 1e-9


def test_the_constraints_bind_where_they_should():
    assert log_optimal([0.01], [[0.03**2]]).weights == pytest.approx([0.0, 1.0])
    np.testing.assert_allclose(log_optimal([-0.01, -0.02], np.eye(2) * 1e-3).weights, [1, 0, 0], atol=1e-9)


def test_growth_is_the_mean_of_the_logarithm():
    x = np.random.default_rng(0).normal(0.001, 0.05, 2_000_000)
    assert log_growth([0.3, 0.7], [0.001], [[0.05**2]]) == pytest.approx(np.log1p(0.7 * x).mean(), abs=8e-5)
    assert log_growth([1.0, 0.0], [0.001], [[0.05**2]]) == pytest.approx(0.0, abs=1e-15)


def test_no_portfolio_of_a_grid_grows_faster():
    market = presets.gaussian().market
    best = log_optimal(market.mean, market.covariance)
    rng = np.random.default_rng(1)
    others = np.concatenate([rng.dirichlet(np.ones(5), 400), best.weights + 0.02 * rng.normal(size=(200, 5))])
    others = np.maximum(others, 0) / np.maximum(others, 0).sum(1, keepdims=True)
    growths = [log_growth(w, market.mean, market.covariance) for w in others]
    assert max(growths) <= best.growth + 1e-12
    assert best.weights.sum() == pytest.approx(1.0)
    assert (best.weights >= 0).all()
    assert (best.weights[1:] > 0.03).sum() >= 2  # not a corner: there is something to learn


def test_the_environment_pays_what_the_quadrature_says():
    model = presets.gaussian(action_mode="weights")
    weights = np.array([0.2, 0.1, 0.3, 0.1, 0.3])
    action = torch.tensor(weights, dtype=torch.float32).expand(4000, -1)
    moments = unroll(model, model.scenario(torch.arange(4000)), lambda o, m, t: (action, None), 60)
    rewards = torch.stack([m.outcome.reward for m in moments])
    error = float(rewards.std()) / math.sqrt(rewards.numel())
    expected = log_growth(weights, model.market.mean, model.market.covariance)
    assert float(rewards.mean()) == pytest.approx(expected, abs=4 * error)
    assert error < 1e-4


def test_bad_moments_are_refused():
    with pytest.raises(ScenariumError, match="expected"):
        log_optimal([0.1, 0.2], [[1.0]])
    with pytest.raises(ScenariumError, match="cash and 1 stocks"):
        log_growth([1.0], [0.1], [[1.0]])
    with pytest.raises(ScenariumError, match="wipe"):
        log_growth([0.0, 1.0], [0.1], [[1.0]])
    with pytest.raises(ScenariumError, match="not positive definite"):
        presets.gaussian(correlation=[[1.0, 2.0], [2.0, 1.0]], mean=[0.1, 0.1], vol=[0.1, 0.1])
    with pytest.raises(ScenariumError, match="one per stock"):
        presets.gaussian(mean=[0.1, 0.1], vol=[0.1])
