"""What other environments and backtests of this problem got wrong, one test for each; see also `test_leaks`.

Found in the code of Huang, Zhou and Song (arXiv 2412.18563), of FinRL's two portfolio environments and of TradeMaster.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from portfolio_play import SYNTHETIC, equal, play

import scenarium
from scenarium.envs.core.env import ScenariumEnv
from scenarium.envs.core.namespace import NUMPY
from scenarium.envs.core.rollout import unroll
from scenarium.envs.core.tree import tree_leaves
from scenarium.envs.portfolio import metrics, presets
from scenarium.envs.portfolio.calendar import trading_days
from scenarium.envs.portfolio.costs import Rates, trade
from scenarium.envs.portfolio.data.build import panel_of
from scenarium.envs.portfolio.data.fixture import SHIPPED, SHIPPED_LIMIT

FACTORIES = {**SYNTHETIC, "data": presets.data}


def flat(observation):
    return np.concatenate([np.ravel(np.asarray(leaf)) for leaf in tree_leaves(observation)])


class Watched:
    """An agent that notes how it is asked."""

    def __init__(self, model):
        self.width, self.seen, self.flags = model.names + 1, [], []

    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        self.flags.append(deterministic)
        self.seen.append(np.concatenate([leaf.reshape(len(leaf), -1) for leaf in tree_leaves(observation)], 1))
        return np.zeros((len(self.seen[-1]), self.width), np.float32), state


@pytest.mark.parametrize("name", FACTORIES)
def test_an_evaluation_shows_every_day_and_asks_for_no_noise(name):
    """The paper's loops fed the first observation on all days and sampled the actions."""
    model = FACTORIES[name](horizon=12)
    agent = Watched(model)
    scenarium.evaluate(agent, model, range(3))
    assert agent.flags == [True] * 12
    assert all((a != b).any(1).all() for a, b in zip(agent.seen, agent.seen[1:], strict=False))
    first = flat(model.observe(model.initial(model.scenario(0), NUMPY), model.scenario(0).until(0), 0, NUMPY))
    np.testing.assert_allclose(np.sort(agent.seen[0][0]), np.sort(first), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", FACTORIES)
def test_every_portfolio_can_be_reached(name):
    """A softmax over Box(0, 1) confines 11 weights to 3.5-21.4 %, a softmax twice over three assets to 21-58 %."""
    model = FACTORIES[name](frictions=False) if name in ("a_share", "randomized", "data") else FACTORIES[name]()
    state, day = model.initial(model.scenario(1), NUMPY), model.scenario(1).at(0)
    for asset in range(model.names + 1):
        logits = np.full(model.names + 1, -10.0, np.float32)
        logits[asset] = 10.0
        assert model.action_space.contains(logits)
        assert model.step(state, logits, day, 0, NUMPY)[0].weights[asset] > 0.99
        head = model.policy_head(50.0 * torch.tensor(logits)[None], None)[0].numpy()
        assert model.step(state, head, day, 0, NUMPY)[0].weights[asset] > 0.99


def test_one_softmax_and_no_more():
    model = presets.portfolio_allocation(orders="weights", fees=(0.0, 0.0, False))
    logits = np.random.default_rng(0).normal(0, 2, 11).astype(np.float32)
    after, _ = model.step(model.initial(model.scenario(1), NUMPY), logits, model.scenario(1).at(0), 0, NUMPY)
    moves = model.scenario(1).at(0).moves
    drifted = np.exp(logits) / np.exp(logits).sum() * (1.0 + moves[11:22])
    np.testing.assert_allclose(after.weights, drifted / drifted.sum(), rtol=1e-5)


def test_costs_are_charged_on_the_trade_that_is_made():
    """FinRL takes the new weight of cash for the old: from cash to stocks 0, from stocks to cash twice the fee."""
    rates, cash, stock = Rates(0.0025, 0.0025), np.array([1.0, 0.0]), np.array([0.0, 1.0])
    bought, sold = trade(cash, stock, rates, NUMPY), trade(stock, cash, rates, NUMPY)
    assert float(bought.cost) == pytest.approx(1.0 - 1.0 / 1.0025, abs=1e-9)
    assert float(sold.cost) == pytest.approx(0.0025, abs=1e-9)
    assert float(trade(stock, stock, rates, NUMPY).cost) == 0.0


@pytest.mark.parametrize("name", ["default", "a_share", "regime", "data"])
def test_fees_are_those_of_the_exchange_and_not_of_a_coin_market(name):
    """0.25 % on both sides is the fee of a cryptocurrency exchange of 2017; it stays with the paper's own setting."""
    model = FACTORIES[name]()
    buys, sells = zip(*(map(float, model.scenario(seed).at(0).rates) for seed in range(40)), strict=True)
    assert set(np.round(1e4 * np.array(buys), 3)) == {2.6}
    assert set(np.round(1e4 * np.array(sells), 3)) <= {7.6, 12.6}
    assert [round(1e4 * float(rate), 3) for rate in presets.paper().scenario(1).at(0).rates] == [25.0, 25.0]


@pytest.mark.parametrize("name", FACTORIES)
def test_growth_is_arithmetic_unless_asked_otherwise(name):
    assert not FACTORIES[name]().geometric


@pytest.mark.parametrize("name", ["default", "paper", "regime", "gaussian"])
def test_a_portfolio_earns_the_mean_return_of_what_it_holds(name):
    """exp(w . log y) loses half the variance across names; w . y is what a portfolio earns."""
    model = FACTORIES[name](fees=(0.0, 0.0, False), horizon=10).native()
    width = model.names + 1
    for m in play(model, lambda o: equal(model))[1:]:
        moves = np.asarray(model.scenario(3).at(m.t).moves, np.float64)
        gap, day = 1.0 + moves[:width], 1.0 + moves[width : 2 * width]
        held, mix = np.asarray(m.state.weights, np.float64), equal(model) * gap
        # Filled at the next close, the old weights earn the day; at the open, the order (shares of equal value) does.
        growth = held @ (gap * day) if model.fill == "next_close" else (held @ gap) * (mix @ day) / mix.sum()
        assert math.exp(float(m.outcome.info["log_return"])) == pytest.approx(float(growth), rel=2e-6)


@pytest.mark.parametrize("name", FACTORIES)
def test_the_last_action_earns_and_the_end_of_the_days_is_no_bankruptcy(name):
    """The paper credits rewards a step late and loses the last; FinRL terminates at the end of its data."""
    model = FACTORIES[name](horizon=4)

    def last(logits):
        env = ScenariumEnv(model)
        env.reset(seed=2)
        for t in range(4):
            action = logits if t == 3 else np.zeros(model.names + 1, np.float32)
            _, reward, terminated, truncated, _ = env.step(action.astype(np.float32))
        return reward, terminated, truncated

    cash = 10.0 * np.eye(model.names + 1)[0]
    assert last(cash)[0] != last(np.zeros(model.names + 1))[0]
    assert last(cash)[1:] == (False, True)


def test_the_reward_is_a_return_and_not_the_wealth():
    model = presets.portfolio_allocation().native()
    moments = play(model, lambda o: equal(model))
    rewards = np.array([float(m.outcome.reward) for m in moments])
    assert abs(rewards).max() < 0.11  # names move by 10 % at most
    assert rewards.sum() == pytest.approx(float(moments[-1].outcome.info["wealth"]), abs=1e-5)


def test_levels_of_adjusted_prices_say_nothing():
    """Adjusted prices are anchored at the day of the download: their levels tell of splits and dividends to come."""
    panel = panel_of(SHIPPED, daily_limit=SHIPPED_LIMIT)
    scale = np.linspace(0.2, 3.0, panel.names)[None]
    moved = replace(panel, factor=panel.factor * scale)
    rng = np.random.default_rng(0)
    orders = rng.normal(0, 2, (20, 11)).astype(np.float32)
    first, second = (
        list(unroll(model, model.scenario(3), lambda o, m, t: (orders[t], None), 20))
        for model in (presets.data(panel), presets.data(moved))
    )
    for a, b in zip(first, second, strict=True):
        np.testing.assert_allclose(flat(a.observation), flat(b.observation), atol=2e-6)
        assert float(a.outcome.reward) == pytest.approx(float(b.outcome.reward), abs=1e-6)


def test_recorded_days_are_played_once_in_order():
    """A backtest that draws its starts anew plays some days twice and others never."""
    model = presets.data(split="test", horizon=None)
    dates = [int(model.scenario(seed).at(t).date) for seed in (0, 9) for t in range(model.horizon)]
    panel, (first, last) = model.market.panel, model.market.part
    assert dates == 2 * panel.dates[first : last + 1].tolist()


def test_stocks_have_no_leverage_effect():
    """In A-shares volatility does not rise after losses: a return and the next |return| are uncorrelated."""
    model = presets.portfolio_allocation(20, horizon=600)
    scenario = model.scenario(torch.arange(24))
    moves = torch.stack([scenario.at(t).moves for t in range(600)]).double().log1p()
    day = (moves[:, 1:21] + moves[:, 22:42]).numpy()
    before, after = day[:-1], np.abs(day[1:])
    ratios = [np.corrcoef(before[:, i, b], after[:, i, b])[0, 1] for i in range(20) for b in range(24)]
    assert abs(np.mean(ratios)) < 0.03


def test_a_year_is_that_of_chinese_exchanges():
    """252 days, as in New York, would raise a Sharpe ratio by 2 %."""
    years = (trading_days().astype("datetime64[D]").astype("datetime64[Y]").astype(int)).tolist()
    assert metrics.DAYS_PER_YEAR == 242
    assert np.mean([years.count(year) for year in set(years)]) == pytest.approx(242, abs=3)
    r = np.random.default_rng(0).normal(5e-4, 0.01, 300)
    assert metrics.sharpe_ratio(r, 252) / metrics.sharpe_ratio(r) == pytest.approx(math.sqrt(252 / 242))


@pytest.mark.parametrize("name", ["default", "a_share"])
def test_observations_follow_their_names_when_these_change_places(name):
    model = FACTORIES[name]()
    scenario, order = model.scenario(3), np.random.default_rng(0).permutation(model.names)
    state = model.initial(scenario, NUMPY)
    state = state._replace(weights=np.random.default_rng(1).dirichlet(np.ones(model.names + 1)).astype(np.float32))
    rows, n, features = scenario.until(4).window(50), model.names, len(model.layout.features)
    columns = [block * n + order for block in range(features + 3)]

    class Mixed:
        def window(self, length):
            return np.concatenate([rows[:, np.concatenate(columns)], rows[:, (features + 3) * n :]], 1)

    plain = model.observe(state, scenario.until(4), 4, NUMPY)
    mixed = model.observe(state._replace(weights=state.weights[np.r_[0, 1 + order]]), Mixed(), 4, NUMPY)
    np.testing.assert_array_equal(mixed["image"], plain["image"][:, order])
    np.testing.assert_array_equal(mixed["mask"], plain["mask"][order])
    np.testing.assert_array_equal(mixed["weights"][1:], plain["weights"][1 + order])
    np.testing.assert_array_equal(mixed["aux"], plain["aux"])
