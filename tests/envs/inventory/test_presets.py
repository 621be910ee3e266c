"""The problem classes of the paper: check values, lead times, sizes and costs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scenarium.envs import entries, make_model
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.namespace import NUMPY
from scenarium.envs.inventory.model import InventoryNet
from scenarium.envs.inventory.paper import many_warehouse_lead_times, paper_parameters
from scenarium.envs.inventory.presets import inventory_net
from scenarium.envs.inventory.retail import RetailDemand
from scenarium.envs.inventory.scenario import NormalDemand, PoissonDemand
from scenarium.envs.table import register_all

register_all()
IDS = [entry.id for entry in entries().values() if entry.family == "inventory"]


def make(name: str, **kwargs: Any) -> InventoryNet:
    """The model of ``InventoryNet-<name>-v0``."""
    model = make_model(f"InventoryNet-{name}-v0" if name else "InventoryNet-v0", **kwargs)
    assert isinstance(model, InventoryNet)
    return model


def test_the_papers_parameters_of_five_stores() -> None:
    p = paper_parameters(5)
    assert p.mean.tolist() == [3.743, 4.750, 4.555, 3.801, 6.852]
    assert p.std.tolist() == [1.765, 2.124, 1.622, 1.405, 1.714]
    assert p.underage.round(4).tolist() == [10.2367, 9.3307, 6.9748, 8.4470, 10.5191]
    assert p.holding.round(4).tolist() == [1.0856, 1.0232, 1.0071, 1.0662, 0.9958]
    assert p.lead_time.tolist() == [2, 5, 2, 4, 2]
    assert paper_parameters(5, lead_time=(2, 4)).lead_time.tolist() == [2, 3, 2, 2, 2]
    with pytest.raises(ScenariumError, match="number of stores is 0"):
        paper_parameters(0)


def test_drawing_the_papers_parameters_leaves_the_global_generator_alone() -> None:
    np.random.seed(3)  # noqa: NPY002
    expected = np.random.random()  # noqa: NPY002
    np.random.seed(3)  # noqa: NPY002
    paper_parameters(5)
    assert np.random.random() == expected  # noqa: NPY002


@pytest.mark.parametrize("warehouses", [2, 3, 4, 5, 6])
def test_the_many_warehouse_networks(warehouses: int) -> None:
    stores = 10 * (warehouses - 1)
    leads = many_warehouse_lead_times(warehouses)
    assert leads.shape == (warehouses, stores)
    assert (leads > 0).any(0).all()
    assert leads.max() == 6
    network = make("ManyWarehouses", warehouses=warehouses).network
    assert len(network.edges) == warehouses + (leads > 0).sum()
    lanes = {edge.name: edge for edge in network.edges}
    for w, s in np.ndindex(*leads.shape):
        lane = lanes.get(f"warehouse_{w}->store_{s}")
        assert (0 if lane is None else lane.lead_time) == leads[w, s]
        assert lane is None or lane.unit_cost == (0.5, 1.5, 0.7, 1.3, 0.9, 1.1)[w]
    assert [n.holding for n in network.stocks] == [0.3, 0.4, 0.2, 0.5, 0.1, 0.6][:warehouses]
    assert all(lanes[f"supplier->warehouse_{w}"].lead_time == 3 for w in range(warehouses))


@pytest.mark.parametrize("warehouses", [1, 7])
def test_there_are_no_other_many_warehouse_networks(warehouses: int) -> None:
    with pytest.raises(ScenariumError, match=rf"no network of {warehouses} warehouses; use one of \[2, 3, 4, 5, 6\]"):
        make("ManyWarehouses", warehouses=warehouses)


def test_one_store() -> None:
    lost, backlog = make("OneStoreLost"), make("OneStoreBacklog", lead_time=20)
    assert isinstance(lost.demand, PoissonDemand)
    assert lost.demand.mean.tolist() == [5.0]
    assert (lost.network.edges[0].lead_time, lost.network.slots) == (4, 4)
    assert (lost.network.stores[0].underage, lost.network.stores[0].unmet) == (9.0, "lost")
    assert isinstance(backlog.demand, NormalDemand)
    assert (float(backlog.demand.location[0]), float(backlog.demand.scale[0])) == (5.0, 1.6)
    assert (backlog.network.edges[0].lead_time, backlog.network.slots) == (20, 20)
    # Four slots start filled, however short the lead time.
    assert make("OneStoreLost", lead_time=1).network.slots == 4


def test_serial() -> None:
    network = make("Serial", lead_time=2).network
    assert [edge.lead_time for edge in network.edges] == [2, 4, 3, 2]
    assert [node.holding for node in network.held] == [0.1, 0.2, 0.5, 1.0]
    longest = make("Serial", locations=7).network
    assert [edge.lead_time for edge in longest.edges] == [2, 4, 1, 3, 2, 3, 4]
    assert [node.holding for node in longest.held] == [0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 1.0]
    with pytest.raises(ScenariumError, match="a serial system has 3 to 7 locations, not 8"):
        make("Serial", locations=8)


def test_transshipment() -> None:
    model = make("Transshipment", n=3, lead_time=6)
    assert isinstance(model.demand, NormalDemand)
    assert not model.demand.clip
    assert [edge.lead_time for edge in model.network.edges] == [3, 6, 6, 6]
    assert [node.kind for node in model.network.stocks] == ["hub"]
    assert {(s.holding, s.underage, s.unmet) for s in model.network.stores} == {(1.0, 4.0, "backlog")}
    covariance = model.demand.covariance()
    assert covariance[0, 1] == pytest.approx(0.5 * 1.765 * 2.124)
    assert covariance[2, 2] == pytest.approx(1.622**2)


def test_one_warehouse_is_the_default_and_takes_a_lead_time_range() -> None:
    default, named = make(""), make("OneWarehouse")
    assert default.network == named.network
    assert [edge.lead_time for edge in default.network.edges] == [3, 2, 5, 2, 4, 2]
    assert [e.lead_time for e in make("OneWarehouse", lead_time=(2, 4)).network.edges] == [3, 2, 3, 2, 2, 2]
    assert default.network.stocks[0].holding == 0.3
    assert len(make("OneWarehouse", n=50).network.stores) == 50


def test_independent_stores_and_retail() -> None:
    independent = make("IndependentStores", n=4)
    assert independent.stock_count == 0
    assert [edge.lead_time for edge in independent.network.edges] == [3] * 4
    retail = make("RetailWeekly")
    assert (retail.horizon, retail.history) == (95, 16)
    assert isinstance(retail.demand, RetailDemand)
    assert {store.initial for store in retail.network.stores} == {"empty"}


@pytest.mark.parametrize("env_id", IDS)
def test_the_start_is_the_papers(env_id: str) -> None:
    model = make_model(env_id)
    assert isinstance(model, InventoryNet)
    k, slots = model.stock_count, model.network.slots
    starts = [model.initial(model.scenario(seed), NUMPY) for seed in range(400)]
    assert all((s.on_hand[:k] == 0).all() for s in starts)
    sampled = model.network.stores[0].initial == "sampled"
    stores = np.array([s.on_hand[k:] for s in starts]) / model.demand.mean
    into_stores = [e for e, edge in enumerate(model.network.edges) if edge.target.startswith("store")]
    assert all(len(s.transit) == slots - 1 for s in starts)
    if not sampled:
        assert (stores == 0).all()
        return
    assert 0.0 < stores.min() < 0.02 < 0.98 < stores.max() < 1.0
    assert stores.mean() == pytest.approx(0.5, abs=0.05)
    moving = np.array([[slot[into_stores].sum() for slot in s.transit] for s in starts]) / model.demand.mean.sum()
    assert moving.mean(0) == pytest.approx(0.5, abs=0.05)


def test_your_own_retail_sales(tmp_path: Path) -> None:
    sales = np.random.default_rng(0).integers(0, 9, (40, 2))
    path = tmp_path / "sales.csv"
    path.write_text("store_1,store_0\n" + "".join(f"{b},{a}\n" for a, b in sales))
    from_csv, from_array = make("RetailWeekly", n=2, demand=path), make("RetailWeekly", n=2, demand=sales)
    assert from_csv.horizon == from_array.horizon == 24
    assert np.array_equal(from_csv.scenario(0).at(0), sales[16])
    assert np.array_equal(from_array.scenario(0).span(-16, 16), sales[:16])


def test_a_network_object_needs_its_demand() -> None:
    network = make("Transshipment").network
    with pytest.raises(ScenariumError, match="a Network needs a demand"):
        inventory_net(network)
    assert inventory_net(network, PoissonDemand(5.0, stores=5)).network is network
