"""Classical portfolios: their optimisation problems against SciPy, their trades against their descriptions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from scenarium.baselines.portfolio import rules, solvers, worldly
from scenarium.envs import ScenariumError
from scenarium.envs.core.rollout import unroll
from scenarium.envs.portfolio import presets

ALL = [
    rules.EqualWeight,
    rules.EqualWeightMonthly,
    rules.BuyAndHold,
    rules.Cash,
    rules.InverseVolatility,
    rules.MinimumVariance,
    rules.RiskParity,
    worldly.Index,
    worldly.BestConstant,
]
SEEDS = torch.arange(24)


def covariances(count=6, names=8):
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(count, names, names)) * rng.uniform(0.3, 2, (count, names, 1))
    return torch.tensor(factors @ factors.transpose(0, 2, 1) * 1e-4)


def episode(kind, model, seeds=SEEDS, **parameters):
    policy = kind(model, **parameters)
    native, scenario = policy.native, policy.native.scenario(seeds)
    with torch.no_grad():
        return list(unroll(native, scenario, policy.act_on(scenario)))


def test_minimum_variance_is_scipys():
    matrix = covariances()
    got = solvers.minimum_variance(matrix)
    for s, w in zip(matrix.numpy(), got.numpy(), strict=True):
        n = len(s)
        found = minimize(
            lambda x, s=s: x @ s @ x * 1e4,
            np.full(n, 1 / n),
            bounds=[(0, 1)] * n,
            constraints={"type": "eq", "fun": lambda x: x.sum() - 1},
            options={"ftol": 1e-14},
        )
        assert w @ s @ w == pytest.approx(found.fun * 1e-4, rel=1e-5)
        assert w.sum() == pytest.approx(1.0)
        assert (w >= 0).all()


def test_risk_parity_shares_the_risk():
    matrix = covariances()
    w = solvers.risk_parity(matrix, sweeps=400)
    contribution = w * (matrix @ w[..., None])[..., 0]
    share = contribution / contribution.sum(1, keepdim=True)
    np.testing.assert_allclose(share, 1 / 8, atol=1e-6)


def test_the_projection_is_on_the_simplex_and_nearest():
    x = torch.randn(50, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    p = solvers.project_to_simplex(x)
    np.testing.assert_allclose(p.sum(1), 1.0)
    assert (p >= 0).all()
    others = torch.distributions.Dirichlet(torch.ones(7, dtype=torch.float64)).sample((200,))
    assert ((x - p).norm(dim=1)[:, None] <= (x[:, None] - others).norm(dim=2) + 1e-12).all()


def test_the_best_constant_mix_is_scipys_and_no_mix_beats_it():
    rng = np.random.default_rng(3)
    x = np.exp(rng.normal(5e-4, 0.02, (3, 128, 5)))
    x[:, :, 0] = 1.0
    got = solvers.best_constant(torch.tensor(x)).numpy()
    for path, w in zip(x, got, strict=True):
        found = minimize(
            lambda v, path=path: -np.log(path @ np.maximum(v, 0)).sum(),
            np.full(5, 0.2),
            bounds=[(0, 1)] * 5,
            constraints={"type": "eq", "fun": lambda v: v.sum() - 1},
            options={"ftol": 1e-14},
        )
        assert np.log(path @ w).sum() == pytest.approx(-found.fun, abs=2e-5)
        for v in rng.dirichlet(np.ones(5), 200):
            assert np.log(path @ v).sum() <= np.log(path @ w).sum() + 2e-5


def test_shrinkage_keeps_the_variances():
    returns = torch.randn(3, 60, 4, generator=torch.Generator().manual_seed(0)) * 0.02
    sample = solvers.shrunk_covariance(returns, 1e-9)
    np.testing.assert_allclose(sample[0], np.cov(returns[0].double().T), rtol=1e-5, atol=2e-10)
    shrunk = solvers.shrunk_covariance(returns, 0.5)
    np.testing.assert_allclose(shrunk[1].diagonal(), sample[1].diagonal(), rtol=1e-5)
    assert shrunk[1, 0, 1] == pytest.approx(float(sample[1, 0, 1]) / 2, rel=1e-4)


@pytest.mark.parametrize("kind", ALL)
def test_they_play_alone_as_in_a_batch_and_save(kind, tmp_path):
    model = presets.portfolio_allocation(horizon=30)
    policy = kind(model)
    many, alone = policy.native.scenario(torch.tensor([1, 9])), policy.native.scenario(9)
    a = [m.outcome.reward[1] for m in unroll(policy.native, many, policy.act_on(many))]
    b = [m.outcome.reward for m in unroll(policy.native, alone, policy.act_on(alone))]
    np.testing.assert_allclose(a, b, rtol=1e-3, atol=2e-6)
    policy.save(tmp_path)
    assert kind.load(tmp_path, model).parameters == policy.parameters


@pytest.mark.parametrize("kind", ALL[:7])
@pytest.mark.parametrize("view", ["dict", "flat", "paper"])
def test_predictions_are_logits_whatever_the_view(kind, view):
    model = presets.portfolio_allocation(observation=view, features=("close", "open"))
    policy, other = kind(model), kind(presets.portfolio_allocation(features=("close", "open")))
    (a, b), observations = (policy, other), []
    for one in (a, b):
        scenario = one.model.scenario(5)
        observations.append(
            one.model.observe(one.model.initial(scenario, scenario.xp), scenario.until(0), 0, scenario.xp)
        )
    action, _ = a.predict(observations[0])
    assert model.action_space.contains(action)
    np.testing.assert_allclose(action, b.predict(observations[1])[0], atol=5e-3)


def trades(kind, model=None, **parameters):
    moments = episode(kind, model or presets.portfolio_allocation(), **parameters)
    return torch.stack([m.outcome.info["turnover"] for m in moments])


def test_they_trade_when_they_say():
    daily, monthly, once = (trades(kind) for kind in (rules.EqualWeight, rules.EqualWeightMonthly, rules.BuyAndHold))
    assert (daily > 1e-4).all()
    due = torch.arange(128) % 21 == 0
    assert (monthly[due] > 1e-3).all()
    assert (monthly[~due] < 1e-6).all()
    assert (once[0] > 0.99).all()
    assert (once[1:] < 1e-6).all()
    assert (trades(rules.Cash) == 0).all()
    assert 0.001 < float(daily[1:].mean()) < 0.05


def test_the_random_portfolio_pays_for_its_trades():
    """Random weights turn over almost everything every day: some 15 points a year to 1/N at A-share costs."""
    from scenarium.baselines.random import Random

    model = presets.portfolio_allocation()
    policy = Random(model)
    scenario = model.scenario(SEEDS)
    with torch.no_grad():
        moments = list(unroll(model, scenario, lambda o, m, t: policy.predict(o, m)))
    turnover = torch.stack([m.outcome.info["turnover"] for m in moments]).mean()
    costs = torch.stack([m.outcome.info["cost"] for m in moments]).sum(0).mean()
    assert 0.8 < float(turnover) < 2.0
    assert 0.03 < float(costs) < 0.2


def test_the_risk_policies_reduce_risk():
    model = presets.portfolio_allocation()

    def volatility(kind):
        moments = episode(kind, model, torch.arange(64))
        return float(torch.stack([m.outcome.reward for m in moments[1:]]).std(0).mean())

    equal = volatility(rules.EqualWeight)
    assert volatility(rules.MinimumVariance) < 0.9 * equal
    assert volatility(rules.InverseVolatility) < equal
    assert volatility(rules.RiskParity) < equal


def test_the_index_is_the_index_and_hindsight_is_a_ceiling():
    model = presets.portfolio_allocation(fees=(0.0, 0.0, False))
    index = episode(worldly.Index, model)
    mine = torch.stack([m.outcome.reward for m in index])[1:].sum(0)
    theirs = torch.stack([m.outcome.info["index_return"] for m in index])[1:].sum(0)
    np.testing.assert_allclose(mine, theirs, atol=2e-3)  # bought at the first open, weighted at the close before
    best = sum(m.outcome.reward for m in episode(worldly.BestConstant, model))
    for kind in ALL[:7]:
        other = sum(m.outcome.reward for m in episode(kind, model))
        assert float(best.mean()) > float(other.mean())
    constant = sum(m.outcome.reward for m in episode(rules.EqualWeight, model))
    assert (best > constant - 0.02).all()  # but for the first night, and orders in shares


def test_what_cannot_be_done_is_said():
    with pytest.raises(ScenariumError, match="every is 2.5"):
        rules.EqualWeight(presets.portfolio_allocation(), every=2.5)
    with pytest.raises(ScenariumError, match="make it >= 5"):
        rules.RiskParity(presets.portfolio_allocation(window=3))
    with pytest.raises(ScenariumError, match="shrinkage is 0"):
        rules.MinimumVariance(presets.portfolio_allocation(), shrinkage=0.0)
    with pytest.raises(ScenariumError, match="cash plays PortfolioAllocation; InventoryNet-v0 is none"):
        rules.Cash("InventoryNet-v0")
    index = worldly.Index(presets.portfolio_allocation())
    scenario = index.model.scenario(1)
    seen = index.model.observe(index.model.initial(scenario, scenario.xp), scenario.until(0), 0, scenario.xp)
    with pytest.raises(ScenariumError, match=r"index needs its world: act with act_on"):
        index.predict(seen)
