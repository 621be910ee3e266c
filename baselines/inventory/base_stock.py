"""Order-up-to policies: base stock, capped, constant order, newsvendor and echelon base stock."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from scenarium.baselines.inventory.lost_sales import (
    best_levels,
    best_order,
    store_problems,
    what_is_not_poisson,
    what_is_unsolved,
)
from scenarium.baselines.inventory.policy import Inventory, InventoryBaseline
from scenarium.baselines.inventory.structure import critical_fraction
from scenarium.baselines.inventory.tuned import tuned_parameters
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.inventory.scenario import NormalDemand


class BaseStock(InventoryBaseline):
    """Orders max(S_e - position, 0) on every edge, the position being that of the node the edge leads to.

    Args:
        levels: S per edge, units: a number, a sequence, or a mapping by edge name; None for an edge not ordered on.
        store_z: Instead of levels: safety factor of the stores, S = mean + z * std of the demand over lead time + 1.
        stock_z: With `store_z`: safety factor of the stock nodes.

    With neither, levels are those tuned for the problem, where it was, else the exact best of stores with lost sales
    and Poisson demand (lead times up to 4), else newsvendor quantiles.
    """

    name = "base_stock"
    echelon: ClassVar[bool] = False
    usual_stock_z: ClassVar[float] = 1.5
    """Safety factor of stock nodes where nothing was tuned; a node's own position must carry its throughput."""

    def _configure(self, levels: Any = None, store_z: float | None = None, stock_z: float | None = None) -> Any:
        if levels is not None and (store_z is not None or stock_z is not None):
            raise ScenariumError(f"{self.name}: give levels, or store_z and stock_z, not both")
        if levels is None and store_z is None and stock_z is None:
            levels = tuned_parameters(self.name, self.model).get("levels")
            if levels is None:
                levels = self.default_levels()
        elif levels is None:
            levels = self.levels_from_factors(store_z, stock_z)
        self._levels = self.per_edge(levels, "levels", optional=True)
        return {"levels": self._levels}

    def default_levels(self) -> list[float | None]:
        """Levels where none are given or tuned."""
        if what_is_unsolved(self.model) is None:
            return [best_levels(problem, False)[0] for problem in store_problems(self.structure)]
        return self.levels_from_factors(None, None)

    def levels_from_factors(self, store_z: float | None, stock_z: float | None) -> list[float | None]:
        """Levels at safety factors; None stands for the newsvendor quantile (stores) and the usual factor."""
        s = self.structure
        levels: list[float | None] = [None] * s.edges
        for node, edge in enumerate(s.primary):
            z = store_z if node >= s.stocks else self.usual_stock_z if stock_z is None else stock_z
            if z is None:
                levels[edge] = s.store_quantile(node, critical_fraction(s.nodes[node]))
            else:
                mean, std = s.lead_time_demand(node, self.echelon)
                levels[edge] = mean + self.number(z, "safety factor") * std
        return levels

    def orders(self, inventory: Inventory) -> Tensor:
        s, position = self.structure, self.positions(inventory)
        if self.echelon:
            position = position @ self._on(position.device, "below", s.below.T)
        if len(s.nodes) != s.edges or (s.target != np.arange(s.edges)).any():
            position = position[:, s.target.tolist()]
        return (self.levels(inventory) - position).clamp_min(0.0)

    def levels(self, inventory: Inventory) -> Tensor:
        """The levels of this period, [E] or [B, E]; minus infinity on edges that are not ordered on."""
        levels = [-math.inf if level is None else level for level in self._levels]
        return self._on(inventory.on_hand.device, "levels", levels)


