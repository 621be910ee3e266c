"""The optimal policy of stores with lost sales, from the dynamic program's table."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from scenarium.baselines.inventory.policy import Inventory, InventoryBaseline
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.inventory.optimum.lost_sales import LONGEST_LEAD_TIME, LostSalesOptimum, lost_sales_optimum
from scenarium.envs.inventory.scenario import PoissonDemand


class LostSalesOptimal(InventoryBaseline):
    """Looks the optimal order up, store by store (Zipkin, 2008); stock between whole units counts as the nearest.

    For Poisson demand, lead times 1 to 4 and stores that a supplier serves directly.
    """

    name = "lost_sales_optimal"

    def _check(self) -> None:
        super()._check()
        network = self.model.network
        if network.stocks or len(network.edges) != len(network.stores):
            raise ScenariumError("lost_sales_optimal is for stores that one supplier each serves directly")
        if any(store.unmet != "lost" for store in network.stores):
            raise ScenariumError("lost_sales_optimal is for lost sales; newsvendor is optimal with a backlog")
        if not isinstance(self.model.demand, PoissonDemand):
            raise ScenariumError(f"lost_sales_optimal needs Poisson demand, not {type(self.model.demand).__name__}")
        bad = next((edge for edge in network.edges if not 1 <= edge.lead_time <= LONGEST_LEAD_TIME), None)
        if bad is not None:
            raise ScenariumError(
                f"edge {bad.name!r} has lead time {bad.lead_time}; lost_sales_optimal takes 1 to {LONGEST_LEAD_TIME}"
            )

    def _configure(self) -> dict[str, Any]:
        groups: dict[tuple[int, float, float, float], list[int]] = {}
        for edge, (node, lead) in enumerate(zip(self.structure.target, self.structure.lead, strict=True)):
            store = self.structure.nodes[node]
            rate = float(self.model.demand.mean[node])
            groups.setdefault((int(lead), store.underage, store.holding, rate), []).append(edge)
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


@cache
def _solved(lead_time: int, underage: float, holding: float, rate: float) -> LostSalesOptimum:
    return lost_sales_optimum(lead_time, underage, holding, rate)
