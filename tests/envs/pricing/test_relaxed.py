"""The pathwise forms: unbiased, differentiable, and acting as the exact problem does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from scenarium.envs.core.namespace import torch_namespace
from scenarium.envs.core.rollout import counted_rewards, unroll
from scenarium.envs.pricing.presets import ancillary_pricing, capacity, drifting, multi_product, two_sided

TORCH = torch_namespace("cpu")


def test_a_menu_pays_the_mean_of_its_prices() -> None:
    model = ancillary_pricing(reward="expected")
    menu, seeds = model.relaxed(), torch.arange(200)
    weights = torch.rand(9, generator=torch.Generator().manual_seed(0))
    weights = weights / weights.sum()
    mixed = counted_rewards(menu, menu.scenario(seeds), lambda *_: (weights.expand(200, -1), None), 5)
    pure = [
        counted_rewards(model, model.scenario(seeds), lambda *_: (torch.full((200,), k), None), 5)  # noqa: B023
        for k in range(9)
    ]
    torch.testing.assert_close(mixed, (weights.double()[:, None] * torch.stack(pure)).sum(0), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("factory", [ancillary_pricing, two_sided, drifting])
def test_a_sure_weighing_becomes_that_price(factory: Any) -> None:
    model: Any = factory()
    menu = model.relaxed()
    for k in (0, 3, len(menu.menu) - 1):
        weights = torch.zeros(2, len(menu.menu))
        weights[:, k] = 1.0
        action = model.encode(menu.decide(weights, TORCH), TORCH)
        np.testing.assert_allclose(model.prices.price(action, TORCH), menu.menu[k], rtol=1e-6)


def test_the_gradient_of_a_menu_is_the_revenue_of_each_price() -> None:
    menu = ancillary_pricing().relaxed()
    weights = torch.full((50, 9), 1.0 / 9.0, requires_grad=True)
    scenario = menu.scenario(torch.arange(50))
    counted_rewards(menu, scenario, lambda *_: (weights, None), 1).sum().backward()
    _, revenue = menu.answers(scenario.at(0), TORCH)  # type: ignore[attr-defined]
    assert weights.grad is not None
    torch.testing.assert_close(weights.grad, revenue.T)


def priced(observation: torch.Tensor) -> torch.Tensor:
    """A price that depends on time, units and context."""
    return (0.9 + 0.3 * observation[:, 40:41] - 0.2 * observation[:, 39:40] + 0.1 * observation[:, 5:6]).clamp(0.2, 1.5)


def test_the_distribution_of_units_is_what_many_flights_have() -> None:
    """One world's customers, its chances drawn anew many times, against the exact distribution."""
    model = capacity(units=4, horizon=40)
    exact = model.relaxed()
    scenario = exact.scenario(torch.tensor([11]))
    state, total = exact.initial(scenario, TORCH), 0.0
    generator = torch.Generator().manual_seed(0)
    flights = 40_000
    units, earned = torch.full((flights,), 4.0), torch.zeros(flights)
    for t in range(40):
        rows = exact.observe(state, scenario.until(t), t, TORCH)
        assert rows.shape == (4, 41)
        price, session = priced(rows), scenario.at(t)
        paid = price[(units.long() - 1).clamp(min=0), 0]
        chance = session.latent.need * torch.sigmoid((session.latent.median - paid) / session.latent.spread)
        sale = (torch.rand(flights, generator=generator) < chance).float() * (units > 0)
        units, earned = units - sale, earned + paid * sale
        state, outcome = exact.step(state, price, session, t, TORCH)
        total += float(outcome.reward[0])
    assert float(state.mass.sum()) == pytest.approx(1.0, abs=1e-5)
    shares = torch.bincount(units.long(), minlength=5) / flights
    np.testing.assert_allclose(state.mass[:, 0], shares, atol=4 * 0.5 / np.sqrt(flights))
    assert total == pytest.approx(float(earned.mean()), abs=4 * float(earned.std()) / np.sqrt(flights))


def test_expected_sales_are_the_mean_of_drawn_ones() -> None:
    model = capacity(units=6, horizon=60)
    relaxed, seeds = model.relaxed(), torch.arange(4000)
    drawn = counted_rewards(model, model.scenario(seeds), lambda o, m, t: (priced(o), None), 60)
    exact = counted_rewards(relaxed, relaxed.scenario(seeds), lambda o, m, t: (priced(o), None), 60)
    gap = drawn - exact
    assert abs(float(gap.mean())) < 4 * float(gap.std()) / np.sqrt(4000)
    assert float(exact.std()) < 0.5 * float(drawn.std())


def test_the_gradient_of_a_flight_matches_finite_differences() -> None:
    relaxed = capacity(units=3, horizon=25).relaxed()
    scenario = relaxed.scenario(torch.arange(64))

    def value(shift: torch.Tensor) -> Any:
        return counted_rewards(relaxed, scenario, lambda o, m, t: (priced(o) + shift, None), 25).mean()

    shift = torch.zeros((), requires_grad=True)
    (slope,) = torch.autograd.grad(value(shift), shift)
    with torch.no_grad():
        measured = (value(torch.tensor(0.02)) - value(torch.tensor(-0.02))) / 0.04
    assert float(slope) == pytest.approx(float(measured), rel=0.02)


def test_several_products_are_relaxed_to_their_expected_margin() -> None:
    model = multi_product()
    relaxed = model.relaxed()
    prices = torch.full((20, 3), 0.7, requires_grad=True)
    moment = next(iter(unroll(relaxed, relaxed.scenario(torch.arange(20)), lambda *_: (prices, None))))
    torch.testing.assert_close(moment.outcome.reward, moment.outcome.info["expected_revenue"])
    moment.outcome.reward.sum().backward()
    assert prices.grad is not None
    assert bool((prices.grad != 0).any(1).all())
