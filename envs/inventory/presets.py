"""The problem classes of the paper, and a user's own network, as factories of `InventoryNet`.

Each function is the factory of a registered id; what it takes beyond its own parameters goes to `InventoryNet`
(horizon, action_mode, observation, history, rounding, reward). Parameters are those of Alvo et al. (arXiv 2306.11246);
one demand seed is one world, and parameters never depend on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.inventory.model import InventoryNet
from scenarium.envs.inventory.network import Edge, Network, Node
from scenarium.envs.inventory.own import ArrayDemand, load_network
from scenarium.envs.inventory.paper import (
    WAREHOUSE_HOLDING,
    WAREHOUSE_UNIT_COST,
    PaperParameters,
    many_warehouse_lead_times,
    paper_parameters,
)
from scenarium.envs.inventory.retail import RetailDemand
from scenarium.envs.inventory.scenario import Demand, NormalDemand, PoissonDemand

SUPPLIER = Node("supplier", "supplier")
Unmet = Literal["lost", "backlog"]


def inventory_net(
    network: str | Path | Mapping[str, Any] | Network | None = None,
    demand: Demand | None = None,
    **options: Any,
) -> InventoryNet:
    """One warehouse and five stores of the paper's parameters, or a network of your own.

    Args:
        network: A YAML or JSON file, a dict of the same shape (see `load_network`), or a `Network`.
        demand: The demand law, when `network` is a `Network`.
        **options: Arguments of `InventoryNet`.
    """
    if network is None:
        return one_warehouse(5, **options)
    if isinstance(network, Network):
        if demand is None:
            raise ScenariumError("a Network needs a demand; pass demand=, such as PoissonDemand(5.0, stores=3)")
        return InventoryNet(network, demand, **options)
    return InventoryNet(*load_network(network), **options)


def one_store_lost(
    lead_time: int = 4, underage: float = 9.0, holding: float = 1.0, rate: float = 5.0, **options: Any
) -> InventoryNet:
    """One store, lost sales, Poisson demand: the benchmark of Zipkin (2008) used by the paper."""
    network = _one_store(lead_time, underage, holding, "lost")
    return InventoryNet(network, PoissonDemand(rate, stores=1), **options)


def one_store_backlog(
    lead_time: int = 4,
    underage: float = 9.0,
    holding: float = 1.0,
    mean: float = 5.0,
    std: float = 1.6,
    **options: Any,
) -> InventoryNet:
    """One store, backlogged demand, normal demand cut off at zero; a base-stock policy is optimal."""
    network = _one_store(lead_time, underage, holding, "backlog")
    return InventoryNet(network, NormalDemand(mean, std, stores=1), **options)


def _one_store(lead_time: int, underage: float, holding: float, unmet: Unmet) -> Network:
    store = Node("store", "store", holding=holding, underage=underage, unmet=unmet, initial="sampled")
    return Network((SUPPLIER, store), (Edge("supplier", "store", lead_time),), min_slots=4)


_ECHELON_LEADS, _ECHELON_HOLDING = (2, 4, 1, 3, 2), (0.1, 0.2, 0.25, 0.3, 0.4)


def serial(
    locations: int = 4,
    lead_time: int = 4,
    underage: float = 9.0,
    mean: float = 5.0,
    std: float = 2.0,
    **options: Any,
) -> InventoryNet:
    """A chain supplier, echelons, warehouse, store with backlogged normal demand; solved by Clark and Scarf (1960).

    Args:
        locations: Stocking locations, 3 to 7: locations - 2 echelons, the warehouse and the store.
        lead_time: Lead time of the store, periods.
        underage: Cost per unit of backlog and period.
        mean: Mean demand (before clipping), units per period.
        std: Standard deviation of demand (before clipping).
        **options: Arguments of `InventoryNet`.
    """
    if not 3 <= locations <= 7:
        raise ScenariumError(f"a serial system has 3 to 7 locations, not {locations}")
    echelons = [Node(f"echelon_{i}", "stock", holding=_ECHELON_HOLDING[i]) for i in range(locations - 2)]
    warehouse = Node("warehouse", "stock", holding=0.5)
    store = Node("store", "store", holding=1.0, underage=underage, unmet="backlog", initial="sampled")
    chain = [SUPPLIER, *echelons, warehouse, store]
    leads = [*_ECHELON_LEADS[: locations - 2], 3, lead_time]
    edges = [Edge(a.name, b.name, lead) for a, b, lead in zip(chain[:-1], chain[1:], leads, strict=True)]
    return InventoryNet(Network(tuple(chain), tuple(edges)), NormalDemand(mean, std, stores=1), **options)


def transshipment(
    n: int = 5, lead_time: int = 2, underage: float = 4.0, correlation: float = 0.5, **options: Any
) -> InventoryNet:
    """A hub that ships all it receives to n stores; backlogged, correlated normal demand that may be negative."""
    p = paper_parameters(n)
    stores = [Node(f"store_{i}", "store", 1.0, underage, "backlog", "sampled") for i in range(n)]
    edges = [Edge("supplier", "hub", 3), *(Edge("hub", store.name, lead_time) for store in stores)]
    network = Network((SUPPLIER, Node("hub", "hub", holding=0.5), *stores), tuple(edges), min_slots=2)
    return InventoryNet(network, NormalDemand(p.mean, p.std, correlation, clip=False), **options)


def _stores(p: PaperParameters, initial: Literal["sampled", "empty"] = "sampled") -> list[Node]:
    return [
        Node(f"store_{i}", "store", float(h), float(u), "lost", initial)
        for i, (h, u) in enumerate(zip(p.holding, p.underage, strict=True))
    ]


def _one_warehouse_network(p: PaperParameters, initial: Literal["sampled", "empty"] = "sampled") -> Network:
    stores = _stores(p, initial)
    lanes = [Edge("warehouse", s.name, int(lead)) for s, lead in zip(stores, p.lead_time, strict=True)]
    edges = (Edge("supplier", "warehouse", 3), *lanes)
    return Network((SUPPLIER, Node("warehouse", "stock", holding=0.3), *stores), edges, min_slots=3)


def one_warehouse(
    n: int = 5, correlation: float = 0.5, lead_time: Sequence[int] = (2, 6), **options: Any
) -> InventoryNet:
    """One warehouse and n stores, lost sales, correlated normal demand cut off at zero.

    Args:
        n: Number of stores.
        correlation: Of demand between any two stores.
        lead_time: Range of the stores' lead times, upper end excluded; the published table used (2, 6).
        **options: Arguments of `InventoryNet`.
    """
    low, high = lead_time
    p = paper_parameters(n, lead_time=(int(low), int(high)))
    return InventoryNet(_one_warehouse_network(p), NormalDemand(p.mean, p.std, correlation), **options)


def many_warehouses(warehouses: int = 2, correlation: float = 0.5, **options: Any) -> InventoryNet:
    """Several warehouses (2 to 6) with the paper's lead-time matrices, 10 to 50 stores, lost sales."""
    leads = many_warehouse_lead_times(warehouses)
    p = paper_parameters(leads.shape[1])
    stores = _stores(p)
    hubs = [Node(f"warehouse_{w}", "stock", holding=WAREHOUSE_HOLDING[w]) for w in range(warehouses)]
    edges = [Edge("supplier", hub.name, 3) for hub in hubs]
    edges += [
        Edge(hubs[w].name, stores[s].name, int(leads[w, s]), WAREHOUSE_UNIT_COST[w]) for w, s in np.argwhere(leads > 0)
    ]
    network = Network((SUPPLIER, *hubs, *stores), tuple(edges), min_slots=3)
    return InventoryNet(network, NormalDemand(p.mean, p.std, correlation), **options)


