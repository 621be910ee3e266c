import numpy as np
import pytest

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.inventory.optimum import (
    base_stock_cost,
    best_base_stock,
    best_capped_base_stock,
    lost_sales_optimum,
)

TABLE = {
    (1, 4): (4.0407, 4.1630, 12, 4.0658, 12, 6),
    (1, 9): (5.4382, 5.5477, 13, 5.4813, 14, 6),
    (1, 19): (6.6758, 6.7279, 15, 6.6877, 15, 8),
    (1, 39): (7.8359, 7.8630, 16, 7.8423, 16, 9),
    (2, 4): (4.3953, 4.6388, 16, 4.4057, 17, 5),
    (2, 9): (6.0936, 6.3165, 19, 6.1193, 19, 6),
    (2, 19): (7.6644, 7.8423, 21, 7.7210, 21, 7),
    (2, 39): (9.1064, 9.1907, 22, 9.1326, 22, 8),
    (3, 4): (4.5987, 4.9750, 20, 4.6305, 21, 5),
    (3, 9): (6.5314, 6.8639, 23, 6.6161, 24, 6),
    (3, 19): (8.3625, 8.6044, 26, 8.4009, 26, 6),
    (3, 39): (10.0385, 10.2178, 28, 10.0854, 28, 7),
    (4, 4): (4.7285, 5.1977, 25, 4.7979, 26, 5),
    (4, 9): (6.8360, 7.2707, 28, 6.9122, 29, 5),
    (4, 19): (8.8872, 9.2315, 31, 8.9545, 31, 6),
    (4, 39): (10.7944, 11.0620, 33, 10.8928, 34, 6),
}
CELLS = [pytest.param(*cell, marks=[pytest.mark.slow] if cell[0] == 4 and cell != (4, 9) else []) for cell in TABLE]


@pytest.mark.parametrize(("lead", "underage"), CELLS)
def test_optimum_is_the_published_one(lead: int, underage: int) -> None:
    found = lost_sales_optimum(lead, underage)
    assert found.cost == pytest.approx(TABLE[lead, underage][0], abs=1e-4)
    assert found.policy.shape == (found.max_on_hand + 1,) + (found.max_order + 1,) * (lead - 1)


@pytest.mark.parametrize(("lead", "underage"), CELLS)
def test_best_base_stock_policies_are_the_published_ones(lead: int, underage: int) -> None:
    _, cost, level, capped_cost, capped_level, cap = TABLE[lead, underage]
    plain, capped = best_base_stock(lead, underage), best_capped_base_stock(lead, underage)
    assert (plain.level, capped.level, capped.cap) == (level, capped_level, cap)
    assert (plain.cost, capped.cost) == pytest.approx((cost, capped_cost), abs=5e-4)


@pytest.mark.parametrize(("lead", "cap"), [(1, None), (2, 6), (3, 7)])
def test_base_stock_cost_is_what_a_simulation_costs(lead: int, cap: int | None) -> None:
    rng, level = np.random.default_rng(3), 5 * (lead + 1)
    on_hand, way, costs = np.full(20_000, 5), [np.full(20_000, 5)] * (lead - 1), []
    for t in range(300):
        order = np.minimum(np.maximum(level - on_hand - sum(way), 0), level if cap is None else cap)
        left = on_hand - rng.poisson(5.0, len(on_hand))
        if t >= 50:
            costs.append(np.mean(np.maximum(left, 0) + 9.0 * np.maximum(-left, 0)))
        way = [*way, order]
        on_hand, way = np.maximum(left, 0) + way[0], way[1:]
    assert np.mean(costs) == pytest.approx(base_stock_cost(level, cap, lead), rel=3e-3)


def test_optimal_policy_costs_the_optimum_when_simulated() -> None:
    found, rng = lost_sales_optimum(2, 9.0), np.random.default_rng(5)
    on_hand, way, costs = np.full(20_000, 8), np.full(20_000, 5), []
    for t in range(300):
        order = found.order(on_hand, way)
        left = on_hand - rng.poisson(5.0, len(on_hand))
        if t >= 50:
            costs.append(np.mean(np.maximum(left, 0) + 9.0 * np.maximum(-left, 0)))
        on_hand, way = np.maximum(left, 0) + way, order
    assert np.mean(costs) == pytest.approx(found.cost, rel=3e-3)


def test_optimal_orders_fall_by_at_most_one_per_unit_of_stock() -> None:
    # Monotone sensitivity (Morton, 1969; Zipkin, 2008): newer stock matters most.
    policy = lost_sales_optimum(2, 19.0).policy[:20, :12]
    down_stock, down_way = policy[:-1] - policy[1:], policy[:, :-1] - policy[:, 1:]
    assert set(np.unique(down_stock)) <= {0, 1}
    assert set(np.unique(down_way)) <= {0, 1}
    assert (down_way[:-1] >= down_stock[:, :-1]).mean() > 0.9


def test_costs_are_nested_and_rise_with_lead_time() -> None:
    costs = [lost_sales_optimum(lead).cost for lead in (1, 2, 3)]
    assert costs == sorted(costs)
    for lead, cost in enumerate(costs, start=1):
        assert cost < best_capped_base_stock(lead).cost < best_base_stock(lead).cost


def test_known_demand_can_be_met_at_no_cost() -> None:
    found = lost_sales_optimum(2, 4.0, pmf=[0.0, 0.0, 1.0])
    assert found.cost == pytest.approx(0.0, abs=1e-5)
    assert found.order(2, 2) == 2
    # L = 1: two on hand, two on the way. With S = 3 on-hand stock alternates between 1 and 2.
    assert [base_stock_cost(s, None, 1, 4.0, pmf=[0.0, 0.0, 1.0]) for s in (3, 4, 5)] == pytest.approx(
        [2.0, 0.0, 1.0], abs=1e-5
    )


def test_bernoulli_demand_by_hand() -> None:
    # L = 1 and S = 1: one on hand until it sells, then one on the way for a period without stock. On hand: with 1 it
    # sells with 1/2. Cost 1/2 with stock and 4/2 without; shares 2/3 and 1/3: 1/3 + 2/3 = 1.
    assert base_stock_cost(1, None, 1, 4.0, pmf=[0.5, 0.5]) == pytest.approx(1.0, abs=1e-5)


def test_a_level_of_zero_loses_everything() -> None:
    assert base_stock_cost(0, None, 3, 9.0) == pytest.approx(45.0, abs=1e-4)


def test_lookup_clips_to_the_table_and_checks_the_pipeline() -> None:
    found = lost_sales_optimum(2, 4.0)
    assert found.order(10_000, 0) == 0
    assert (found.order(np.array([0, 3]), np.array([0, 4])) == found.policy[[0, 3], [0, 4]]).all()
    with pytest.raises(ScenariumError, match="lead time 2 has 1"):
        found.order(3)


def test_bad_input_is_refused() -> None:
    with pytest.raises(ScenariumError, match="lead time is 5"):
        lost_sales_optimum(5)
    with pytest.raises(ScenariumError, match="underage"):
        lost_sales_optimum(1, -1.0)
    with pytest.raises(ScenariumError, match="too many"):
        lost_sales_optimum(4, rate=40.0)
    with pytest.raises(ScenariumError, match="tolerance"):
        lost_sales_optimum(1, tolerance=0.0)
    with pytest.raises(ScenariumError, match="base-stock level"):
        base_stock_cost(-1)
    with pytest.raises(ScenariumError, match="too many"):
        base_stock_cost(300, None, 4, rate=50.0)
