"""Just in time with knowledge of the future: what no policy can do, for comparison."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from scenarium.baselines.inventory.policy import Inventory, InventoryBaseline, read_inventory
from scenarium.baselines.inventory.structure import Structure
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.rollout import Act
from scenarium.envs.core.scenario import Scenario
from scenarium.envs.inventory.model import InventoryNet


class JustInTime(InventoryBaseline):
    """Orders what will be missing in the very period it is needed, knowing all future demand.

    Each store asks for next L periods' demand that its stock and pipeline do not cover; each stock node orders what
    it will be asked for a lead time later. The network rations as for everyone, so that nothing is shipped that is
    not there. With several sources the cheapest is used. It cannot be played without the world: use `act_on`.
    """

    name = "just_in_time"
    clairvoyant = True
    hubs_allowed = True

    def _configure(self) -> dict[str, Any]:
        return {}

    @cached_property
    def structure(self) -> Structure:
        return Structure(self.model, by_cost_alone=True)

    def orders(self, inventory: Inventory) -> Tensor:
        raise ScenariumError("just_in_time sees the future of its world: act with act_on(scenario), not predict")

    def act_on(self, scenario: Scenario) -> Act:
        native = self.native
        assert isinstance(native, InventoryNet)
        longest = int(max(self._upstream)) + 1

        @torch.no_grad()
        def act(observation: Any, memory: Any, t: int) -> tuple[Any, Any]:
            future = torch.as_tensor(future_demand(self.model, scenario, t, longest))
            if not scenario.xp.batched:
                observation = _batched(observation)
                future = future[..., None]
            inventory = read_inventory(self.model, observation)
            action = self._as_native(self.plan(inventory, future.movedim(-1, 0)), inventory)
            return (action if scenario.xp.batched else action[0].numpy()), None

        return act

    @cached_property
    def _upstream(self) -> list[int]:
        """For each node the lead times from the supplier down to it, summed."""
        s = self.structure
        total: list[int] = []
        for node, edge in enumerate(s.primary):
            above = total[s.parent(node)] if s.parent(node) >= 0 else 0
            total.append(above + int(s.lead[edge]))
        return total

    def plan(self, inventory: Inventory, future: Tensor) -> Tensor:
        """Orders of this period [B, E].

        Args:
            inventory: What there is.
            future: Demand of this period and those to come [B, T, S].
        """
        s = self.structure
        asked: list[Tensor | None] = [None] * len(s.nodes)
        result = inventory.on_hand.new_zeros(len(inventory.on_hand), s.edges)
        for node in reversed(range(len(s.nodes))):
            outflow = future[:, :, node - s.stocks] if node >= s.stocks else asked[node]
            if outflow is None:
                continue
            needs = self._needs(node, inventory, outflow)
            result[:, int(s.primary[node])] = needs[:, 0]
            parent = s.parent(node)
            if parent >= 0:
                known = asked[parent]
                periods = self._upstream[parent] + 1
                asked[parent] = needs[:, :periods] if known is None else known + needs[:, :periods]
        return result

    def _needs(self, node: int, inventory: Inventory, outflow: Tensor) -> Tensor:
        """What the node must order now and later so that nothing is missing [B, periods]."""
        s, pipeline = self.structure, inventory.pipeline
        lead, periods = int(s.lead[s.primary[node]]), self._upstream[node] + 1
        into = np.flatnonzero(s.target == node).tolist()
        # What is not filled is asked for again where a backlog waits for it, and is forgotten where the sale is lost.
        below = np.flatnonzero(s.below[node][s.stocks :]) + s.stocks
        owed = any(s.nodes[store].unmet == "backlog" for store in below)
        stock, needs = inventory.on_hand[:, node], []
        for k in range(periods):
            if 1 <= k <= pipeline.shape[2]:
                stock = stock + pipeline[:, into, k - 1].sum(1)
            if k >= lead:
                need = (outflow[:, k] - stock).clamp_min(0.0)
                needs.append(need)
                stock = stock + need
            stock = stock - outflow[:, k]
            stock = stock.clamp_max(0.0) if s.nodes[node].kind == "hub" else stock
            stock = stock if owed else stock.clamp_min(0.0)
        return torch.stack(needs, 1)


def future_demand(model: InventoryNet, scenario: Scenario, t: int, length: int) -> Any:
    """Demand of periods t, ..., t + length - 1, time first; zero after the end of a record."""
    recorded = model.demand.recorded
    known = length if recorded is None else max(1, min(length, recorded[1] - t))
    values = scenario.span(t, known)
    if known == length:
        return values
    zero = values[:1] * 0.0
    return scenario.xp.concat([values, *[zero] * (length - known)], 0)


def _batched(observation: Any) -> Any:
    if isinstance(observation, dict):
        return {key: torch.as_tensor(value)[None] for key, value in observation.items()}
    return torch.as_tensor(observation)[None]
