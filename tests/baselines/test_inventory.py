"""The inventory policies against closed forms, hand-made states and each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm, poisson

from scenarium.baselines import make_baseline
from scenarium.baselines.inventory.hub import water_fill
from scenarium.baselines.inventory.structure import Structure
from scenarium.baselines.inventory.tuned import TUNED, problem_key
from scenarium.baselines.tuning import Recorded, estimate, tune, world_costs
from scenarium.envs import ScenariumError, make_model
from scenarium.envs.inventory.model import InventoryNet
from scenarium.envs.inventory.network import Edge, Network, Node
from scenarium.envs.inventory.scenario import NegativeBinomialDemand, PoissonDemand

LOST, WAREHOUSE, SALES = "InventoryNet-OneStoreLost-v0", "InventoryNet-OneWarehouse-v0", "InventoryNet-RetailWeekly-v0"


def costs(name: str, env_id: str, worlds: int = 256, periods: int = 150, warm_up: int = 50, **kwargs: Any) -> Any:
    parameters = kwargs.pop("parameters", {})
    policy = make_baseline(name, env_id, env_kwargs=kwargs, **parameters)
    scenario = policy.native.scenario(torch.arange(7000, 7000 + worlds))
    return world_costs(policy.native, policy.act_on(scenario), scenario, periods, warm_up)


def two_stores() -> InventoryNet:
    """Supplier, warehouse (lead 2), stores a (lead 1) and b (lead 3)."""
    nodes = (Node("s", "supplier"), Node("w", "stock", 0.3), Node("a", "store", 1.0, 9.0), Node("b", "store", 1.0, 9.0))
    edges = (Edge("s", "w", 2), Edge("w", "a", 1), Edge("w", "b", 3))
    return InventoryNet(Network(nodes, edges), PoissonDemand([2.0, 4.0]), action_mode="quantity")


HAND_MADE = {
    "on_hand": np.array([10.0, 3.0, 4.0], np.float32),
    "pipeline": np.array([[5.0, 0.0], [0.0, 0.0], [2.0, 1.0]], np.float32),
}
"""Positions: w 15, a 3, b 7; echelons: w 25, a 3, b 7."""


@pytest.mark.parametrize(
    ("name", "parameters", "expected"),
    [
        ("base_stock", {"levels": [20, 5, 6]}, [5, 2, 0]),
        ("base_stock", {"levels": {"s->w": 20, "w->b": 9.5}}, [5, 0, 2.5]),
        ("base_stock", {"levels": 16}, [1, 8, 9]),
        ("echelon_base_stock", {"levels": [30, 5, 6]}, [5, 2, 0]),
        ("capped_base_stock", {"levels": 16, "caps": [10, 3, 4]}, [1, 3, 4]),
        ("constant_order", {"orders": [6, 2, 4]}, [6, 2, 4]),
    ],
)
def test_orders_in_a_hand_made_state(name: str, parameters: Any, expected: list[float]) -> None:
    action, _ = make_baseline(name, two_stores(), **parameters).predict(HAND_MADE)
    np.testing.assert_array_equal(action, np.array(expected, np.float32))


def test_order_up_to_mode_gets_the_levels_that_bring_the_orders_about() -> None:
    model = two_stores()
    twin = InventoryNet(model.network, model.demand, action_mode="order_up_to")
    action, _ = make_baseline("echelon_base_stock", twin, levels=[30, 5, 6]).predict(HAND_MADE)
    np.testing.assert_allclose(action, [20, 5, 7])  # positions 15, 3, 7 and orders 5, 2, 0


def test_untuned_lost_sales_take_the_exact_best_levels() -> None:
    settings = {"lead_time": 2, "underage": 4.0}
    assert make_baseline("base_stock", LOST, env_kwargs=settings).parameters == {"levels": [16.0]}
    capped = make_baseline("capped_base_stock", LOST, env_kwargs=settings)
    assert capped.parameters == {"levels": [17.0], "caps": [5.0]}
    constant = make_baseline("constant_order", LOST, env_kwargs=settings)
    assert constant.parameters["orders"] == [pytest.approx(4.2308, abs=1e-3)]


def test_optimal_policy_beats_every_other_and_costs_what_was_computed() -> None:
    found = {
        name: float(costs(name, LOST, 2048, lead_time=2, rounding=True).mean())
        for name in ("lost_sales_optimal", "capped_base_stock", "base_stock")
    }
    assert found["lost_sales_optimal"] < found["capped_base_stock"] < found["base_stock"]
    assert found["lost_sales_optimal"] == pytest.approx(6.0936, rel=0.01)


def test_chain_levels_are_those_of_clark_and_scarf() -> None:
    policy = make_baseline("echelon_base_stock", "InventoryNet-Serial-v0")
    np.testing.assert_allclose(policy.parameters["levels"], [83.18, 72.82, 49.00, 32.36], atol=0.02)


@pytest.mark.parametrize(
    ("name", "env_id"),
    [("echelon_base_stock", WAREHOUSE), ("hub_order_up_to", "InventoryNet-Transshipment-v0"), ("base_stock", LOST)],
)
def test_the_policy_is_the_same_in_every_action_mode(name: str, env_id: str) -> None:
    reached = {}
    for mode in ("quantity", "normalised", "order_up_to", "integer"):
        policy = make_baseline(name, env_id, env_kwargs={"action_mode": mode})
        scenario = policy.model.scenario(torch.arange(64))
        found = world_costs(policy.model, lambda o, m, t, p=policy: p.predict(o, m), scenario, 60, 20)  # type: ignore[misc]
        reached[mode] = float(found.mean())
    assert reached["normalised"] == pytest.approx(reached["quantity"], rel=1e-5)
    assert reached["order_up_to"] == pytest.approx(reached["quantity"], rel=1e-5)
    assert reached["integer"] == pytest.approx(reached["quantity"], rel=0.02)


def test_newsvendor_levels() -> None:
    policy = make_baseline("newsvendor", "InventoryNet-OneStoreBacklog-v0", env_kwargs={"lead_time": 7})
    assert policy.parameters["levels"][0] == pytest.approx(40.0 + norm.ppf(0.9) * 1.6 * 8**0.5)
    policy = make_baseline("quantile_newsvendor", LOST, env_kwargs={"lead_time": 2})
    assert policy._levels == [poisson.ppf(0.9, 15.0)]  # type: ignore[attr-defined]


def test_negative_binomial_quantile_is_that_of_the_sum() -> None:
    network = Network((Node("s", "supplier"), Node("a", "store", 1.0, 9.0)), (Edge("s", "a", 3),))
    structure = Structure(InventoryNet(network, NegativeBinomialDemand(3.0, 2.0)))
    draws = np.random.default_rng(0).negative_binomial(3.0, 0.5, (200_000, 4)).sum(1)
    assert structure.store_quantile(0, 0.8) == np.quantile(draws, 0.8)


def test_simulated_base_stock_costs_what_the_closed_form_says() -> None:
    for lead, p in ((1, 4), (4, 9)):
        z = norm.ppf(p / (p + 1))
        expected = (p + 1) * norm.pdf(z) * 1.6 * (lead + 1) ** 0.5
        found = costs("newsvendor", "InventoryNet-OneStoreBacklog-v0", 2048, lead_time=lead, underage=p)
        assert float(found.mean()) == pytest.approx(expected, rel=0.01)


def test_hub_policy_costs_what_the_bound_says() -> None:
    found = estimate(costs("hub_order_up_to", "InventoryNet-Transshipment-v0", 2048))
    assert found.mean == pytest.approx(5.2964, rel=0.01)
    assert found.standard_error < 0.02


def test_tuned_levels_cost_what_an_independent_search_found() -> None:
    assert float(costs("base_stock", LOST, 2048, rounding=True).mean()) == pytest.approx(7.2707, rel=0.01)
    assert float(costs("capped_base_stock", LOST, 2048, rounding=True).mean()) == pytest.approx(6.9122, rel=0.01)
    assert float(costs("echelon_base_stock", WAREHOUSE, 1024).mean()) == pytest.approx(5.56, rel=0.01)


@given(
    st.lists(st.tuples(st.floats(-50, 50), st.floats(0, 20), st.floats(0.5, 5)), min_size=1, max_size=7),
    st.floats(0, 100),
)
def test_water_fill_gives_out_all_and_levels_the_lowest(stores: list[tuple[float, float, float]], stock: float) -> None:
    position, centre, scale = (torch.tensor(column, dtype=torch.float64) for column in zip(*stores, strict=True))
    shares = water_fill(torch.tensor([stock], dtype=torch.float64), position[None], centre, scale)[0]
    assert float(shares.min()) >= 0.0
    assert float(shares.sum()) == pytest.approx(stock, abs=1e-6)
    after = (position + shares - centre) / scale
    served = shares > 1e-9
    if stock > 1e-6:
        level = float(after[served].max())
        torch.testing.assert_close(after[served], torch.full_like(after[served], level), atol=1e-6, rtol=0)
        assert float(after[~served].min() if (~served).any() else level) >= level - 1e-6


def test_hub_requests_stay_in_the_action_space_and_keep_their_proportions() -> None:
    policy = make_baseline("hub_order_up_to", "InventoryNet-Transshipment-v0", env_kwargs={"action_mode": "quantity"})
    on_hand = np.array([500.0, -40.0, 0.0, 0.0, 0.0, 0.0], np.float32)
    action, _ = policy.predict({"on_hand": on_hand, "pipeline": np.zeros((6, 2), np.float32)})
    assert policy.model.action_space.contains(action)
    stock, position = torch.tensor([500.0]), torch.as_tensor(on_hand[None, 1:])
    shares = water_fill(stock, position, *(torch.tensor(v) for v in (policy._centres, policy._scales)))[0]  # type: ignore[attr-defined]
    np.testing.assert_allclose(action[1:] / action[1:].sum(), shares / shares.sum(), rtol=1e-5)


@pytest.mark.parametrize("env_id", [LOST, WAREHOUSE, "InventoryNet-Serial-v0", "InventoryNet-Transshipment-v0"])
def test_nobody_beats_just_in_time(env_id: str) -> None:
    from scenarium.baselines import baselines_for

    clairvoyant = costs("just_in_time", env_id)
    for entry in baselines_for(env_id):
        assert bool((costs(entry.name, env_id) >= clairvoyant - 1e-6).all()), entry.name


def test_just_in_time_orders_the_missing_part_of_the_demand_a_lead_time_ahead() -> None:
    policy = make_baseline("just_in_time", LOST, env_kwargs={"lead_time": 2, "action_mode": "quantity"})
    scenario = policy.native.scenario(11)
    demand = scenario.span(0, 3)[:, 0]
    on_hand = np.array([demand[0] + demand[1] + 1.0], np.float32)
    empty = np.zeros((1, 3), np.float32)
    action, _ = policy.act_on(scenario)({"on_hand": on_hand, "pipeline": empty}, None, 0)
    assert action[0] == max(demand[2] - 1.0, 0.0)


def test_recorded_demand_is_never_read_past_its_end() -> None:
    series = np.random.default_rng(0).poisson(6.0, (40, 3)).astype(float)
    for name in ("just_in_time", "quantile_newsvendor", "echelon_base_stock"):
        found = costs(name, SALES, 2, periods=24, warm_up=0, n=3, demand=series)
        assert bool(torch.isfinite(found).all())


def test_forecast_follows_the_history() -> None:
    policy = make_baseline("quantile_newsvendor", SALES, env_kwargs={"action_mode": "quantity"})
    space = policy.model.observation_space
    quiet = {key: np.zeros(part.shape, np.float32) for key, part in space.spaces.items()}  # type: ignore[attr-defined]
    low = {**quiet, "demand_history": quiet["demand_history"] + 5.0}
    high = {**quiet, "demand_history": quiet["demand_history"] + 10.0}
    xmas = {**low, "calendar": np.array([-1 / 26], np.float32)}  # the peak is next week
    none, once, twice, peak = (policy.predict(obs)[0] for obs in (quiet, low, high, xmas))
    assert not none.any()
    np.testing.assert_allclose(twice, 2 * once, rtol=1e-5)
    assert (peak > 1.1 * once).all()
    assert float(costs("quantile_newsvendor", SALES, periods=95, warm_up=16).mean()) < 1.1 * float(
        costs("echelon_base_stock", SALES, periods=95, warm_up=16).mean()
    )


def test_structure_of_several_warehouses() -> None:
    model = make_model("InventoryNet-ManyWarehouses-v0")
    assert isinstance(model, InventoryNet)
    s = Structure(model)
    for node, edge in enumerate(s.primary):
        assert s.target[edge] == node
    assert (s.below[: s.stocks, s.stocks :].sum(0) == 1).all()  # each store below one warehouse
    cheap = Structure(model, by_cost_alone=True)
    for node in range(s.stocks, len(s.nodes)):
        mine = np.flatnonzero(s.target == node)
        assert cheap.cost[cheap.primary[node]] == cheap.cost[mine].min()


def test_tuned_data_fit_the_problems_they_name() -> None:
    for entry in TUNED.entries:
        model = make_model(entry["id"], **entry["kwargs"])
        assert isinstance(model, InventoryNet)
        assert problem_key(model) == entry["key"], entry["id"]
        policy = make_baseline(entry["baseline"], model)
        for name, value in entry["parameters"].items():
            assert policy.parameters[name] == value
    same = make_model("InventoryNet-v0", action_mode="integer", horizon=7)
    assert isinstance(same, InventoryNet)
    assert problem_key(same) == problem_key(make_model(WAREHOUSE, n=5))  # type: ignore[arg-type]
    assert problem_key(same) != problem_key(make_model(WAREHOUSE, n=5, correlation=0.4))  # type: ignore[arg-type]


def test_tuning_finds_the_level_of_the_closed_form() -> None:
    env_id = "InventoryNet-OneStoreBacklog-v0"
    model = make_model(env_id, lead_time=1, underage=4.0)
    found = tune(
        lambda x: make_baseline("base_stock", model, levels=x[0]), [9.0], [1.0], worlds=512, periods=60, warm_up=20
    )
    assert found.values[0] == pytest.approx(10 + norm.ppf(0.8) * 1.6 * 2**0.5, abs=0.1)
    assert found.test.mean == pytest.approx(3.1674, abs=4 * found.test.standard_error)
    assert found.evaluations <= 200


def test_recorded_scenario_repeats_the_original() -> None:
    model = make_model(WAREHOUSE)
    scenario = model.scenario(torch.arange(5))
    recorded = Recorded(model.scenario(torch.arange(5)))
    for t in (0, 1, 0, 7):
        assert torch.equal(recorded.at(t), scenario.at(t))
    assert torch.equal(recorded.span(2, 3), scenario.span(2, 3))
    assert torch.equal(recorded.starting_uniforms(5, 3), scenario.starting_uniforms(5, 3))  # type: ignore[attr-defined]


def test_policies_of_another_family_are_refused() -> None:
    class Nothing:
        pass

    with pytest.raises(ScenariumError, match="must be an id, a Model"):
        make_baseline("base_stock", Nothing())  # type: ignore[arg-type]
