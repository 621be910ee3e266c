"""What no sequence of actions may break: coin, units, orders, tiles, and rewards that add up."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scenarium.envs.core.namespace import NUMPY, torch_namespace
from scenarium.envs.tax.actions import describe
from scenarium.envs.tax.economy import Economy
from scenarium.envs.tax.model import TaxWorld
from scenarium.envs.tax.parameters import Parameters
from scenarium.envs.tax.utility import OBJECTIVES

XP = torch_namespace("cpu")
PERIODS, WORLDS = 40, 16


def play(model: TaxWorld, seed: int, allowed: bool) -> tuple[Any, Economy, list[Any]]:
    """Random actions, allowed ones or any, in `WORLDS` worlds; start, end and the outcomes."""
    generator = torch.Generator().manual_seed(seed)
    scenario = model.scenario(torch.arange(seed, seed + WORLDS))
    start = state = model.initial(scenario, XP)
    outcomes = []
    for t in range(PERIODS):
        mask = model.action_mask(state, t, XP)["worker"]
        score = torch.rand(mask.shape, generator=generator)
        workers = (torch.where(mask, score, -1.0) if allowed else score).argmax(-1)
        levels = torch.randint(0, 22, (WORLDS, 7), generator=generator)
        state, outcome = model.step(state, {"worker": workers, "planner": levels}, scenario.at(t), t, XP)
        outcomes.append(outcome)
    return start, state, outcomes


def check_books(state: Economy) -> None:
    bids = torch.where(state.orders > 0, (state.orders - 1) >> 6, 0).sum((0, 1))
    assert torch.equal(state.bid_coin, bids.to(torch.float64))
    assert torch.equal(state.ask_goods, (state.orders < 0).sum(0).to(torch.int32))
    ages = (state.orders.abs() - 1) & 63
    assert int(torch.where(state.orders != 0, ages, 0).max()) <= 50


def check_tiles(model: TaxWorld, state: Economy) -> None:
    wet = [model.layout.number(tile) for tile in model.layout.water]
    places = state.location.sort(0).values
    assert bool((places[1:] != places[:-1]).all())
    assert not np.isin(state.location.numpy(), wet).any()
    here = state.houses.gather(0, state.location.to(torch.int64))
    assert bool(((here == 0) | (here == torch.arange(1, model.parameters.workers + 1)[:, None])).all())
    sources = [model.layout.number(tile) for tile in model.layout.sources]
    assert int(state.houses[sources].max()) == 0
    assert int(state.houses[-1].max()) == 0
    assert int(state.stock[-1].max()) == 0


@settings(max_examples=6)
@given(
    st.integers(0, 2**31), st.sampled_from(["open_quadrant_25", "split_25", "uniform_25"]), st.booleans(),
    st.sampled_from(["foundation", "fixed"]),
)  # fmt: skip
def test_nothing_appears_or_vanishes(seed: int, layout: str, allowed: bool, compat: Any) -> None:
    parameters = Parameters(compat=compat, start_coin=20.0, period=20, horizon=PERIODS, order_life=15, regeneration=0.2)
    model = TaxWorld(parameters, layout)
    start, end, outcomes = play(model, seed, allowed)
    built = sum(outcome.info["built"].to(torch.int32) for outcome in outcomes).T
    gathered = sum(outcome.info["gathered"] for outcome in outcomes).movedim(0, -1)
    coin = (start.coin + built * start.pay).sum(0)
    torch.testing.assert_close(end.wealth.sum(0), coin, rtol=0.0, atol=1e-9)
    units = (end.goods + end.ask_goods).sum(1)
    assert torch.equal(units, gathered.sum(1) - built.sum(0))
    assert float(end.coin.min()) >= 0.0
    assert int(end.goods.min()) >= 0
    houses = torch.stack([(end.houses == k).sum(0) for k in range(1, 5)])
    assert torch.equal(houses, built)
    check_books(end)
    check_tiles(model, end)
    for outcome in outcomes:
        assert torch.equal(outcome.info["bought"].sum(-1), outcome.info["sold"].sum(-1))
        assert torch.equal(outcome.info["bought"].sum(-1), outcome.info["trades"].sum(-1))
        shared = outcome.info["tax_paid"].sum(-1) - 4.0 * outcome.info["lump"]
        assert float(shared.abs().max()) < 1e-9


@settings(max_examples=4)
@given(st.integers(0, 2**31), st.sampled_from(sorted(OBJECTIVES)))
def test_rewards_telescope(seed: int, objective: str) -> None:
    model = TaxWorld(Parameters(period=20, horizon=PERIODS), reward=objective)
    start, end, outcomes = play(model, seed, allowed=True)
    worker = sum(outcome.reward["worker"].to(torch.float64) for outcome in outcomes)
    planner = sum(outcome.reward["planner"].to(torch.float64) for outcome in outcomes)
    torch.testing.assert_close(worker.T, end.utility + 1.0 / 0.77, rtol=0.0, atol=1e-4)
    torch.testing.assert_close(planner, end.welfare - start.welfare, rtol=0.0, atol=1e-4)
    if objective == "eq_prod":
        torch.testing.assert_close(planner, end.welfare, rtol=0.0, atol=1e-4)
    finals = OBJECTIVES[objective](end.wealth, end.utility, model.parameters, XP)
    torch.testing.assert_close(finals, end.welfare, rtol=0.0, atol=1e-12)


@settings(max_examples=3)
@given(st.integers(0, 2**31))
def test_an_action_that_is_not_allowed_does_nothing_and_an_allowed_one_something(seed: int) -> None:
    model = TaxWorld(Parameters(start_coin=6.0, regeneration=0.3))
    scenario, rng = model.scenario(seed), np.random.default_rng(seed)
    state, none = model.initial(scenario, NUMPY), np.zeros(7, int)
    for t in range(40):
        mask = model.action_mask(state, t, NUMPY)["worker"]
        idle = {"worker": np.zeros(4, int), "planner": none}
        still, _ = model.step(state, idle, scenario.at(t), t, NUMPY)
        for action in rng.choice(np.arange(1, 50), 6, replace=False):
            alone = {"worker": np.array([action, 0, 0, 0]), "planner": none}
            moved, _ = model.step(state, alone, scenario.at(t), t, NUMPY)
            same = all(np.array_equal(a, b) for a, b in zip(moved, still, strict=True))
            assert same != mask[0, action], (t, describe(int(action)), mask[0, action])
        wish = np.where(mask, rng.random(mask.shape), -1.0).argmax(1)
        state, _ = model.step(state, {"worker": wish, "planner": none}, scenario.at(t), t, NUMPY)


def test_a_bid_that_trades_in_its_own_period_and_price_rules() -> None:
    """Worker 0 asks 3 in period 0; in period 1 worker 1 bids 8: the older order, the ask, sets the price."""
    model = TaxWorld(Parameters(start_coin=10.0, regeneration=0.0))
    scenario = model.scenario(0)
    state = model.initial(scenario, NUMPY)
    state = state._replace(stock=state.stock * 0, goods=np.array([[1, 0, 0, 0], [0, 0, 0, 0]], np.int32))
    for t, actions in enumerate(([13 + 3, 0, 0, 0], [0, 2 + 8, 0, 0])):
        chosen = {"worker": np.array(actions), "planner": np.zeros(7, int)}
        state, outcome = model.step(state, chosen, scenario.at(t), t, NUMPY)
    assert state.coin.tolist() == [13.0, 7.0, 10.0, 10.0]
    assert state.bid_coin.tolist() == [0.0] * 4
    assert state.goods[0].tolist() == [0, 1, 0, 0]
    assert outcome.info["trades"][0].tolist() == [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]
    assert state.labor.tolist() == [0.25, 0.25, 0.0, 0.0]
    assert state.price_history[0, 3] == 1.0


def test_action_names() -> None:
    assert [describe(k) for k in (0, 1, 2, 12, 13, 24, 45, 46, 49)] == [
        "nothing", "build", "bid for stone at 0", "bid for stone at 10", "ask for stone at 0", "bid for wood at 0",
        "ask for wood at 10", "go left", "go down",
    ]  # fmt: skip
