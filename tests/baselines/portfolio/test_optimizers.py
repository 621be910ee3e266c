"""skfolio's optimisers as baselines: against closed forms and our own solvers."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

from scenarium.baselines.portfolio import optimizers, solvers
from scenarium.baselines.portfolio.policy import Portfolio
from scenarium.baselines.registry import baselines_for
from scenarium.envs import ScenariumError
from scenarium.envs.core.rollout import unroll
from scenarium.envs.portfolio import presets

MeanRisk = pytest.importorskip("skfolio.optimization").MeanRisk
ALL = [
    optimizers.MeanVariance,
    optimizers.MinimumCVaR,
    optimizers.HRP,
    optimizers.HERC,
    optimizers.NCO,
    optimizers.RiskBudgeting,
]


def orthogonal(scales, days=48, mean=0.0):
    """Returns whose sample covariance is exactly diagonal, with standard deviations `scales`."""
    rng = np.random.default_rng(1)
    raw = rng.normal(size=(days, len(scales)))
    q, _ = np.linalg.qr(raw - raw.mean(0))
    q -= q.mean(0)
    return q / q.std(0, ddof=1) * scales + mean


def correlated(names=6, days=60):
    rng = np.random.default_rng(2)
    return rng.normal(0, 0.02, (days, names)) * rng.uniform(0.5, 2, names) + rng.normal(0, 0.01, (days, 1))


@pytest.fixture(scope="module")
def model():
    return presets.portfolio_allocation(6, horizon=45)


@pytest.mark.parametrize("kind", ALL)
def test_weights_are_on_the_simplex_and_repeat(kind, model):
    policy, returns = kind(model), correlated()
    weights = policy.solve(returns)
    assert (weights >= 0).all()
    assert weights.sum() <= 1 + 1e-9
    if kind is not optimizers.MeanVariance:
        assert weights.sum() == pytest.approx(1.0)
    np.testing.assert_array_equal(weights, kind(model).solve(returns))


def test_what_is_best_without_a_mean_is_the_portfolio_of_least_variance(model):
    """Nested optimisation and a mean of zero have the least variance as their yardstick."""
    returns = correlated()
    covariance = np.cov(returns.T)
    ours = solvers.minimum_variance(torch.as_tensor(covariance)[None], steps=3000)[0].numpy()
    theirs = MeanRisk(solver_params=optimizers._EXACT).fit(returns).weights_
    np.testing.assert_allclose(theirs, ours, atol=1e-4)
    nested = optimizers.NCO(model).solve(returns)
    assert ours @ covariance @ ours <= nested @ covariance @ nested <= 1.2 * (ours @ covariance @ ours)


def test_hierarchical_risk_parity_of_uncorrelated_names_is_inverse_variance(model):
    scales = np.array([0.01, 0.02, 0.03, 0.04])
    got = optimizers.HRP(model).solve(orthogonal(scales))
    np.testing.assert_allclose(got, scales**-2 / (scales**-2).sum(), rtol=1e-6)


def test_equal_risk_budgets_of_uncorrelated_names_are_inverse_volatility(model):
    scales = np.array([0.01, 0.02, 0.03, 0.04])
    got = optimizers.RiskBudgeting(model, risk="variance").solve(orthogonal(scales))
    np.testing.assert_allclose(got, (1 / scales) / (1 / scales).sum(), rtol=1e-3)
    covariance = np.cov(correlated().T)
    ours = solvers.risk_parity(torch.as_tensor(covariance)[None], sweeps=400)[0].numpy()
    theirs = optimizers.RiskBudgeting(model, risk="variance").solve(correlated())
    np.testing.assert_allclose(theirs, ours, atol=1e-3)


def test_mean_variance_of_uncorrelated_names_is_half_the_mean_over_aversion_times_variance(model):
    """The largest w m - a w^2 v is at m / (2 a v), where no bound binds."""
    scales, mean = np.array([0.04, 0.05, 0.06]), np.array([0.002, -0.001, 0.003])
    returns = orthogonal(scales, mean=mean)
    got = optimizers.MeanVariance(model, aversion=5.0).solve(returns)
    np.testing.assert_allclose(got, np.maximum(mean, 0) / (2 * 5 * scales**2), atol=1e-5)
    assert optimizers.MeanVariance(model).solve(orthogonal(scales, mean=-0.01)) == pytest.approx([0, 0, 0], abs=1e-6)


def test_least_tail_loss_has_the_least_tail_loss(model):
    returns = correlated()

    def tail(w, level=0.9):
        return -np.sort(returns @ w)[: round((1 - level) * len(returns))].mean()

    best = tail(optimizers.MinimumCVaR(model, level=0.9).solve(returns))
    others = np.random.default_rng(0).dirichlet(np.ones(6), 500)
    assert best <= min(tail(w) for w in others) + 1e-6


def test_a_name_that_never_moved_is_left_out_and_too_few_are_held_equally(model):
    returns = correlated()
    returns[:, 2] = 0.0
    for kind in ALL:
        assert kind(model).solve(returns)[2] == 0.0
    returns[:, 1:] = 0.0
    np.testing.assert_allclose(optimizers.HRP(model).solve(returns), 1 / 6)


def test_where_the_solver_gives_up_percent_are_tried_and_then_inverse_volatility(model, monkeypatch):
    from cvxpy import SolverError

    returns, asked = correlated(), []

    class Stubborn:
        def fit(self, given):
            asked.append(given[0, 0] / returns[0, 0])
            raise SolverError("no")

    policy = optimizers.RiskBudgeting(model)
    monkeypatch.setattr(policy, "estimator", Stubborn)
    inverse = 1 / returns.std(0)
    np.testing.assert_allclose(policy.solve(returns), inverse / inverse.sum())
    assert asked == pytest.approx([1.0, 100.0])


def test_they_trade_monthly_and_hold_between(model):
    policy = optimizers.HRP(model)
    scenario = policy.native.scenario(torch.arange(3))
    turnover = torch.stack([m.outcome.info["turnover"] for m in unroll(policy.native, scenario, policy.act)])
    assert (turnover[[0, 21, 42]] > 1e-3).all()
    assert float(turnover[[1, 20, 22, 41]].max()) < 1e-6


def test_predictions_are_single_and_batched_and_saved(model, tmp_path):
    for kind in ALL:
        policy = kind(model)
        single, batch = model.scenario(3), model.scenario(torch.tensor([3, 4]))
        seen = [model.observe(model.initial(s, s.xp), s.until(0), 0, s.xp) for s in (single, batch)]
        one, many = policy.predict(seen[0])[0], policy.predict(seen[1])[0]
        assert model.action_space.contains(one)
        np.testing.assert_allclose(np.exp(one - one.max()), (many[0] - many[0].max()).exp(), atol=2e-3)
        policy.save(tmp_path)
        assert kind.load(tmp_path, model).parameters == policy.parameters


def test_they_are_registered_and_say_what_is_wrong(model, monkeypatch):
    names = {entry.name for entry in baselines_for("PortfolioAllocation-v0")}
    assert {kind.name for kind in ALL} <= names
    with pytest.raises(ScenariumError, match="aversion is -1"):
        optimizers.MeanVariance(model, aversion=-1.0)
    with pytest.raises(ScenariumError, match=r"level is 0.2"):
        optimizers.MinimumCVaR(model, level=0.2)
    with pytest.raises(ScenariumError, match="risk 'semivariance' is unknown"):
        optimizers.RiskBudgeting(model, risk="semivariance")
    impossible = optimizers.HRP(model)
    monkeypatch.setattr(impossible, "estimator", lambda: MeanRisk(risk_measure="none"))
    with pytest.raises(ScenariumError, match="hrp: skfolio found no portfolio"):
        impossible.solve(correlated())
    monkeypatch.setitem(sys.modules, "skfolio", None)
    with pytest.raises(ScenariumError, match=r"hrp needs skfolio: pip install 'scenarium\[portfolio\]'"):
        optimizers.HRP(model)


def test_the_target_leaves_what_is_missing_to_cash(model):
    policy = optimizers.MeanVariance(model)
    returns = torch.as_tensor(np.log1p(orthogonal(np.full(6, 0.05), mean=0.001)))[None]
    target = policy.target(Portfolio(torch.zeros(1, 7), returns))
    np.testing.assert_allclose(target.sum(), 1.0)
    np.testing.assert_allclose(target[0, 1:], 0.001 / (10 * 0.05**2), atol=1e-5)
