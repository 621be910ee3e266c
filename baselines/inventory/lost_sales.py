"""The optimal policy of stores with lost sales, from the dynamic program's table."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from scenarium.baselines.inventory.policy import Inventory, InventoryBaseline
from scenarium.baselines.inventory.structure import Structure
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.inventory.model import InventoryNet
from scenarium.envs.inventory.optimum import (
    LostSalesOptimum,
    best_base_stock,
    best_capped_base_stock,
    best_constant_order,
    lost_sales_optimum,
)
from scenarium.envs.inventory.optimum.lost_sales import LONGEST_LEAD_TIME
from scenarium.envs.inventory.scenario import PoissonDemand


class LostSalesOptimal(InventoryBaseline):
    """Looks the optimal order up, store by store (Zipkin, 2008); stock between whole units counts as the nearest.

    For Poisson demand, lead times 1 to 4 and stores that a supplier serves directly.
    """

    name = "lost_sales_optimal"

    def _check(self) -> None:
        super()._check()
        problem = what_is_unsolved(self.model)
        if problem is not None:
            raise ScenariumError(f"lost_sales_optimal {problem}")

    def _configure(self) -> dict[str, Any]:
        groups: dict[Problem, list[int]] = {}
        for edge, problem in enumerate(store_problems(self.structure)):
            groups.setdefault(problem, []).append(edge)
        self._groups = [(_solved(*problem), edges) for problem, edges in groups.items()]
        self._tables: dict[tuple[int, str], Tensor] = {}
        return {}

    def orders(self, inventory: Inventory) -> Tensor:
        result = torch.zeros_like(inventory.on_hand)
        for number, (optimum, edges) in enumerate(self._groups):
            nodes = self.structure.target[edges].tolist()
            parts = [inventory.on_hand[:, nodes], *inventory.pipeline[:, edges, : optimum.lead_time - 1].unbind(2)]
            index = torch.zeros_like(parts[0], dtype=torch.int64)
            for part, size in zip(parts, optimum.policy.shape, strict=True):
                index = index * size + part.round().long().clamp(0, size - 1)
            result[:, edges] = self._table(number, index.device)[index]
        return result

    def _table(self, number: int, device: torch.device) -> Tensor:
        key = (number, str(device))
        if key not in self._tables:
            policy = self._groups[number][0].policy.reshape(-1).astype(np.float32)
            self._tables[key] = torch.as_tensor(policy, device=device)
        return self._tables[key]


Problem = tuple[int, float, float, float]
"""Lead time, p, h and rate of Poisson demand of one store."""


def what_is_unsolved(model: InventoryNet) -> str | None:
    """Why the dynamic program does not apply to the stores of a model, or None if it does."""
    other = what_is_not_poisson(model)
    bad = next((edge for edge in model.network.edges if not 1 <= edge.lead_time <= LONGEST_LEAD_TIME), None)
    if other is None and bad is not None:
        return f"takes lead times 1 to {LONGEST_LEAD_TIME}; that of edge {bad.name!r} is {bad.lead_time}"
    return other


def what_is_not_poisson(model: InventoryNet) -> str | None:
    """Why a model is not one of stores with lost sales, Poisson demand and a supplier each, or None if it is."""
    network = model.network
    if network.stocks or len(network.edges) != len(network.stores):
        return "is for stores that one supplier each serves directly"
    if any(store.unmet != "lost" for store in network.stores):
        return "is for lost sales; newsvendor is optimal with a backlog"
    if not isinstance(model.demand, PoissonDemand):
        return f"needs Poisson demand, not {type(model.demand).__name__}"
    if any(store.underage <= 0.0 or store.holding <= 0.0 for store in network.stores):
        return "needs positive holding and underage costs"
    return None


def store_problems(structure: Structure) -> list[Problem]:
    """The single-store problem behind every edge, for stores that a supplier serves directly."""
    stores = [structure.nodes[node] for node in structure.target]
    rates = structure.model.demand.mean[structure.target]
    return [
        (int(lead), store.underage, store.holding, float(rate))
        for lead, store, rate in zip(structure.lead, stores, rates, strict=True)
    ]


@cache
def best_levels(problem: Problem, capped: bool) -> tuple[float, float]:
    """S and r of the best base-stock policy, capped or not (r is then infinite)."""
    lead_time, underage, holding, rate = problem
    find = best_capped_base_stock if capped else best_base_stock
    found = find(lead_time=lead_time, underage=underage, holding=holding, rate=rate)
    return float(found.level), math.inf if found.cap is None else float(found.cap)


@cache
def best_order(problem: Problem) -> float:
    """The best constant order, which does not depend on the lead time."""
    _, underage, holding, rate = problem
    return best_constant_order(underage, holding, rate).rate


@cache
def _solved(lead_time: int, underage: float, holding: float, rate: float) -> LostSalesOptimum:
    return lost_sales_optimum(lead_time, underage, holding, rate)
