"""A network's numbers as arrays of one backend."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scenarium.envs.core.namespace import Array, Namespace
from scenarium.envs.inventory.layout import Incidence
from scenarium.envs.inventory.network import Network
from scenarium.envs.inventory.scenario import Demand

TINY = 1e-6
"""Units; keeps quotients finite and lets a hub without requests split evenly."""


class Constants:
    """Costs, lead-time masks and incidences of a network, shaped to broadcast against batch-last arrays.

    Edges are those of the network, first `supply` of them from suppliers, the others internal. Nodes are stock nodes
    and hubs, then stores.
    """

    def __init__(self, network: Network, demand: Demand, high: Sequence[float], xp: Namespace) -> None:
        self.high, self.half = xp.column(high), xp.column([0.5 * value for value in high])
        held, edges, stores = network.held, network.edges, network.stores
        self.zero, self.one, self.tiny = xp.scalar(0.0), xp.scalar(1.0), xp.scalar(TINY)
        self.per_store = -1.0 / len(stores)
        suppliers = {node.name for node in network.of_kind("supplier")}
        self.holding = xp.column([node.holding for node in held])
        self.underage = xp.column([store.underage for store in stores])
        self.unit_cost = xp.column([edge.unit_cost for edge in edges])
        self.has_unit_cost = any(edge.unit_cost for edge in edges)
        lost = [store.unmet == "lost" for store in stores]
        self.all_lost, self.all_backlog = all(lost), not any(lost)
        self.backlog = xp.column([not flag for flag in lost])
        self.supply = sum(edge.source in suppliers for edge in edges)
        self._sources_and_targets(network)
        self._lead_times(network, xp)
        self._start(network, demand, xp)

    def _sources_and_targets(self, network: Network) -> None:
        internal = network.edges[self.supply :]
        self.source = [network.index(edge.source) for edge in internal]
        self.target = [network.index(edge.target) for edge in network.edges]
        self.out = Incidence(self.source, len(network.stocks))
        self.into = Incidence(self.target, len(network.held))
        self.hubs = [node.kind == "hub" for node in network.stocks]
        self.any_hub, self.all_hubs = any(self.hubs), all(self.hubs)

    def _lead_times(self, network: Network, xp: Namespace) -> None:
        leads = np.array([edge.lead_time for edge in network.edges])
        self.same_lead = len(set(leads.tolist())) == 1
        self.lead_masks: list[Array | None] = [
            xp.column(leads == lead) if (leads == lead).any() else None for lead in range(1, network.slots + 1)
        ]
        self.immediate = [bool(lead == 0) for lead in leads]
        self.immediate_mask = xp.column(leads == 0) if any(self.immediate) else None
        self.in_waves = any(
            now and node.kind != "store"
            for now, node in zip(self.immediate, (network.held[target] for target in self.target), strict=True)
        )

    def _start(self, network: Network, demand: Demand, xp: Namespace) -> None:
        sampled = [mean * (s.initial == "sampled") for mean, s in zip(demand.mean, network.stores, strict=True)]
        self.sampled = xp.column(sampled)
        self.start_stock = xp.column([0.0 if isinstance(n.initial, str) else n.initial for n in network.stocks])
        self.start_store = xp.column([0.0 if isinstance(n.initial, str) else n.initial for n in network.stores])
        seen: set[int] = set()
        self.first_edge_of_store: list[int | None] = []
        for target in self.target:
            first = target >= len(network.stocks) and target not in seen
            self.first_edge_of_store.append(target - len(network.stocks) if first else None)
            seen.add(target)
