"""The transition: against share accounting in plain Python, its invariants, its three fills."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from portfolio_play import SYNTHETIC, bars_of, equal, play, play_many

from scenarium.envs import ScenariumError
from scenarium.envs.core.namespace import NUMPY, torch_namespace
from scenarium.envs.core.rollout import unroll
from scenarium.envs.portfolio import presets
from scenarium.envs.portfolio.calendar import day_number, day_text
from scenarium.envs.portfolio.costs import Rates
from scenarium.envs.portfolio.market import Market, Rolled
from scenarium.envs.portfolio.model import PortfolioAllocation, State
from scenarium.envs.portfolio.projection import Limits
from scenarium.envs.portfolio.rewards import mean_variance
from scenarium.envs.portfolio.scenario import Day, Fees

XP = torch_namespace("cpu")


def ledger(model, seed, policy):
    """Wealth after every day from shares and cash, costs found by bisection: independent of the model."""
    scenario = model.scenario(seed)
    overnight, intraday = bars_of(model, seed)
    price, shares, cash = np.ones(model.names), np.zeros(model.names), 1.0
    path = []
    for t in range(model.horizon):
        buy, sell = (float(rate) for rate in scenario.at(t).rates)
        order = np.asarray(policy(t), np.float64)
        worth = cash + shares @ price
        wanted = order[1:] * worth / price  # shares, worked out at the close that was seen
        price = price * (1 + overnight[t])
        spare = order[0] * worth
        low, high = 0.5, 1.5  # the mix is bought with all the wealth of the open
        for _ in range(60):
            scale = 0.5 * (low + high)
            change = scale * wanted - shares
            paid = (np.maximum(change, 0) * (1 + buy) - np.maximum(-change, 0) * (1 - sell)) @ price
            low, high = (scale, high) if cash - paid > scale * spare else (low, scale)
        shares, cash = scale * wanted, cash - paid
        price = price * (1 + intraday[t])
        path.append(cash + shares @ price)
    return np.array(path)


def test_wealth_is_that_of_a_ledger_of_shares():
    model = presets.portfolio_allocation(names=6, horizon=40, action_mode="weights")
    rng = np.random.default_rng(0)
    orders = rng.dirichlet(np.full(7, 0.5), model.horizon)
    steps = iter(orders)
    moments = play(model, lambda o: next(steps).astype(np.float32), seed=5)
    wealth = np.exp([float(m.outcome.info["wealth"]) for m in moments])
    np.testing.assert_allclose(wealth, ledger(model, 5, lambda t: orders[t]), rtol=3e-6)


def test_in_float64_the_step_is_that_of_the_ledger_to_ten_digits():
    """The same source on double tensors: the recursion itself, free of rounding, against shares."""
    model = presets.portfolio_allocation(names=6, horizon=30, action_mode="weights")
    scenario = model.scenario(5)
    orders = np.random.default_rng(0).dirichlet(np.full(7, 0.5), model.horizon)
    zero = torch.zeros(1, dtype=torch.float64)
    state = State(torch.eye(7, dtype=torch.float64)[:, :1], *[zero] * 6)
    for t in range(model.horizon):
        day = scenario.at(t)
        rates = Rates(*(torch.tensor([float(rate)], dtype=torch.float64) for rate in day.rates))
        moves = torch.tensor(day.moves.astype(np.float64))[:, None]
        state, _ = model.step(state, torch.tensor(orders[t : t + 1]), Day(moves, rates, day.date), t, XP)
    expected = ledger(model, 5, lambda t: orders[t])[-1]
    assert float(state.wealth.exp()) == pytest.approx(expected, rel=1e-10)


def test_buy_and_hold_is_the_mean_of_price_ratios_and_trades_once():
    model = presets.portfolio_allocation(names=5, fees=(0.0, 0.0, False), action_mode="weights")
    first = equal(model)
    moments = play(model, lambda o: first if o["weights"][0] == 1.0 else o["weights"], seed=8)
    overnight, intraday = bars_of(model, 8)
    growth = np.cumprod((1 + overnight) * (1 + intraday), axis=0) / (1 + overnight[0])
    # The order is worked out at the close before the first open: shares are equal in value there.
    value = (1 + overnight[0]) / (1 + overnight[0]).sum()
    np.testing.assert_allclose(
        np.exp([float(m.outcome.info["wealth"]) for m in moments]), (growth * value).sum(1), rtol=1e-5
    )
    assert all(float(m.outcome.info["turnover"]) < 1e-6 for m in moments[1:])


def test_holding_costs_nothing_at_any_fee():
    model = presets.portfolio_allocation(names=5, fees=(0.05, 0.05, True), action_mode="weights")
    moments = play(model, lambda o: equal(model) if o["weights"][0] == 1.0 else o["weights"], seed=8)
    assert float(moments[0].outcome.info["cost"]) > 0.04
    assert max(abs(float(m.outcome.info["cost"])) for m in moments[1:]) < 1e-7


@pytest.mark.parametrize("name", SYNTHETIC)
def test_weights_sum_to_one_and_costs_are_costs(name):
    model = SYNTHETIC[name]()
    rng = np.random.default_rng(1)
    moments = play(model, lambda o: rng.dirichlet(np.full(model.names + 1, 0.3)).astype(np.float32))
    for m in moments:
        weights = np.asarray(m.after.weights, np.float64)
        assert weights.sum() == pytest.approx(1.0, abs=2e-6)
        assert (weights >= 0).all()
        assert -1e-7 <= float(m.outcome.info["cost"]) < 1.0
        assert not m.outcome.terminated
    assert len(moments) == model.horizon


@pytest.mark.parametrize("name", ["default", "a_share", "paper"])
def test_names_are_exchangeable(name):
    model = SYNTHETIC[name](action_mode="weights")
    n, order = model.names, np.random.default_rng(0).permutation(model.names)
    scenario = model.scenario(3)
    state = model.initial(scenario, NUMPY)
    with_cash = np.concatenate([[0], 1 + order])
    blocks = [with_cash, n + 1 + with_cash, [2 * n + 2]]
    if model.layout.frictions:
        blocks += [2 * n + 3 + order, 3 * n + 3 + order]
    shuffle = np.concatenate(blocks).astype(int)
    mixed = state
    rng = np.random.default_rng(2)
    for t in range(20):
        day, action = scenario.at(t), rng.dirichlet(np.full(n + 1, 0.3)).astype(np.float32)
        state, a = model.step(state, action, day, t, NUMPY)
        mixed, b = model.step(mixed, action[with_cash], day._replace(moves=day.moves[shuffle]), t, NUMPY)
        np.testing.assert_allclose(mixed.weights, state.weights[with_cash], rtol=2e-5, atol=1e-6)
        assert float(a.reward) == pytest.approx(float(b.reward), rel=1e-4, abs=1e-6)


def test_a_single_stock_is_reachable_and_actions_have_two_forms():
    model = presets.portfolio_allocation()
    logits = np.full(11, -10.0, np.float32)
    logits[4] = 10.0
    weights = play(model.native(), lambda o: np.eye(11, dtype=np.float32)[4], periods=1)[0].after.weights
    after, _ = model.step(model.initial(model.scenario(3), NUMPY), logits, model.scenario(3).at(0), 0, NUMPY)
    assert after.weights[4] > 0.9999
    np.testing.assert_allclose(weights, after.weights, atol=1e-6)
    asked = np.array([0.1, 0.0, 0.3, 0.6, *[0.0] * 7], np.float32)
    encoded = model.encode(asked, NUMPY)
    assert model.action_space.contains(encoded)
    shares = np.exp(encoded) / np.exp(encoded).sum()
    np.testing.assert_allclose(shares, asked, rtol=1e-5, atol=1e-7)


class OneDay(Market):
    """A market with given bars."""

    longest = 100

    def __init__(self, overnight, intraday, flags=None):
        self.names = len(overnight)
        self.bars, self.flags = (overnight, intraday), flags or {}

    def roll(self, seeds, days, xp):
        base = presets.gaussian(mean=[0.0] * self.names, vol=[0.01] * self.names).market.roll(seeds, days, xp)
        o, i = (np.tile(np.log1p(np.array(x, np.float32)), (days, 1)) for x in self.bars)
        flags = {k: np.tile(np.array(v, np.float32), (days, 1)) for k, v in self.flags.items()}
        return Rolled(base.bars._replace(overnight=o, intraday=i, **flags), base.caps)


def one_step(fill, weights, held=None, **options):
    market = OneDay([0.1, -0.2], [0.05, 0.25], options.pop("flags", None))
    options = {"fees": Fees(0.01, 0.02, False), "action_mode": "weights", "window": 3, "horizon": 5, **options}
    model = PortfolioAllocation(market, fill=fill, **options)
    scenario = model.scenario(0)
    state = model.initial(scenario, NUMPY)
    if held is not None:
        state = state._replace(weights=np.array(held, np.float32))
    return model.step(state, np.array(weights, np.float32), scenario.at(0), 0, NUMPY)


def test_three_fills_by_hand():
    # From cash to all of stock 1; held before: stock 2.
    _, outcome = one_step("next_open", [0, 1, 0])
    assert float(outcome.reward) == pytest.approx(math.log(1.05 / 1.01), rel=1e-5)
    _, outcome = one_step("next_open", [0, 1, 0], held=[0, 0, 1])
    assert float(outcome.reward) == pytest.approx(math.log(0.8 * 0.98 / 1.01 * 1.05), rel=1e-5)
    _, outcome = one_step("next_close", [0, 1, 0], held=[0, 0, 1])
    assert float(outcome.reward) == pytest.approx(math.log(0.8 * 1.25 * 0.98 / 1.01), rel=1e-5, abs=1e-7)
    with pytest.warns(UserWarning, match="price the decision has seen"):
        _, outcome = one_step("same_close", [0, 1, 0], held=[0, 0, 1])
    assert float(outcome.reward) == pytest.approx(math.log(0.98 / 1.01 * 1.1 * 1.05), rel=1e-5)


def test_orders_are_shares_or_weights():
    free = {"fees": Fees(0.0, 0.0, False)}
    state, outcome = one_step("next_open", [0, 0.5, 0.5], **free)
    assert float(outcome.reward) == pytest.approx(math.log((1.1 * 1.05 + 0.8 * 1.25) / 1.9), rel=1e-5)
    state, outcome = one_step("next_open", [0, 0.5, 0.5], orders="weights", **free)
    assert float(outcome.reward) == pytest.approx(math.log(0.5 * 1.05 + 0.5 * 1.25), rel=1e-5)
    np.testing.assert_allclose(state.weights, [0, 1.05 / 2.3, 1.25 / 2.3], rtol=1e-5)


def test_geometric_growth_is_the_papers_shortcut_and_below_the_arithmetic():
    _, outcome = one_step("next_close", [0, 0.5, 0.5], held=[0, 0.5, 0.5], geometric=True, fees=Fees(0.0, 0.0, False))
    assert float(outcome.reward) == pytest.approx(0.5 * math.log(1.155) + 0.5 * math.log(1.0), rel=1e-4)


def test_masks_at_the_fill():
    locked = {"open_below": [0.0, 1.0]}  # stock 1 opens at its upper limit: it cannot be bought
    state, outcome = one_step("next_open", [0, 1, 0], frictions=True, flags=locked)
    assert float(outcome.info["turnover"]) == 0.0
    np.testing.assert_array_equal(state.weights, [1, 0, 0])
    state, outcome = one_step("next_open", [1, 0, 0], held=[0, 1, 0], frictions=True, flags=locked)
    assert float(outcome.info["turnover"]) == pytest.approx(1.0, rel=0.03)
    shut = {"traded": [0.0, 1.0]}
    state, outcome = one_step("next_open", [0, 0, 1], held=[0.5, 0.5, 0], frictions=True, flags=shut)
    value = state.weights[1] * math.exp(float(outcome.reward))
    assert value == pytest.approx(0.5 * 1.1 * 1.05, rel=1e-5)  # untouched, to the last cent


def test_the_duty_is_dated():
    model = presets.portfolio_allocation(fees=(0.0, 0.0, True), horizon=20)
    sells = {}
    for seed in range(60):
        scenario = model.scenario(seed)
        for t in range(20):
            day = scenario.at(t)
            sells.setdefault(round(float(day.rates.sell), 6), []).append(int(day.date))
            assert float(day.rates.buy) == 0.0
    assert set(sells) == {1e-3, 5e-4}
    cut = day_number("2023-08-28")
    assert max(sells[1e-3]) < cut <= min(sells[5e-4])
    assert day_text(cut) == "2023-08-28"


@pytest.mark.parametrize("name", SYNTHETIC)
def test_one_world_is_each_lane(name):
    model = SYNTHETIC[name]()
    action = torch.linspace(-2, 2, model.names + 1)
    many = play_many(model, action, [7, 2**40])
    one = play(model.native(), torch.softmax(action, 0).numpy(), seed=7)
    for a, b in zip(many, one, strict=True):
        np.testing.assert_allclose(a.outcome.info["wealth"][0], b.outcome.info["wealth"], rtol=1e-4, atol=2e-5)
        np.testing.assert_array_equal(a.outcome.info["date"][0], b.outcome.info["date"])


def test_gradients_reach_every_action_and_agree_with_differences():
    model = presets.portfolio_allocation(names=4, horizon=6, limits={"cap": 0.4, "cash_floor": 0.05, "turnover": 0.8})
    scenario = model.scenario(torch.arange(3))
    first = type(model.initial(scenario, XP))(*(x.double() for x in model.initial(scenario, XP)))

    def final(actions):
        state = first
        for t in range(6):
            day = scenario.at(t)
            day = day._replace(moves=day.moves.double(), rates=type(day.rates)(*(r.double() for r in day.rates)))
            state, _ = model.step(state, actions[t], day, t, XP)
        return state.wealth

    actions = torch.randn(6, 3, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1), requires_grad=True)
    # The second Newton step leaves 1e-12 of the value, differences of 1e-6 see 1e-6 of it.
    assert torch.autograd.gradcheck(final, actions, eps=1e-5, atol=1e-6, rtol=1e-3)


@pytest.mark.parametrize("name", SYNTHETIC)
@pytest.mark.parametrize("reward", ["log", "differential_sharpe", "average_sharpe", "log_less_drawdown"])
def test_gradients_through_observations_are_finite(name, reward):
    model = SYNTHETIC[name](horizon=5, reward=reward).native()
    weight = torch.zeros(1, requires_grad=True)

    def act(observation, memory, t):
        leaves = tuple(observation.values()) if isinstance(observation, dict) else (observation,)
        seen = torch.cat([leaf.flatten(1) for leaf in leaves], 1)
        return model.policy_head(weight * seen[:, -model.names - 1 :] + 0.1 * weight, None), None

    moments = unroll(model, model.scenario(torch.arange(4)), act)
    sum(m.outcome.reward.sum() for m in moments).backward()
    assert torch.isfinite(weight.grad).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"fill": "tomorrow"}, "fill 'tomorrow' is unknown; use one of next_open"),
        ({"observation": "picture"}, "observation 'picture'"),
        ({"action_mode": "trades"}, "action_mode 'trades'"),
        ({"features": ("high",)}, "'close' among them"),
        ({"features": ("close", "smell")}, "must be of close, high"),
        ({"fees": (0.7, 0.0, False)}, "fees are"),
        ({"window": 0}, "window 0"),
        ({"horizon": 4000}, "more than the"),
        ({"limits": {"max": 1}}, "they are cap, cash_floor and turnover"),
        ({"reward": "lgo"}, "unknown reward 'lgo'; did you mean 'log'"),
    ],
)
def test_bad_arguments_are_one_line(arguments, message):
    with pytest.raises(ScenariumError, match=message) as caught:
        presets.portfolio_allocation(**arguments)
    assert "\n" not in str(caught.value)


def test_playing_past_the_end_is_refused():
    model = presets.portfolio_allocation(horizon=5)
    with pytest.raises(ScenariumError, match="longer horizon"):
        model.scenario(1).at(6)


def test_limits_hold_through_an_episode():
    model = presets.portfolio_allocation(action_mode="weights", limits=Limits(cap=0.2, turnover=0.3), orders="weights")
    rng = np.random.default_rng(0)
    moments = play(model, lambda o: rng.dirichlet(np.full(11, 0.2)).astype(np.float32))
    assert max(float(m.outcome.info["turnover"]) for m in moments) <= 0.3 * 1.001


def test_a_users_reward():
    plain, own = (presets.portfolio_allocation(reward=r, action_mode="weights") for r in ("log", mean_variance(0.0)))
    a, b = (play(m, equal(m), periods=5) for m in (plain, own))
    assert [float(x.outcome.reward) for x in a] == [float(x.outcome.reward) for x in b]
