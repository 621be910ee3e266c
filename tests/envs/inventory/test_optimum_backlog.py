import numpy as np
import pytest

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.inventory.optimum import backlog_base_stock, backlog_base_stock_discrete

COSTS = {
    1: (3.1674, 3.9711, 4.6674, 5.2898),
    4: (5.0081, 6.2788, 7.3798, 8.3640),
    7: (6.3348, 7.9421, 9.3348, 10.5797),
    10: (7.4282, 9.3130, 10.9460, 12.4058),
    15: (8.9588, 11.2319, 13.2014, 14.9619),
    20: (10.2636, 12.8678, 15.1241, 17.1411),
}


@pytest.mark.parametrize("lead", COSTS)
def test_normal_demand_costs_what_was_published(lead: int) -> None:
    found = [backlog_base_stock(lead, underage).cost for underage in (4.0, 9.0, 19.0, 39.0)]
    assert found == pytest.approx(COSTS[lead], abs=6e-5)


def test_level_is_the_mean_where_costs_are_equal() -> None:
    assert backlog_base_stock(3, 1.0, 1.0).level == pytest.approx(20.0, abs=1e-12)


def test_discrete_level_is_no_worse_than_any_other() -> None:
    found = backlog_base_stock_discrete(2, 9.0)
    demand = np.random.default_rng(0).poisson(15.0, 400_000)
    costs = [np.mean(np.maximum(s - demand, 0) + 9.0 * np.maximum(demand - s, 0)) for s in range(12, 30)]
    assert int(np.argmin(costs)) + 12 == found.level
    assert min(costs) == pytest.approx(found.cost, rel=5e-3)


def test_a_coin_toss_by_hand() -> None:
    # D of two periods is 0, 1, 2 with 1/4, 1/2, 1/4; F(1) = 3/4 reaches 3/4; cost at 1 is (1 + 3) / 4.
    found = backlog_base_stock_discrete(1, 3.0, 1.0, pmf=[0.5, 0.5])
    assert (found.level, found.cost) == (1.0, pytest.approx(1.0, abs=1e-12))


def test_fine_discrete_demand_approaches_the_normal_formula() -> None:
    values = np.arange(1001)
    weights = np.exp(-0.5 * ((values - 500.0) / 60.0) ** 2)
    found = backlog_base_stock_discrete(4, pmf=weights / weights.sum())
    exact = backlog_base_stock(4, mean=500.0, std=60.0)
    assert found.cost == pytest.approx(exact.cost, rel=1e-4)
    assert found.level == pytest.approx(exact.level, abs=1.0)


@pytest.mark.parametrize("underage", [0.0, -1.0, float("nan"), float("inf")])
def test_bad_costs_are_refused(underage: float) -> None:
    with pytest.raises(ScenariumError, match="underage"):
        backlog_base_stock(4, underage)


def test_bad_lead_times_and_laws_are_refused() -> None:
    with pytest.raises(ScenariumError, match="lead time is -1"):
        backlog_base_stock(-1)
    with pytest.raises(ScenariumError, match="sum to 1"):
        backlog_base_stock_discrete(1, pmf=[0.5, 0.4])
    with pytest.raises(ScenariumError, match="rate"):
        backlog_base_stock_discrete(1, rate=0.0)
