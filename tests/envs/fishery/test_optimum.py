"""The dynamic program against closed forms, brute force and published facts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from scenarium.envs import ScenariumError
from scenarium.envs.fishery.dynamics import MODEL_1, MODEL_2, MODEL_3, Coefficients, Parameters, Trend
from scenarium.envs.fishery.optimum.blind import BlindAscent
from scenarium.envs.fishery.optimum.grid import Grid, make_grid
from scenarium.envs.fishery.optimum.program import Year, Years, before_harvest, solve, value_at
from scenarium.envs.fishery.optimum.targets import peak, targets, unbounded
from scenarium.envs.fishery.optimum.transition import Transition, node_weights

SMALL = (14, 13, 12)


def logistic(sigma: float, horizon: int = 100) -> Parameters:
    """Logistic growth with r = 0.3 and K = 1 from 0.75, without a penalty: Reed's (1979) setting."""
    coefficients = Coefficients(r_x=0.3, beta=0.0, sigma_x=sigma)
    return Parameters((0.75,), 1, coefficients, initial_deviation=0.0, penalty=0.0, horizon=horizon)


@pytest.fixture(scope="module")
def model_1() -> tuple[Grid, dict[int, Year]]:
    grid = make_grid(MODEL_1)
    return grid, {year.t: year for year in solve(MODEL_1, grid)}


def test_grids_start_at_the_threshold_and_reach_below_it_for_fished_species() -> None:
    grid = make_grid(MODEL_2)
    assert grid.shape == (36, 36, 40)
    for before, after in zip(grid.before, grid.after, strict=True):
        assert before[0] == pytest.approx(0.05)
        np.testing.assert_array_equal(after[-len(before) :], before)
        assert np.all(np.diff(after) > 0.0)
    assert grid.after[0][:2].tolist() == [0.0, pytest.approx(0.02, abs=0.003)]
    assert len(grid.after[1]) == len(grid.before[1])
    with pytest.raises(ScenariumError, match="3 counts of at least 4"):
        make_grid(MODEL_3, (36, 36))


@settings(max_examples=25, deadline=None)
@given(
    mean=st.floats(0.02, 1.3),
    deviation=st.floats(1e-3, 0.2),
    cubic=st.tuples(*[st.floats(-2.0, 2.0)] * 4),
)
def test_expectations_of_cubics_are_exact_and_end_at_the_threshold(
    mean: float, deviation: float, cubic: tuple[float, ...]
) -> None:
    nodes = np.geomspace(0.05, 3.0, 25)
    weights = node_weights(np.array([mean]), np.array([deviation]), nodes)[0]
    assert weights.sum() == pytest.approx(norm.sf(0.05, mean, deviation), abs=1e-9)
    x, step = np.linspace(0.05, 3.0, 40_001, retstep=True)
    integrand = np.polyval(cubic, x) * norm.pdf(x, mean, deviation)
    assert weights @ np.polyval(cubic, nodes) == pytest.approx(np.trapezoid(integrand, dx=step), abs=2e-4)


def test_without_noise_the_weights_interpolate() -> None:
    nodes = np.geomspace(0.05, 1.0, 10)
    weights = node_weights(np.array([nodes[4] + 1e-7, 0.5, 0.04]), np.zeros(3), nodes)
    assert weights[0][4] == pytest.approx(1.0, abs=1e-4)
    assert weights[1] @ nodes**3 == pytest.approx(0.125)
    np.testing.assert_array_equal(weights[2], 0.0)


def test_the_step_ahead_and_the_distribution_ahead_are_adjoint() -> None:
    grid = make_grid(MODEL_3, SMALL)
    transition = Transition(MODEL_3, grid, 0)
    generator = np.random.default_rng(0)
    value, left = generator.random(grid.shape), generator.random(grid.shape_after)
    assert (transition.ahead(value) * left).sum() == pytest.approx((transition.spread(left) * value).sum(), rel=1e-5)
    np.testing.assert_allclose(transition.ahead(np.ones(grid.shape)), transition.alive, atol=2e-5)
    assert transition.alive[0].max() == 0.0  # nothing grows from nothing


@pytest.mark.parametrize("sigma", [0.0, 0.02])
def test_logistic_growth_has_the_escapement_of_reed(sigma: float) -> None:
    """S = K / 2, harvests 0.25, then 0.075 a year, and all of 0.575 in the last: 0.25 + 98 * 0.075 + 0.575."""
    parameters = logistic(sigma)
    grid = make_grid(parameters, (601,))
    years = list(solve(parameters, grid))
    assert value_at(years[-1].value, grid, parameters.initial) == pytest.approx(7.675 + 0.5, abs=2e-3)
    above = grid.before[0] > 0.6
    for year in years[1:]:
        np.testing.assert_allclose(targets(year.left, grid, 1)[0][above], 0.5, atol=2e-3)
    np.testing.assert_array_equal(targets(years[0].left, grid, 1)[0][above], 0.0)


