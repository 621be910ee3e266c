"""The cost of a trade against share accounting by bisection, its gradient against finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from scenarium.envs.core.namespace import NUMPY, torch_namespace
from scenarium.envs.portfolio.costs import Rates, Trade, trade

XP = torch_namespace("cpu")

RATES = [Rates(2.6e-4, 7.6e-4), Rates(25e-4, 25e-4), Rates(0.0, 1e-3), Rates(0.03, 0.05)]


def pairs(count: int, names: int, seed: int = 0):
    rng = np.random.default_rng(seed)
    held, target = (rng.dirichlet(np.full(names + 1, 0.4), count) for _ in range(2))
    held[::5] = 0.0
    held[::5, 0] = 1.0
    target[1::7] = np.eye(names + 1)[1]
    return held, target


def many(held, target, rates, fixed=None):
    """A batch of trades in float64, as arrays."""
    held, target, fixed = (None if x is None else torch.tensor(x.T.copy()) for x in (held, target, fixed))
    return Trade(*(part.numpy() for part in trade(held, target, rates, XP, fixed)))


def by_shares(held, target, rates, price):
    """Wealth left from 1.0 of wealth, by counting shares: bisect on the wealth after the trade."""
    shares = held[1:] / price
    low, high = 0.5, 1.0
    for _ in range(55):
        after = 0.5 * (low + high)
        change = after * target[1:] / price - shares
        paid = (
            np.maximum(change, 0) * price * (1 + rates.buy) - np.maximum(-change, 0) * price * (1 - rates.sell)
        ).sum()
        cash = held[0] - paid
        low, high = (after, high) if cash > after * target[0] else (low, after)
    return 0.5 * (low + high)


@pytest.mark.parametrize("rates", RATES)
def test_the_cost_is_that_of_counting_shares(rates):
    held, target = pairs(120, 20)
    price = np.random.default_rng(1).lognormal(3, 1, 20)
    cost = many(held, target, rates).cost
    expected = [1.0 - by_shares(h, w, rates, price) for h, w in zip(held, target, strict=True)]
    np.testing.assert_allclose(cost, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("rates", RATES)
def test_a_long_run_of_trades_keeps_the_books(rates):
    """Wealth from the recursion equals wealth from shares and cash over 120 days, to 1e-10."""
    rng = np.random.default_rng(3)
    weights, wealth = np.eye(6)[0], 1.0
    price, shares, cash = np.ones(5), np.zeros(5), 1.0
    for _ in range(120):
        target = rng.dirichlet(np.full(6, 0.5))
        worth = cash + shares @ price
        held = np.concatenate([[cash], shares * price]) / worth
        np.testing.assert_allclose(held, weights, atol=1e-10)
        done = trade(weights, target, rates, NUMPY)
        wealth *= 1.0 - done.cost
        left = worth * by_shares(held, target, rates, price)
        shares, cash = left * target[1:] / price, left * target[0]
        growth = np.exp(rng.normal(0, 0.02, 5))
        price = price * growth
        value = done.weights * np.concatenate([[1.0], growth])
        wealth *= value.sum()
        weights = value / value.sum()
    assert wealth == pytest.approx(cash + shares @ price, rel=1e-10)


def test_no_trade_costs_exactly_nothing_and_any_trade_at_least_the_cheaper_rate():
    held, target = pairs(300, 8)
    rates = Rates(2e-4, 9e-4)
    assert (many(held, held, rates).cost == 0.0).all()
    done = many(held, target, rates)
    traded = np.abs(target[:, 1:] - held[:, 1:]).sum(1)
    assert (done.cost >= 2e-4 * traded * (1 - 2e-3)).all()
    assert (done.cost < 1.0).all()
    np.testing.assert_allclose(done.turnover, traded, rtol=2e-3)


@pytest.mark.parametrize("locked", [False, True])
def test_the_gradient_is_exact(locked):
    held, target = (torch.tensor(x.T.copy()) for x in pairs(12, 5, seed=4))
    held, target = 0.9 * held + 0.1 / 6, 0.9 * target + 0.1 / 6
    fixed = torch.zeros(5, 12, dtype=torch.float64)
    if locked:
        fixed[2, ::2] = 1.0
        target[1:] *= 0.5
        target[3] = torch.where(fixed[2] > 0, held[3], target[3])
        target[0] = 1.0 - target[1:].sum(0)
    buy = torch.full((12,), 25e-4, dtype=torch.float64)

    def cost(h, w, b, s):
        done = trade(h, w, Rates(b, s), XP, fixed if locked else None)
        return done.cost, done.weights

    leaves = [x.clone().requires_grad_() for x in (held, target, buy, buy * 1.5)]
    assert torch.autograd.gradcheck(cost, leaves, eps=1e-7, atol=1e-6)


def test_locked_names_keep_their_value_to_the_last_digit_that_counts():
    held, target = pairs(200, 6, seed=2)
    fixed = (np.random.default_rng(0).random((200, 6)) < 0.3).astype(float)
    target[:, 1:] = np.where(fixed > 0, held[:, 1:], target[:, 1:] * 0.2)
    over = target[:, 1:].sum(1) > 1
    target[over] = held[over]
    target[:, 0] = 1.0 - target[:, 1:].sum(1)
    done = many(held, target, Rates(0.01, 0.02), fixed)
    value = done.weights.T[:, 1:] * (1.0 - done.cost)[:, None]
    np.testing.assert_allclose(value[fixed > 0], held[:, 1:][fixed > 0], rtol=1e-12)
    np.testing.assert_allclose(done.weights.sum(0), 1.0, atol=1e-12)
    # Money is conserved: what is left and the fees on what was traded make up the wealth before.
    change = value - held[:, 1:]
    fees = 0.01 * np.maximum(change, 0).sum(1) + 0.02 * np.maximum(-change, 0).sum(1)
    np.testing.assert_allclose(done.cost, fees, atol=1e-10)


def test_everything_locked_trades_nothing():
    held = np.array([0.0, 0.5, 0.5])
    done = trade(held, held, Rates(0.01, 0.02), NUMPY, np.ones(2))
    assert done.cost == 0.0
    np.testing.assert_array_equal(done.weights, held)
