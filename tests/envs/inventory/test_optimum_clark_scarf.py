import numpy as np
import pytest

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.inventory.optimum import backlog_base_stock, clark_scarf

FOUR = {
    1: (6.8986, 8.3669, 9.6080, 10.7009),
    2: (7.5984, 9.2610, 10.6703, 11.9130),
    3: (8.2059, 10.0367, 11.5919, 12.9648),
    4: (8.7525, 10.7339, 12.4201, 13.9100),
}
MORE = {3: 9.8688, 4: 10.7339, 5: 10.9865, 6: 11.7071, 7: 12.2890}


@pytest.mark.parametrize("lead", FOUR)
def test_four_locations_cost_what_was_published(lead: int) -> None:
    for underage, cost in zip((4.0, 9.0, 19.0, 39.0), FOUR[lead], strict=True):
        assert clark_scarf([lead, 3, 4, 2], [1.0, 0.5, 0.2, 0.1], underage).cost == pytest.approx(cost, abs=2e-4)


@pytest.mark.parametrize("count", MORE)
def test_three_to_seven_locations(count: int) -> None:
    leads, rates = [2, 4, 1, 3, 2][: count - 2], [0.1, 0.2, 0.25, 0.3, 0.4][: count - 2]
    found = clark_scarf([4, 3, *leads[::-1]], [1.0, 0.5, *rates[::-1]])
    assert found.cost == pytest.approx(MORE[count], abs=2e-4)
    assert len(found.levels) == count


def test_echelon_levels_of_four_locations() -> None:
    assert clark_scarf([4, 3, 4, 2], [1.0, 0.5, 0.2, 0.1]).levels == pytest.approx(
        (32.36, 49.00, 72.82, 83.18), abs=0.01
    )


@pytest.mark.parametrize("lead", [0, 1, 4])
def test_one_location_with_unclipped_demand_is_the_newsvendor(lead: int) -> None:
    found, exact = clark_scarf([lead], [1.0], 19.0, clipped=False), backlog_base_stock(lead, 19.0, std=2.0)
    assert found.cost == pytest.approx(exact.cost, rel=1e-4)
    assert found.levels[0] == pytest.approx(exact.level, abs=1e-3)


def test_store_level_solves_its_fractile_equation() -> None:
    # F(S_1) = (p + h_2) / (p + h_1) of five periods' demand.
    levels = clark_scarf([4, 3], [1.0, 0.5], clipped=False).levels
    assert levels[0] == pytest.approx(backlog_base_stock(4, 9.5, 0.5, std=2.0).level, abs=1e-3)


def test_cost_without_clipping_scales_with_the_standard_deviation_and_not_with_the_mean() -> None:
    base = clark_scarf([2, 1], [1.0, 0.5], clipped=False)
    other = clark_scarf([2, 1], [1.0, 0.5], mean=11.0, std=6.0, clipped=False)
    assert other.cost == pytest.approx(3.0 * base.cost, rel=1e-5)
    moved = (np.array(base.levels) - 5.0 * np.array([3, 4])) * 3.0 + 11.0 * np.array([3, 4])
    assert other.levels == pytest.approx(moved, abs=2e-3)


def test_simulated_cost_of_the_levels_is_the_optimum() -> None:
    found = clark_scarf([2, 1], [1.0, 0.5], 9.0)
    rng, worlds = np.random.default_rng(0), 4000
    stock, way = np.full((2, worlds), 10.0), [[np.full(worlds, 5.0)], []]
    costs = []
    for t in range(500):
        store = stock[0] + sum(way[0])
        orders = [np.minimum(np.maximum(found.levels[0] - store, 0.0), stock[1])]
        orders.append(np.maximum(found.levels[1] - store - stock[1], 0.0))
        stock[1] -= orders[0]
        stock[0] -= np.maximum(rng.normal(5.0, 2.0, worlds), 0.0)
        if t >= 50:
            costs.append(np.mean(np.maximum(stock[0], 0.0) + 9.0 * np.maximum(-stock[0], 0.0) + 0.5 * stock[1]))
        for j in range(2):
            way[j].append(orders[j])
            stock[j] += way[j].pop(0)
    assert np.mean(costs) == pytest.approx(found.cost, rel=4e-3)


@pytest.mark.parametrize(
    ("leads", "rates", "match"),
    [
        ([], [], "lead times"),
        ([1, 1], [1.0], "one each"),
        ([1, 0], [1.0, 0.5], "lead time 2 is 0"),
        ([1, 1], [0.5, 0.5], "must fall"),
        ([1], [0.0], "holding"),
    ],
)
def test_bad_chains_are_refused(leads: list[int], rates: list[float], match: str) -> None:
    with pytest.raises(ScenariumError, match=match):
        clark_scarf(leads, rates)


def test_bad_demand_and_grid_are_refused() -> None:
    with pytest.raises(ScenariumError, match="standard deviation"):
        clark_scarf([1], [1.0], std=0.0)
    with pytest.raises(ScenariumError, match="step"):
        clark_scarf([1], [1.0], step=1.0)