def independent_stores(
    n: int = 5, lead_time: int = 3, underage: float = 9.0, rate: float = 5.0, **options: Any
) -> InventoryNet:
    """Stores served directly by the supplier, lost sales, independent Poisson demand (weight-sharing study)."""
    stores = [Node(f"store_{i}", "store", 1.0, underage, "lost", "sampled") for i in range(n)]
    edges = tuple(Edge("supplier", store.name, lead_time) for store in stores)
    return InventoryNet(Network((SUPPLIER, *stores), edges, min_slots=4), PoissonDemand(rate, stores=n), **options)


def retail_weekly(n: int = 5, demand: Any = None, start: int = 16, **options: Any) -> InventoryNet:
    """Weekly retail in profit mode: one warehouse and n stores, empty at the start, sixteen past weeks observed.

    Args:
        n: Number of stores.
        demand: Your own sales [T, n] or [W, T, n] (an array, or a CSV with columns store_0, store_1, ...), or a
            `Demand`; by default the synthetic `RetailDemand`.
        start: With recorded sales, the row that is period 0.
        **options: Arguments of `InventoryNet`.
    """
    from scenarium.envs.inventory.own import demand_from_csv

    p = paper_parameters(n)
    network = _one_warehouse_network(p, "empty")
    law: Demand
    if demand is None:
        law = RetailDemand(12.0 * p.mean)
    elif isinstance(demand, (str, Path)):
        law = demand_from_csv(demand, [store.name for store in network.stores], start)
    else:
        law = demand if isinstance(demand, Demand) else ArrayDemand(demand, start)
    horizon = 95 if law.recorded is None else min(95, law.recorded[1])
    return InventoryNet(network, law, **{"horizon": horizon, "history": 16, "reward": "profit", **options})
