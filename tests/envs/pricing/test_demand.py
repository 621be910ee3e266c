"""The ground truth: falling demand, the closed-form optimum against a grid, and the published online test."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from scenarium.envs import ScenariumError
from scenarium.envs.core.namespace import NUMPY, torch_namespace
from scenarium.envs.pricing.calibration import conversion, explained, with_conversion
from scenarium.envs.pricing.demand import (
    Demand,
    Latents,
    common_margin,
    expected_revenue,
    lambert_w_exp,
    optimal_price,
    optimal_rung,
    purchase_probability,
    sigmoid,
    unconstrained_price,
)
from scenarium.envs.pricing.model import LADDER, AncillaryPricing
from scenarium.envs.pricing.scenario import NEVER, acceptable

TORCH = torch_namespace("cpu")
LATENTS = st.builds(
    lambda m, s, q: Latents(np.float64(m), np.float64(s), np.float64(q)),
    st.floats(0.2, 3.0),
    st.floats(0.05, 0.4),
    st.floats(0.01, 0.9),
)


@pytest.fixture(scope="module")
def customers() -> Latents:
    """200,000 customers of the default ground truth."""
    drawn = AncillaryPricing().scenario(torch.arange(2000)).sessions(0, 100)
    return Latents(*(x.flatten().double() for x in drawn.latent))


@given(LATENTS, st.floats(0.05, 2.0), st.floats(0.0, 1.0))
def test_demand_never_rises_with_the_price(latent: Latents, price: float, more: float) -> None:
    low, high = (float(purchase_probability(p, latent, NUMPY)) for p in (price, price + more))
    assert 0.0 <= high <= low <= float(latent.need)


@given(LATENTS, st.floats(0.0, 0.8))
def test_the_closed_form_is_the_top_of_a_fine_grid(latent: Latents, cost: float) -> None:
    grid = np.arange(cost, 4.5, 0.001)
    on_grid = grid[((grid - cost) * purchase_probability(grid, latent, NUMPY)).argmax()]
    assert float(unconstrained_price(latent.median, latent.spread, cost, NUMPY)) == pytest.approx(on_grid, abs=5.01e-4)


def test_the_closed_form_is_the_top_of_a_fine_grid_for_the_calibrated_customers(customers: Latents) -> None:
    some = Latents(*(x[:300, None] for x in customers))
    grid = torch.arange(0.2, 1.5005, 0.001, dtype=torch.float64)
    on_grid = grid[expected_revenue(grid, some, TORCH).argmax(1)]
    exact = optimal_price(some.median[:, 0], some.spread[:, 0], 0.0, 0.2, 1.5, TORCH)
    assert float((exact - on_grid).abs().max()) <= 5.01e-4


@given(st.floats(-20.0, 400.0))
def test_lambert_w_solves_its_equation(u: float) -> None:
    w = float(lambert_w_exp(np.float64(u), NUMPY))
    assert w > 0.0
    assert w + np.log(w) == pytest.approx(u, rel=1e-9, abs=1e-7)


def test_lambert_w_agrees_with_scipy_and_does_not_overflow() -> None:
    from scipy.special import lambertw

    u = np.linspace(-12.0, 80.0, 2001)
    np.testing.assert_allclose(lambert_w_exp(u, NUMPY), lambertw(np.exp(u)).real, rtol=1e-7)
    large = torch.tensor([49.0, 51.0, 500.0, 1e4])
    w = lambert_w_exp(large, TORCH)
    assert bool(torch.isfinite(w).all())
    torch.testing.assert_close(w + w.log(), large, rtol=1e-5, atol=1e-5)


def test_need_never_moves_the_best_price_and_cost_raises_it(customers: Latents) -> None:
    more = customers._replace(need=(2.0 * customers.need).clamp(max=0.99))
    torch.testing.assert_close(
        optimal_rung(LADDER, customers, 0.0, TORCH), optimal_rung(LADDER, more, 0.0, TORCH), rtol=0, atol=0
    )
    free, dear = (unconstrained_price(customers.median, customers.spread, cost, TORCH) for cost in (0.0, 0.3))
    assert bool((dear > free).all())


def test_the_best_rung_beats_every_other(customers: Latents) -> None:
    best = optimal_rung(LADDER, customers, 0.0, TORCH)
    assert {round(x, 1) for x in best.unique().tolist()} <= set(LADDER)
    for rung in LADDER:
        gap = expected_revenue(best, customers, TORCH) - expected_revenue(rung, customers, TORCH)
        assert float(gap.min()) >= -1e-12


def test_the_published_arms_are_reproduced(customers: Latents) -> None:
    generator = torch.Generator().manual_seed(0)
    random = 1.0 - 0.45 * torch.randn(customers.median.shape, generator=generator, dtype=torch.float64).abs()
    arms = {"human": 1.0, "random": random.clamp(0.2, 1.0)}
    sold = {name: float(purchase_probability(p, customers, TORCH).mean()) for name, p in arms.items()}
    earned = {name: float(expected_revenue(p, customers, TORCH).mean()) for name, p in arms.items()}
    assert sold["human"] == pytest.approx(0.1018, abs=0.003)
    assert sold["random"] == pytest.approx(0.1237, abs=0.003)
    assert earned["random"] / earned["human"] == pytest.approx(0.77, abs=0.02)


@pytest.mark.parametrize(("low", "high", "converts", "earns"), [(0.2, 1.0, 0.144, 1.171), (0.2, 1.5, 0.140, 1.270)])
def test_the_oracles_of_the_calibration(
    customers: Latents, low: float, high: float, converts: float, earns: float
) -> None:
    price = optimal_price(customers.median, customers.spread, 0.0, low, high, TORCH)
    human = float(expected_revenue(1.0, customers, TORCH).mean())
    assert float(purchase_probability(price, customers, TORCH).mean()) == pytest.approx(converts, rel=0.01)
    assert float(expected_revenue(price, customers, TORCH).mean()) / human == pytest.approx(earns, rel=0.01)


def test_conversion_by_quadrature_is_that_of_the_customers(customers: Latents) -> None:
    for price in (0.4, 1.0):
        drawn = float(purchase_probability(price, customers, TORCH).mean())
        assert conversion(Demand(), price) == pytest.approx(drawn, abs=4e-4)


@pytest.mark.parametrize(("base", "times"), [(0.05, 0.5), (0.10, 1.0), (0.20, 2.0)])
def test_base_conversion_is_relative_to_the_calibration(base: float, times: float) -> None:
    demand = Demand()
    assert conversion(with_conversion(demand, base), 1.0) == pytest.approx(times * conversion(demand, 1.0), rel=1e-6)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.75, 0.95])
def test_informativeness_is_the_explained_variance_of_the_willingness_to_pay(share: float) -> None:
    demand = Demand(informativeness=share)
    assert explained(demand, demand.reliability) == pytest.approx(share, abs=1e-4)


def test_bad_parameters_are_refused() -> None:
    for change in ({"informativeness": 1.0}, {"informativeness": -0.1}, {"share": 0.0}):
        with pytest.raises(ScenariumError, match=next(iter(change))):
            replace(Demand(), **change)
    with pytest.raises(ScenariumError, match="out of reach"):
        with_conversion(Demand(), 0.9)


@given(LATENTS, st.floats(0.05, 2.5), st.floats(0.001, 0.999))
def test_a_customer_who_takes_a_price_takes_every_lower_one(latent: Latents, price: float, uniform: float) -> None:
    limit = float(acceptable(latent, np.float64(uniform), NUMPY))
    chance = float(purchase_probability(price, latent, NUMPY))
    if abs(uniform - chance) > 1e-9:
        assert (price <= limit) == (uniform < chance)
    assert limit == NEVER or uniform < float(latent.need)


def test_common_margin_of_one_product_is_the_single_optimum() -> None:
    median, spread, cost = np.float64(1.1), np.float64(0.15), 0.2
    margin = common_margin([(median - cost) / spread], 1.0 / spread, NUMPY)
    assert float(margin + cost) == pytest.approx(float(unconstrained_price(median, spread, cost, NUMPY)), rel=1e-9)


def test_sigmoid_is_exact_and_never_overflows() -> None:
    x = np.array([-800.0, -3.0, 0.0, 3.0, 800.0])
    np.testing.assert_allclose(sigmoid(x, NUMPY), [0.0, 0.04742587317756678, 0.5, 0.9525741268224334, 1.0], atol=1e-15)