def test_model_1_declines_to_the_escapement_of_greatest_growth(model_1: tuple[Grid, dict[int, Year]]) -> None:
    grid, years = model_1
    assert value_at(years[0].value, grid, (0.7,)) == pytest.approx(2.0705, abs=1e-3)
    place = int(np.searchsorted(grid.before[0], 0.7))
    found = [float(targets(years[t].left, grid, 1)[0][place]) for t in (0, 150, 198)]
    # The last target is below the growth maximiser 0.4791 only by what risk and liquidation add.
    np.testing.assert_allclose(found, [0.541, 0.512, 0.479], atol=4e-3)


def test_more_stock_and_more_years_are_worth_more(model_1: tuple[Grid, dict[int, Year]]) -> None:
    grid, years = model_1
    nodes = grid.before[0]
    for t in (0, 100, 199):
        # What is above can be harvested at once.
        assert np.all(np.diff(years[t].value) >= np.diff(nodes) - 1e-5)
    healthy = nodes > 0.45  # a sick stock is worth more late, when its death costs less
    assert np.all(years[100].value[healthy] > years[199].value[healthy])


def test_the_running_maximum_is_the_maximum_over_what_can_be_left() -> None:
    grid = make_grid(MODEL_3, (5, 4, 4))
    left = np.random.default_rng(1).random(grid.shape_after)
    found = before_harvest(left, grid, 2)
    for i, x in enumerate(grid.before[0]):
        for j, y in enumerate(grid.before[1]):
            options = [
                x - a + y - b + left[k, m]
                for k, a in enumerate(grid.after[0])
                for m, b in enumerate(grid.after[1])
                if a <= x and b <= y
            ]
            np.testing.assert_allclose(found[i, j], np.max(options, axis=0))


def test_targets_of_two_species_are_the_best_of_a_concave_value() -> None:
    grid = make_grid(MODEL_3, (60, 60, 4))
    x, y, z = np.ix_(*grid.after)
    left = x + y + z - (x - 0.4) ** 2 - (y - 0.6) ** 2 - 0.5 * (x - 0.4) * (y - 0.6)
    of_x, of_y = targets(left, grid, 2)
    assert of_x.shape == (1, 60, 4)
    assert of_y.shape == (60, 1, 4)
    stocks = grid.before[1]
    expected = np.where(stocks >= 0.6, 0.4, 0.4 - 0.25 * (stocks - 0.6))
    np.testing.assert_allclose(of_x[0, :, 0], expected, atol=0.01)
    np.testing.assert_allclose(of_y[-1, 0], 0.6, atol=0.01)


def test_the_peak_of_a_parabola_is_found_between_nodes() -> None:
    nodes = np.concatenate([[0.0], np.geomspace(0.05, 1.0, 12)])
    centres = np.array([0.2, 0.33, 0.71])
    np.testing.assert_allclose(peak(-((nodes - centres[:, None]) ** 2), nodes), centres, atol=1e-9)
    np.testing.assert_array_equal(peak(np.stack([nodes, -nodes]), nodes), [1.0, 0.0])


def test_a_stock_below_its_target_is_given_the_target() -> None:
    nodes = np.array([0.1, 0.2, 0.3, 0.4, 0.5])
    levels = np.array([0.0, 0.2, 0.3, 0.35, 0.35])
    np.testing.assert_allclose(unbounded(levels, nodes, 0), [0.0, 0.35, 0.35, 0.35, 0.35])


def test_the_ascent_beats_the_year_it_starts_from_and_stays_below_the_optimum() -> None:
    grid = make_grid(MODEL_1, (301,))
    years = {year.t: year for year in solve(MODEL_1, grid)}
    rounds = list(BlindAscent(MODEL_1, grid, years[100].left).rounds(12))
    values = [r.value for r in rounds]
    assert max(values[:2]) + 0.004 < values[-1] < value_at(years[0].value, grid, (0.7,)) - 0.3
    assert values[-1] == pytest.approx(1.69, abs=0.01)
    assert 0.82 < rounds[-1].survival < 0.85


def test_transitions_are_shared_until_a_coefficient_moves() -> None:
    years = Years(MODEL_1, make_grid(MODEL_1, (21,)))
    assert years.at(3) is years.at(17)
    drifting = replace(MODEL_1, trends=(Trend("r_x", slope=-0.01, low=0.5),))
    moving, held = (Years(drifting, make_grid(drifting, (21,)), every) for every in (1, 5))
    assert moving.at(60) is moving.at(70)
    assert moving.at(3) is not moving.at(4)
    assert held.at(10) is held.at(14)
    assert held.at(14) is not held.at(15)
