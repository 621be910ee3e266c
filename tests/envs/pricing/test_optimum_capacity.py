from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.pricing.optimum.capacity import (
    best_static_price,
    capacity_program,
    expected_sales,
    sampled_margin,
    stationary_value,
    tabulated,
)
from scenarium.envs.pricing.optimum.curves import PriceGrid

LADDER = np.array([0.5, 1.0, 1.5])
RUNGS = PriceGrid(LADDER, interval=False)
# Two kinds of customer, equally likely: one hardly minds the price, the other does.
PROBABILITY = np.array([[0.6, 0.5, 0.45], [0.7, 0.2, 0.05]])


def value_of(policy: dict[tuple[int, int], tuple[int, int]], sessions: int, units: int, t: int = 0) -> float:
    """Expected revenue of a table from (session, units left) to a rung for each kind, by the tree of outcomes."""
    if t == sessions or units == 0:
        return 0.0
    total = 0.0
    for kind, rung in enumerate(policy[t, units]):
        p = PROBABILITY[kind, rung]
        sold = LADDER[rung] + value_of(policy, sessions, units - 1, t + 1)
        total += 0.5 * (p * sold + (1.0 - p) * value_of(policy, sessions, units, t + 1))
    return total


def test_two_units_and_three_sessions_against_every_policy() -> None:
    found = capacity_program(sampled_margin(PROBABILITY, RUNGS), 3, 2)
    rungs = list(itertools.product(range(3), range(3)))
    # With c units after t sessions; c = 1 is out of reach at t = 0.
    states = [(0, 2), (1, 2), (1, 1), (2, 2), (2, 1)]
    # The last session does not depend on units: its best choice is enumerated alone, the rest together.
    last = max(rungs, key=lambda pair: sum(PROBABILITY[k, r] * LADDER[r] for k, r in enumerate(pair)))
    best = max(
        value_of({**dict(zip(states[:3], choice, strict=True)), (2, 2): last, (2, 1): last}, 3, 2)
        for choice in itertools.product(rungs, repeat=3)
    )
    assert found.value[0, 2] == pytest.approx(best, abs=1e-12)
    assert found.value[2, 1] == pytest.approx(0.5 * (0.45 * 1.5 + 0.7 * 0.5))


def test_plenty_of_units_is_no_constraint_and_values_are_concave() -> None:
    margin = sampled_margin(PROBABILITY, RUNGS)
    found = capacity_program(margin, 6, 8)
    assert found.value[0, 6] == pytest.approx(6 * float(margin(np.zeros(1))[0]))
    assert found.value[0, 8] == found.value[0, 6]
    assert (np.diff(found.value, axis=1) >= -1e-12).all()
    assert (np.diff(found.value, n=2, axis=1) <= 1e-12).all()
    assert (np.diff(found.value, axis=0) <= 1e-12).all()
    assert np.isinf(found.cost[:, 0]).all()


@given(st.integers(1, 8), st.integers(1, 5), st.floats(0.05, 0.95))
@settings(max_examples=30, deadline=None)
def test_expected_sales_against_the_pmf(sessions: int, units: int, p: float) -> None:
    law = np.ones(1)
    for _ in range(sessions):
        law = np.convolve(law, [1.0 - p, p])
    expected = float(np.minimum(np.arange(sessions + 1), units) @ law)
    assert expected_sales(p, sessions, units) == pytest.approx(expected, abs=1e-12)


def test_a_static_price_earns_what_it_sells() -> None:
    price, value = best_static_price(PROBABILITY.mean(0), LADDER, 5, 2)
    by_hand = [stationary_value(p, p * x, 5, 2) for p, x in zip(PROBABILITY.mean(0), LADDER, strict=True)]
    assert value == max(by_hand)
    assert price == LADDER[int(np.argmax(by_hand))]
    informed = capacity_program(sampled_margin(PROBABILITY, RUNGS), 5, 2).value[0, 2]
    blind = capacity_program(sampled_margin(PROBABILITY.mean(0)[None], RUNGS), 5, 2).value[0, 2]
    assert value <= blind + 1e-12
    assert blind < informed
    assert stationary_value(0.0, 0.0, 5, 2) == 0.0


def test_parabola_finds_the_top_between_grid_points() -> None:
    grid = np.linspace(0.2, 1.5, 131)
    at = PriceGrid(grid, interval=True)
    m, s = np.array([0.9, 1.1, 3.0, 0.1]), np.array([0.1, 0.13, 0.1, 0.05])
    probability = torch.as_tensor(expit((m[:, None] - grid) / s[:, None]))
    fine = np.linspace(0.2, 1.5, 130_001)
    for cost in (0.0, 0.15):
        profit = expit((m[:, None] - fine) / s[:, None]) * (fine - cost)
        price, margin = at.best(probability, cost)
        np.testing.assert_allclose(margin, profit.max(-1), atol=1e-5)
        np.testing.assert_allclose(price, fine[profit.argmax(-1)], atol=1e-3)
    rungs = torch.as_tensor(PROBABILITY)
    assert RUNGS.best(rungs)[0].tolist() == [1.5, 0.5]
    assert RUNGS.best(rungs, torch.tensor([0.0, 0.4]))[0].tolist() == [1.5, 1.0]


def test_spline_repeats_the_function() -> None:
    grid = np.linspace(0.2, 1.5, 131)
    exact = sampled_margin(expit((np.array([[0.8], [1.2]]) - grid) / 0.1), PriceGrid(grid, interval=True))
    smooth = tabulated(exact, 1.5)
    at = np.linspace(0.0, 1.49, 50)
    np.testing.assert_allclose(smooth(at), exact(at), atol=1e-5)
    assert smooth(np.array([1.5, 2.0, np.inf])).tolist() == [0.0, 0.0, 0.0]


def test_what_is_wrong_is_said() -> None:
    with pytest.raises(ScenariumError, match="at least 1"):
        capacity_program(sampled_margin(PROBABILITY, RUNGS), 0, 2)
    with pytest.raises(ScenariumError, match=r"\[contexts, 3\]"):
        sampled_margin(PROBABILITY[:, :2], RUNGS)
