"""The equations: fixed points, yields, symmetry of components, drifts, and the same numbers on every backend."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq, minimize_scalar

from scenarium.envs.core.namespace import NUMPY, PYTHON, torch_namespace
from scenarium.envs.fishery.dynamics import (
    MODEL_1,
    MODEL_2,
    MODEL_3,
    MODEL_4,
    PARAMETERS,
    Coefficients,
    Parameters,
    Trend,
    deviations,
    drifted,
    growth,
    recruit,
)
from scenarium.envs.fishery.variants import VARIANTS

TORCH = torch_namespace("cpu")
STOCK = st.floats(0.05, 1.4)


def surplus(x: float, parameters: Parameters = MODEL_1) -> float:
    """What one species grows by in a year."""
    return float(growth((x,), 0, parameters, PYTHON)[0]) - x


@pytest.mark.parametrize(("low", "high", "fixed"), [(0.04, 0.06, 0.0463), (0.3, 0.45, 0.3693), (0.5, 0.7, 0.5843)])
def test_model_1_has_the_known_fixed_points(low: float, high: float, fixed: float) -> None:
    assert brentq(surplus, low, high) == pytest.approx(fixed, abs=5e-5)


def test_model_1_has_the_known_greatest_yield() -> None:
    best = minimize_scalar(lambda x: -surplus(x), bounds=(0.3, 0.6), method="bounded")
    assert best.x == pytest.approx(0.4791, abs=2e-4)
    assert -best.fun == pytest.approx(0.01000, abs=5e-6)
    assert -best.fun / (best.x - best.fun) == pytest.approx(0.0204, abs=5e-5)


@pytest.mark.parametrize(("beta", "at", "most"), [(0.25, 0.4791, 0.01000), (0.23, 0.4810, 0.02917)])
def test_the_low_beta_variant_yields_three_times_as_much(beta: float, at: float, most: float) -> None:
    parameters = replace(MODEL_1, coefficients=MODEL_1.coefficients._replace(beta=beta))
    assert surplus(at, parameters) == pytest.approx(most, abs=5e-6)
    assert surplus(at, parameters) > max(surplus(at - 0.01, parameters), surplus(at + 0.01, parameters))


def test_without_predation_one_species_is_the_logistic_map_with_half_its_capacity_as_best_stock() -> None:
    logistic = Parameters(initial=(0.75,), harvested=1, coefficients=Coefficients(r_x=0.3, beta=0.0, sigma_x=0.0))
    stock, taken = 0.75, 0.0
    for _ in range(100):
        taken += max(stock - 0.5, 0.0)
        stock = recruit((min(stock, 0.5),), (0.0,), 0, logistic, PYTHON)[0]
    assert taken == pytest.approx(0.25 + 99 * 0.075, abs=1e-9)
    assert surplus(0.5, logistic) > max(surplus(0.49, logistic), surplus(0.51, logistic))


@given(STOCK, STOCK, STOCK)
def test_three_species_follow_the_published_equations(x: float, y: float, z: float) -> None:
    after = growth((x, y, z), 0, MODEL_3, PYTHON)
    eaten = [0.3 * z * n**2 / (0.09 + n**2) for n in (x, y)]
    assert after[0] == pytest.approx(x + x * (1 - x) - eaten[0] - 0.1 * x * y, abs=1e-12)
    assert after[1] == pytest.approx(y + y * (1 - y) - 1.1 * eaten[1] - 0.1 * x * y, abs=1e-12)
    assert after[2] == pytest.approx(z + z * (0.1 * (x + 1.1 * y) - 0.1), abs=1e-12)


@given(STOCK, STOCK)
def test_the_predator_grows_exactly_where_its_prey_suffice(x: float, y: float) -> None:
    after = growth((x, y, 0.7), 0, MODEL_3, PYTHON)
    if abs(x + 1.1 * y - 1.0) > 1e-9:
        assert (after[2] > 0.7) == (x + 1.1 * y > 1.0)


@pytest.mark.parametrize("name", VARIANTS)
def test_every_backend_and_every_clock_gives_the_same_numbers(name: str) -> None:
    parameters = VARIANTS[name]
    rng = np.random.default_rng(0)
    stocks = rng.uniform(0.1, 1.2, (parameters.species, 4, 3))
    eps = rng.normal(size=stocks.shape)
    t = 73
    on_numpy = recruit(tuple(stocks), tuple(eps), t, parameters, NUMPY)
    tensors = [tuple(torch.as_tensor(part) for part in array) for array in (stocks, eps)]
    on_torch = recruit(*tensors, t, parameters, TORCH)
    clock = torch.full(stocks.shape[1:], t)
    on_lanes = recruit(*tensors, clock, parameters, TORCH)
    for i in range(parameters.species):
        alone = recruit(tuple(stocks[:, 1, 2].tolist()), tuple(eps[:, 1, 2].tolist()), t, parameters, PYTHON)[i]
        assert np.asarray(on_numpy[i])[1, 2] == pytest.approx(alone, rel=1e-12)
        np.testing.assert_allclose(on_torch[i], on_numpy[i], rtol=1e-12)
        np.testing.assert_allclose(on_lanes[i], on_numpy[i], rtol=1e-6)


@pytest.mark.parametrize("name", VARIANTS)
def test_noise_is_proportional_to_the_stock_left_and_independent_between_species(name: str) -> None:
    parameters = VARIANTS[name]
    stocks = parameters.initial
    still = growth(stocks, 5, parameters, PYTHON)
    spread = deviations(parameters)
    for i in range(parameters.species):
        eps = tuple(1.0 if j == i else 0.0 for j in range(parameters.species))
        after = recruit(stocks, eps, 5, parameters, PYTHON)
        for j in range(parameters.species):
            expected = spread[i] * stocks[i] if i == j else 0.0
            assert after[j] - still[j] == pytest.approx(expected, abs=1e-12)


def test_the_published_noise_levels() -> None:
    assert deviations(MODEL_1) == (0.05,)
    for model in (MODEL_2, MODEL_3, MODEL_4):
        assert deviations(model) == (0.1, 0.1, 0.1)
    assert deviations(VARIANTS["weak_coupling"]) == pytest.approx((0.1, 0.1, 0.005))
    assert deviations(VARIANTS["z_abiotic"])[2] == 0.0


@pytest.mark.parametrize(
    ("variant", "coefficient", "years"),
    [
        ("model_4", "r_x", {0: 1.0, 50: 0.75, 100: 0.5, 199: 0.5}),
        ("v0_drift", "c", {0: 0.3, 50: 0.2, 100: 0.1, 199: 0.1}),
        ("d_drift", "d", {0: 1.1, 100: 1.0, 200: 0.9}),
        ("cv_drift", "c_xy", {0: 0.1, 50: 0.15, 100: 0.2, 199: 0.2}),
        ("k_fluctuation", "k_x", {0: 1.0, 12.5: 1.1, 25: 1.0, 37.5: 0.9}),
        ("competition_fluctuation", "c_xy", {0: 0.1, 12.5: 0.11, 37.5: 0.09}),
    ],
)
def test_coefficients_drift_as_published(variant: str, coefficient: str, years: dict[float, float]) -> None:
    parameters = VARIANTS[variant]
    for year, expected in years.items():
        moved, squared = drifted(parameters.coefficients, parameters.trends, torch.tensor(year).double(), TORCH)
        assert float(getattr(moved, coefficient)) == pytest.approx(expected, abs=1e-6)
        assert squared == 1.0


def test_the_coupling_fluctuates_in_the_square_of_c() -> None:
    trends = VARIANTS["coupling_fluctuation"].trends
    _, squared = drifted(Coefficients(), trends, torch.tensor(12.5), TORCH)
    assert float(squared) == pytest.approx(1.1)
    assert Trend("c", slope=-1.0, low=0.25).factor(10.0, PYTHON) == 0.25


def test_abiotic_species_follow_their_signal_whatever_the_stocks() -> None:
    tide, season = VARIANTS["y_abiotic"], VARIANTS["z_abiotic"]
    for t in range(60):
        y = recruit((0.5, 0.3, 0.7), (1.0, 2.0, 0.0), t, tide, PYTHON)[1]
        z = recruit((0.5, 0.3, 0.7), (1.0, 0.0, 2.0), t, season, PYTHON)[2]
        assert y == pytest.approx(0.4 * (1.0 + math.sin(2.0 * math.pi * t / 50.0)), abs=1e-9)
        assert z == pytest.approx(0.7 * (1.0 + 0.02 * math.cos(2.0 * math.pi * t / 50.0)))
    assert tide.mortal == (0, 2)
    assert season.mortal == (0, 1)


def test_competition_in_the_capacity_hurts_only_the_crowded() -> None:
    limited, pairwise = VARIANTS["k_limit"], VARIANTS["model_3"]
    alone = [growth((0.5, 1e-9, 0.7), 0, p, PYTHON)[0] for p in (limited, pairwise)]
    assert alone[0] == pytest.approx(alone[1])
    crowded = growth((0.5, 0.5, 0.7), 0, limited, PYTHON)[0]
    assert crowded == pytest.approx(0.5 + 0.5 * (1 - 0.5 / 0.95) - 0.3 * 0.7 * 0.25 / 0.34)


def test_one_species_never_falls_below_zero() -> None:
    assert recruit((0.3,), (-100.0,), 0, MODEL_1, PYTHON) == (0.0,)


def test_the_models_by_number() -> None:
    assert [PARAMETERS[i].harvested for i in (1, 2, 3, 4)] == [1, 1, 2, 2]
    assert [PARAMETERS[i].species for i in (1, 2, 3, 4)] == [1, 3, 3, 3]
    assert all(p.horizon == 200 and p.threshold == 0.05 and p.penalty == 100.0 for p in PARAMETERS.values())
