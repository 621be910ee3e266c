"""What each kind of knowledge is worth, against simulation, published figures and each other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from scenarium.envs.core.namespace import torch_namespace
from scenarium.envs.pricing import presets
from scenarium.envs.pricing.calibration import conversion
from scenarium.envs.pricing.context import Context, Signals, signals
from scenarium.envs.pricing.demand import Demand, Residuals, latents, purchase_probability
from scenarium.envs.pricing.optimum import (
    ContextDemand,
    PriceGrid,
    ProductBelief,
    best_prices_gap,
    best_static,
    best_static_price,
    blind_margin,
    by_context,
    capacity_program,
    context_margin,
    full_information,
    full_information_margin,
    observed_signals,
    refined,
    signal_grid,
    static_conversion,
    stationary_value,
    tabulated,
)
from scenarium.envs.pricing.prices import Prices

XP = torch_namespace("cpu")
DEMAND = Demand()
LADDER, DISCOUNT, BOTH = Prices(presets.ancillary_pricing().prices.ladder, (0.2, 1.0)), (0.2, 1.0), (0.2, 1.5)
HUMAN = conversion(DEMAND, 1.0)


@pytest.mark.parametrize(
    ("prices", "reference"), [(Prices(None, DISCOUNT), 1.171), (LADDER, 1.168), (Prices(None, BOTH), 1.270)]
)
def test_full_information_earns_what_simulation_found(prices: Prices, reference: float) -> None:
    assert full_information(DEMAND, prices).revenue / HUMAN == pytest.approx(reference, rel=0.01)


def test_best_static_price_is_about_the_list_price() -> None:
    price, offer = best_static(DEMAND, Prices(None, BOTH))
    assert price == pytest.approx(1.025, abs=0.02)
    assert offer.revenue / HUMAN == pytest.approx(1.003, abs=0.002)
    assert best_static(DEMAND, LADDER)[0] == 1.0
    trap = presets.trap()
    assert best_static(trap.demand, trap.prices)[1].revenue == pytest.approx(
        full_information(trap.demand, trap.prices).revenue
    )


def test_purchase_probability_given_the_context_against_simulation() -> None:
    curves = ContextDemand(DEMAND, [0.3, 0.6, 1.0, 1.3])
    some = Signals(*(torch.tensor(x) for x in ([-0.3, 0.8, 0.1], [0.5, -1.0, 2.0], [0.0, 1.0, -2.0])))
    draws = torch.randn(3, 400_000, 3, generator=torch.Generator().manual_seed(0)).unbind(0)
    latent = latents(DEMAND, some, Residuals(*draws), XP)
    for k, price in enumerate(curves.prices):
        simulated = purchase_probability(float(price), latent, XP).mean(0)
        np.testing.assert_allclose(curves.probability(some)[:, k], simulated, atol=4e-4)


def test_drift_moves_the_curve_as_a_price_for_everyone() -> None:
    curves = ContextDemand(DEMAND, [0.5, 1.0], drift=0.5)
    signal = Signals(*(torch.tensor([x], dtype=torch.float64) for x in (2.5, 0.3, -0.4)))
    moved = replace(
        DEMAND,
        insensitive=replace(DEMAND.insensitive, median=1.320 * np.exp(-0.35)),
        sensitive=replace(DEMAND.sensitive, median=0.485 * np.exp(-0.35)),
    )
    there = ContextDemand(moved, [0.5, 1.0]).probability(signal)
    torch.testing.assert_close(curves.probability(signal, -0.35), there, rtol=2e-3, atol=1e-6)
    assert bool((curves.probability(signal, -0.35) < curves.probability(signal)).all())


def test_value_of_the_context_against_real_contexts() -> None:
    at = PriceGrid.of(LADDER)
    model = presets.ancillary_pricing()
    drawn = model.scenario(torch.arange(100_000)).sessions(0, 1)
    curves = ContextDemand(DEMAND, at.values)
    price, margin = at.best(curves.probability(Signals(*(x[0] for x in signals(drawn.context, XP)))))
    found = by_context(DEMAND, LADDER)
    assert float(margin.mean()) == pytest.approx(found.revenue, rel=0.005)
    latent = type(drawn.latent)(*(x[0] for x in drawn.latent))
    true = purchase_probability(price, latent, XP)
    assert float((price * true).mean()) == pytest.approx(found.revenue, rel=0.01)
    assert float(true.mean()) == pytest.approx(found.conversion, rel=0.01)


def test_what_is_known_orders_what_is_earned() -> None:
    for prices in (LADDER, Prices(None, BOTH)):
        nothing, everything = best_static(DEMAND, prices)[1].revenue, full_information(DEMAND, prices).revenue
        values = [by_context(replace(DEMAND, informativeness=r), prices).revenue for r in (0.0, 0.4, 0.75, 0.95)]
        assert values[0] == pytest.approx(nothing, rel=2e-3)
        assert nothing < values[1] < values[2] < values[3] < everything


def test_grid_error_is_stated() -> None:
    stated = refined(lambda factor: float(context_margin(DEMAND, LADDER, factor)(np.zeros(1))[0]))
    assert stated.error / stated.value < 5e-4
    assert stated.value == pytest.approx(by_context(DEMAND, LADDER).revenue, rel=5e-4)
    assert float(signal_grid().weights.sum()) == pytest.approx(1.0)


def test_flight_values() -> None:
    prices = Prices(None, BOTH)
    everything, context, nothing = (
        capacity_program(tabulated(margin, 1.5, 25), 180, 12).value[0, 12]
        for margin in (
            full_information_margin(DEMAND, prices),
            context_margin(DEMAND, prices),
            blind_margin(DEMAND, prices),
        )
    )
    assert everything == pytest.approx(14.9, rel=0.01)
    assert context == pytest.approx(14.70, rel=0.002)
    grid = PriceGrid.of(prices).values
    price, static = best_static_price(static_conversion(DEMAND, grid), grid, 180, 12)
    assert (price, static) == (pytest.approx(1.2, abs=0.03), pytest.approx(13.575, rel=0.01))
    myopic = stationary_value(*full_information(DEMAND, prices), 180, 12)
    assert myopic == pytest.approx(11.0, rel=0.01)
    assert myopic < static < nothing < context < everything


def test_signals_are_read_from_an_observation() -> None:
    model = presets.capacity()
    scenario = model.scenario(torch.arange(500))
    observation = model.observe(model.initial(scenario, XP), scenario.until(0), 0, XP)
    expected = Signals(*(x[0] for x in signals(scenario.sessions(0, 1).context, XP)))
    for found, wanted in zip(observed_signals(observation), expected, strict=True):
        torch.testing.assert_close(found, wanted, atol=2e-4, rtol=0)


def test_several_products() -> None:
    model = presets.multi_product()
    scenario = model.scenario(torch.arange(3000))
    context = Context(*(x[0] for x in scenario.sessions(0, 1).context))
    belief = ProductBelief(model)
    margin, profit = belief.margin(context)
    assert float(profit.mean()) < float(scenario.at(0).best_revenue.mean())
    _, outcome = model.step(
        model.initial(scenario, XP), margin[:, None] + torch.tensor(model.costs), scenario.at(0), 0, XP
    )
    assert float(outcome.info["expected_revenue"].mean()) == pytest.approx(float(profit.mean()), rel=0.03)
    equal, gain = best_prices_gap(belief, Context(*(x[:200] for x in context)), steps=100)
    assert 0.0 <= gain < 1e-3 * equal


def test_a_known_customer_gets_the_closed_form() -> None:
    model = presets.multi_product(informativeness=0.999)
    scenario = model.scenario(torch.arange(200))
    context = Context(*(x[0] for x in scenario.sessions(0, 1).context))
    offer = scenario.at(0)
    margin, _ = ProductBelief(model).margin(context)
    close = (margin - offer.best_margin).abs()
    assert float(close.median()) < 0.02
