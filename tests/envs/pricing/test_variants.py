"""Capacity, drift and several products."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from scenarium.envs import ScenariumError
from scenarium.envs.core.namespace import NUMPY, torch_namespace
from scenarium.envs.core.rollout import unroll
from scenarium.envs.pricing import features
from scenarium.envs.pricing.demand import Demand
from scenarium.envs.pricing.drift import Drift
from scenarium.envs.pricing.presets import ancillary_pricing, capacity, drifting, multi_product
from scenarium.envs.pricing.products import choice_probabilities

TORCH = torch_namespace("cpu")


def at_price(price: float, size: int = 1) -> Any:
    """A policy that always charges the same."""
    return lambda observation, memory, t: (torch.full((len(observation), size), price), None)


@pytest.mark.parametrize("price", [0.2, 1.0])
def test_capacity_never_oversells_and_sells_what_it_can(price: float) -> None:
    model = capacity(units=5)
    moments = list(unroll(model, model.scenario(torch.arange(200)), at_price(price)))
    units = torch.stack([m.state.units for m in moments] + [moments[-1].after.units])
    sold = torch.stack([m.outcome.info["purchased"] for m in moments])
    assert float(units.min()) == 0.0
    assert bool((units[1:] == units[:-1] - sold).all())
    assert bool((sold.sum(0) <= 5).all())
    revenue = torch.stack([m.outcome.reward for m in moments]).sum(0)
    torch.testing.assert_close(revenue, price * sold.sum(0))
    wanted = torch.stack([(price <= model.scenario(torch.arange(200)).at(t).limit).float() for t in range(180)])
    assert bool((sold.sum(0) == wanted.sum(0).clamp(max=5)).all())


def test_capacity_shows_time_and_units_and_expects_nothing_once_sold_out() -> None:
    model = capacity(units=2, reward="expected")
    for moment in unroll(model, model.scenario(torch.arange(100)), at_price(0.2)):
        np.testing.assert_allclose(moment.observation[:, -2], 1.0 - moment.t / 180, atol=1e-6)
        np.testing.assert_allclose(moment.observation[:, -1], moment.state.units / 2)
        gone = moment.state.units == 0
        assert float(moment.outcome.reward[gone].abs().sum()) == 0.0
        assert bool((moment.outcome.reward[~gone] > 0).all())


def test_capacity_takes_a_ladder() -> None:
    model = capacity(ladder=(0.8, 1.0, 1.2))
    assert int(model.action_space.n) == 3  # type: ignore[attr-defined]
    first = next(iter(unroll(model, model.scenario(torch.arange(4)), lambda *_: (torch.tensor([2, 0, 1, 2]), None))))
    assert first.outcome.info["price"].tolist() == pytest.approx([1.2, 0.8, 1.0, 1.2])


def shifts(kinds: Any, worlds: int = 50, sessions: int = 1000) -> Any:
    """The shift of ln m, [sessions, worlds]."""
    drift = Drift(kinds, sessions)
    draws = drift.draws(torch.arange(worlds), TORCH)
    return drift.shift(torch.arange(float(sessions))[:, None], draws, TORCH)


def test_each_kind_of_drift_does_what_it_says() -> None:
    slow = shifts("slow")
    np.testing.assert_allclose(slow.amax(0), 0.20, atol=1e-3)
    np.testing.assert_allclose(slow.mean(0), 0.0, atol=1e-3)
    assert float((slow[1:] - slow[:-1]).abs().max()) < 0.002
    abrupt = shifts("abrupt")
    assert abrupt.unique().tolist() == pytest.approx([-0.35, 0.0])
    moments = (abrupt == 0.0).sum(0)
    assert bool(((moments >= 250) & (moments <= 750)).all())
    assert len(moments.unique()) > 20
    weekday = shifts("weekday")
    assert weekday.unique().tolist() == pytest.approx([-0.12, 0.0, 0.06])
    torch.testing.assert_close(weekday[:-140], weekday[140:])
    torch.testing.assert_close(shifts(("slow", "abrupt", "weekday")), slow + abrupt + weekday)
    with pytest.raises(ScenariumError, match="unknown drift 'fast'"):
        drifting(drift="fast")


def test_drift_moves_the_willingness_to_pay_and_nothing_else() -> None:
    plain, moved = ancillary_pricing(), drifting(drift="abrupt")
    seeds = torch.arange(20)
    a, b = (model.scenario(seeds).sessions(0, 1000) for model in (plain, moved))
    torch.testing.assert_close(a.latent.need, b.latent.need)
    torch.testing.assert_close(a.context.days, b.context.days)
    ratio = (b.latent.median / a.latent.median).log()
    torch.testing.assert_close(ratio, shifts("abrupt", 20), rtol=0, atol=1e-5)


def test_drift_shows_the_weekday_and_recent_prices_and_sales() -> None:
    model = drifting()
    moments = list(unroll(model, model.scenario(torch.arange(50)), lambda o, m, t: (torch.full((50,), 3), None), 400))
    last = moments[-1].observation
    assert last.shape == (50, features.SIZE + 6)
    weekday = last[:, features.SIZE : features.SIZE + 2]
    np.testing.assert_allclose((weekday**2).sum(1), 1.0, atol=1e-5)
    short_price, short_sale, long_price, long_sale = last[:, features.SIZE + 2 :].T
    np.testing.assert_allclose(short_price, 0.5, atol=1e-3)
    np.testing.assert_allclose(long_price, 0.5 + 0.5 * (1 - 1 / 250) ** 399, atol=1e-4)
    sold = torch.stack([m.outcome.info["purchased"] for m in moments]).mean()
    assert float(long_sale.mean()) == pytest.approx(float(sold), abs=0.03)
    assert float(short_sale.std()) > float(long_sale.std())


@given(
    st.lists(st.floats(-1.0, 3.0), min_size=3, max_size=3), st.lists(st.floats(0.1, 2.5), min_size=3, max_size=3),
    st.floats(0.05, 0.4), st.floats(0.01, 0.99),
)  # fmt: skip
def test_choice_probabilities_sum_to_the_need_at_most(
    worth: list[float], price: list[float], spread: float, need: float
) -> None:
    prices, worths = np.array(price), np.array(worth)
    chances = choice_probabilities(prices, worths, np.float64(spread), np.float64(need), NUMPY)
    weights = np.exp((worths - prices) / spread)
    np.testing.assert_allclose(chances, need * weights / (1.0 + weights.sum()), rtol=1e-6)
    assert 0.0 <= float(chances.sum()) <= need * (1.0 + 1e-12)
    dearer = prices + np.array([0.1, 0.0, 0.0])
    after = choice_probabilities(dearer, worths, np.float64(spread), np.float64(need), NUMPY)
    assert after[0] <= chances[0]
    assert (after[1:] >= chances[1:]).all()


def test_products_are_bought_as_often_as_their_probabilities_say() -> None:
    model = multi_product()
    bought, expected = torch.zeros(3), torch.zeros(3)
    margin, promised = 0.0, 0.0
    for moment in unroll(model, model.scenario(torch.arange(5000)), at_price(0.6, 3), 20):
        info = moment.outcome.info
        assert bool((info["purchased"].sum(1) <= 1).all())
        bought, expected = bought + info["purchased"].sum(0), expected + info["purchase_probability"].sum(0)
        margin, promised = (
            margin + float(moment.outcome.reward.mean()),
            promised + float(info["expected_revenue"].mean()),
        )
    np.testing.assert_allclose(bought / expected, 1.0, atol=0.04)
    assert float(expected.min()) > 0.1 * float(expected.max())
    assert margin == pytest.approx(promised, rel=0.02)


def test_equal_margins_beat_any_nearby_menu() -> None:
    model = multi_product()
    scenario = model.scenario(torch.arange(400))
    offer = scenario.at(0)
    best = model.at_margin(offer.best_margin, TORCH)
    at_best = model._margin(best, choice_probabilities(best, offer.worth, offer.spread, offer.need, TORCH), TORCH)
    torch.testing.assert_close(at_best, offer.best_revenue)
    generator = torch.Generator().manual_seed(0)
    for _ in range(100):
        near = best + 0.1 * torch.randn(best.shape, generator=generator)
        other = model._margin(near, choice_probabilities(near, offer.worth, offer.spread, offer.need, TORCH), TORCH)
        assert float((other - at_best).max()) < 1e-5
    np.testing.assert_allclose(best - torch.tensor(model.costs)[:, None], offer.best_margin.expand(3, -1), atol=1e-6)


def test_every_variant_uses_the_same_customers() -> None:
    models = (ancillary_pricing(), capacity(), multi_product())
    needs = [model.scenario(torch.arange(5)).sessions(0, 3).latent.need for model in models]
    torch.testing.assert_close(needs[0], needs[1])
    torch.testing.assert_close(needs[0], needs[2])
    assert all(model.demand == Demand() for model in models)