class CappedBaseStock(BaseStock):
    """A base-stock policy that orders at most r a period (Xin, Operations Research, 2021).

    Args:
        levels: S per edge, as in `BaseStock`.
        caps: r per edge, units >= 0.
    """

    name = "capped_base_stock"

    def _configure(self, levels: Any = None, caps: Any = None) -> Any:  # type: ignore[override]
        if levels is None and caps is None:
            known = tuned_parameters(self.name, self.model) or self._best()
            levels, caps = known.get("levels"), known.get("caps")
        found = super()._configure(levels=levels)
        caps = (1.2 * self.model.action_mean).tolist() if caps is None else caps
        self._caps = self.per_edge(caps, "caps", low=0.0)
        return {**found, "caps": self._caps}

    def _best(self) -> dict[str, list[float]]:
        if what_is_unsolved(self.model) is not None:
            return {}
        pairs = [best_levels(problem, True) for problem in store_problems(self.structure)]
        return {"levels": [level for level, _ in pairs], "caps": [cap for _, cap in pairs]}

    def orders(self, inventory: Inventory) -> Tensor:
        wanted = super().orders(inventory)
        return wanted.minimum(self._on(wanted.device, "caps", self._caps))


class ConstantOrder(InventoryBaseline):
    """The same order every period, whatever the inventory; near optimal for lost sales and long lead times.

    Args:
        orders: Units per edge and period >= 0: a number, a sequence, or a mapping by edge name. By default the exact
            best for stores with Poisson demand and a supplier each, 0.88 of the mean flow elsewhere.
    """

    name = "constant_order"

    def _check(self) -> None:
        super()._check()
        if any(store.unmet == "backlog" for store in self.model.network.stores):
            raise ScenariumError("constant_order lets a backlog drift without end; use base_stock")

    def _configure(self, orders: Any = None) -> Any:
        if orders is None:
            solved = what_is_not_poisson(self.model) is None
            orders = (
                [best_order(p) for p in store_problems(self.structure)] if solved else 0.88 * self.model.action_mean
            )
        self._orders = self.per_edge(orders, "orders", low=0.0)
        return {"orders": self._orders}

    def orders(self, inventory: Inventory) -> Tensor:
        return self._on(inventory.on_hand.device, "orders", self._orders).expand(len(inventory.on_hand), -1)


class Newsvendor(BaseStock):
    """S = F^{-1}(p / (p + h)), F the law of the demand over lead time + 1: optimal where demand is backlogged.

    Normal demand (Alvo et al., arXiv 2306.11246, one store with backlog): S = (L + 1) mean + z std sqrt(L + 1).
    """

    name = "newsvendor"

    def _check(self) -> None:
        super()._check()
        network = self.model.network
        if network.stocks or any(store.unmet != "backlog" for store in network.stores):
            raise ScenariumError("newsvendor is for stores with backlog and no warehouse; use base_stock")

    def _configure(self, levels: Any = None) -> Any:  # type: ignore[override]
        return super()._configure(levels=self.default_levels() if levels is None else levels)


class EchelonBaseStock(BaseStock):
    """Orders up to a level of the echelon position: the node's own, and that of all nodes below it.

    Nodes with too little stock ration in proportion to what is asked of them. In a chain with backlog the default
    levels are Clark and Scarf's (1960), which are optimal; elsewhere they are tuned.
    """

    name = "echelon_base_stock"
    echelon = True
    usual_stock_z = 0.5

    def default_levels(self) -> list[float | None]:
        return chain_levels(self) or super().default_levels()


def chain_levels(policy: BaseStock) -> list[float | None] | None:
    """Clark and Scarf's levels per edge, or None where the network is no chain with normal, backlogged demand."""
    from scenarium.envs.inventory.optimum import clark_scarf

    s, demand = policy.structure, policy.model.demand
    chain = len(s.nodes) == s.edges and all(s.parent(n) == n - 1 for n in range(len(s.nodes)))
    rates = [node.holding for node in reversed(s.nodes)]
    falling = rates[-1] > 0.0 and all(above < below for below, above in zip(rates, rates[1:], strict=False))
    if not (chain and falling and s.nodes[-1].unmet == "backlog" and isinstance(demand, NormalDemand)):
        return None
    leads = [int(s.lead[edge]) for edge in reversed(s.primary)]
    if min(leads) < 1:
        return None
    moments = float(demand.location[0]), float(demand.scale[0])
    solved = clark_scarf(leads, rates, s.nodes[-1].underage, *moments, clipped=demand.clip)
    return list(reversed(solved.levels))
