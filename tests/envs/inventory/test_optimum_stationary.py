"""Exact costs of stationary policies with lost sales, against value iteration, hand computation and simulation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.inventory.optimum import base_stock_cost, lost_sales_optimum
from scenarium.envs.inventory.optimum.newsvendor import demand_pmf
from scenarium.envs.inventory.optimum.stationary import best_constant_order, constant_order_cost, stationary_cost


def capped(level: int, cap: int) -> Any:
    """The capped base-stock policy as a function of states."""
    return lambda on_hand, *pipeline: np.clip(level - on_hand - sum(pipeline), 0, cap)


@pytest.mark.parametrize(("lead_time", "underage"), [(1, 4.0), (1, 39.0), (2, 9.0), (3, 39.0), (4, 4.0), (4, 39.0)])
def test_the_optimal_table_costs_what_value_iteration_says(lead_time: int, underage: float) -> None:
    # Value iteration works in a box of states; this chain has no box, so the box was large enough.
    optimum = lost_sales_optimum(lead_time, underage)
    assert stationary_cost(optimum.order, lead_time, underage) == pytest.approx(optimum.cost, abs=2e-6)


@pytest.mark.parametrize(("lead_time", "level", "cap"), [(1, 12, 6), (2, 21, 7), (3, 24, 6), (4, 20, 3)])
def test_two_ways_to_the_cost_of_a_capped_base_stock_policy(lead_time: int, level: int, cap: int) -> None:
    expected = base_stock_cost(level, cap, lead_time, 9.0)
    assert stationary_cost(capped(level, cap), lead_time, 9.0) == pytest.approx(expected, abs=2e-6)


def test_a_chain_of_two_states_by_hand() -> None:
    # One unit is demanded with probability 1/3. With S = 1 and L = 1 the state is 0 or 1 unit on hand:
    # 1 -> 1 with 2/3 and 1 -> 0 with 1/3 (then 1 is ordered), 0 -> 1. So 1 is held in 3/4 of the periods.
    cost = stationary_cost(capped(1, 1), 1, 6.0, 2.0, pmf=[2 / 3, 1 / 3])
    assert cost == pytest.approx(3 / 4 * 2 / 3 * 2.0 + 1 / 4 * 1 / 3 * 6.0, abs=1e-9)


@settings(max_examples=15, deadline=None)
@given(
    st.integers(1, 3),
    st.integers(0, 8),
    st.integers(1, 5),
    st.floats(0.5, 20.0),
    st.lists(st.floats(0.05, 1.0), min_size=2, max_size=6),
)
def test_no_policy_beats_the_optimum(
    lead_time: int, level: int, cap: int, underage: float, weights: list[float]
) -> None:
    pmf = np.array(weights) / sum(weights)
    optimum = lost_sales_optimum(lead_time, underage, pmf=pmf)
    assert stationary_cost(optimum.order, lead_time, underage, pmf=pmf) == pytest.approx(optimum.cost, abs=1e-5)
    assert stationary_cost(capped(level, cap), lead_time, underage, pmf=pmf) >= optimum.cost - 1e-5


def test_a_policy_must_bound_its_stock() -> None:
    with pytest.raises(ScenariumError, match="reaches more than 1,000 states"):
        stationary_cost(lambda x: np.full_like(x, 9), 1, 9.0, max_states=1000)
    with pytest.raises(ScenariumError, match="it must stay in 0"):
        stationary_cost(lambda x: np.full_like(x, -1), 1, 9.0)


def test_a_periodic_chain_costs_its_average() -> None:
    # Demand is always 1, and stock alternates between 0 and 1: one unit is lost every second period.
    assert stationary_cost(lambda x: 1 - x, 1, 9.0, pmf=[0.0, 1.0]) == pytest.approx(4.5, abs=1e-8)


@pytest.mark.parametrize(
    ("underage", "cost", "order"),
    [(4.0, 5.0724, 4.2308), (9.0, 8.1678, 4.4839), (19.0, 12.4228, 4.64), (39.0, 18.3544, 4.7483)],
)
def test_the_best_constant_order(underage: float, cost: float, order: float) -> None:
    best = best_constant_order(underage)
    assert best.cost == pytest.approx(cost, abs=1e-4)
    assert best.rate == pytest.approx(order, abs=1e-3)
    for near in (best.rate - 0.02, best.rate + 0.02):
        assert constant_order_cost(near, underage) >= best.cost


@pytest.mark.parametrize("order", [1, 3, 4])
def test_a_whole_constant_order_has_the_cost_of_its_chain(order: int) -> None:
    # Capping the stock at 300 units never binds but keeps the chain finite.
    policy = lambda on_hand: np.where(on_hand < 300, order, 0)  # noqa: E731
    expected = stationary_cost(policy, 1, 9.0)
    assert constant_order_cost(order, 9.0) == pytest.approx(expected, abs=1e-6)
    assert constant_order_cost(order, 9.0, pmf=demand_pmf(5.0)) == pytest.approx(expected, abs=1e-6)


def test_a_constant_order_that_is_no_whole_number_against_simulation() -> None:
    generator, order, left, total = np.random.default_rng(0), 4.2, np.zeros(20_000), 0.0
    for t in range(600):
        on_hand = left + order
        demand = generator.poisson(5.0, left.shape)
        left = np.maximum(on_hand - demand, 0.0)
        total += float((left + 4.0 * np.maximum(demand - on_hand, 0.0)).mean()) if t >= 200 else 0.0
    assert total / 400 == pytest.approx(constant_order_cost(order, 4.0), rel=3e-3)


@pytest.mark.parametrize("order", [-0.1, 5.0, 6.0])
def test_a_constant_order_must_be_below_mean_demand(order: float) -> None:
    with pytest.raises(ScenariumError, match=r"orders in \[0, 5\), the mean demand"):
        constant_order_cost(order, 9.0)
    with pytest.raises(ScenariumError, match="too near the mean demand"):
        constant_order_cost(4.99999, 9.0, max_periods=1000)
