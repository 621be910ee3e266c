"""What classical policies need to know of a supply network: who supplies whom, and what lead-time demand looks like."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.inventory.model import InventoryNet
from scenarium.envs.inventory.network import Node
from scenarium.envs.inventory.scenario import NegativeBinomialDemand, NormalDemand, PoissonDemand

Floats = npt.NDArray[np.float64]


class Structure:
    """A network whose every node is supplied through one chosen edge, which makes it a forest.

    Attributes:
        nodes: Stock nodes and hubs, then stores.
        edges: Number of edges E.
        stocks: Number of stock nodes and hubs.
        target: Node each edge leads to [E].
        source: Node each edge leaves [E], -1 for a supplier.
        lead: Lead times [E], periods.
        primary: The edge each node orders on [N].
        below: Whether node m is node n or supplied by it, directly or not [N, N].
    """

    def __init__(self, model: InventoryNet, by_cost_alone: bool = False) -> None:
        """Chooses each node's edge.

        Args:
            model: The problem.
            by_cost_alone: Compare edges by unit cost, then lead time. Otherwise by unit cost times mean demand plus
                the newsvendor cost of the lead time, that of the source included.
        """
        network = model.network
        self.model, self.nodes, self.edges = model, network.held, len(network.edges)
        self.stocks = model.stock_count
        held = {node.name for node in self.nodes}
        self.target = np.array([network.index(edge.target) for edge in network.edges])
        self.source = np.array([network.index(e.source) if e.source in held else -1 for e in network.edges])
        self.lead = np.array([edge.lead_time for edge in network.edges])
        self.cost = np.array([edge.unit_cost for edge in network.edges])
        self.primary = np.full(len(self.nodes), -1)
        self._depth = np.zeros(len(self.nodes))
        for node in range(len(self.nodes)):
            self._choose(node, by_cost_alone)
        self.below = self._below()

    def _choose(self, node: int, by_cost_alone: bool) -> None:
        edges = np.flatnonzero(self.target == node)
        sources = self.source[edges]
        depth = np.where(sources >= 0, self._depth[sources], 0.0) + self.lead[edges]
        penalty = self.lead[edges] * 1e-6
        if node >= self.stocks and not by_cost_alone:
            store = node - self.stocks
            spread = self.newsvendor_rate(self.nodes[node]) * self.model.demand.std[store]
            penalty = spread * np.sqrt(depth + 1.0) / max(self.model.demand.mean[store], 1e-9)
        best = int(np.argmin(self.cost[edges] + penalty))
        self.primary[node], self._depth[node] = edges[best], depth[best]

    @staticmethod
    def newsvendor_rate(node: Node) -> float:
        """Cost per standard deviation at the best level, (p + h) phi(z)."""
        from scipy.special import ndtri

        total = node.underage + node.holding
        if not (node.underage > 0.0 and node.holding > 0.0):
            return 0.0
        z = float(ndtri(node.underage / total))
        return total * math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)

    def parent(self, node: int) -> int:
        """The node it orders from, -1 for a supplier."""
        return int(self.source[self.primary[node]])

    def _below(self) -> npt.NDArray[np.bool_]:
        below = np.eye(len(self.nodes), dtype=bool)
        for node in reversed(range(len(self.nodes))):
            if self.parent(node) >= 0:
                below[self.parent(node)] |= below[node]
        return below

    def path_lead(self, node: int, store: int) -> int:
        """Sum of lead times from a node down to a store below it (an index among the nodes)."""
        total = 0
        while store != node:
            total += int(self.lead[self.primary[store]])
            store = self.parent(store)
        return total

    @cached_property
    def covariance(self) -> Floats:
        """Covariance of the stores' demand in one period [S, S]; only a normal law says how it is correlated."""
        demand = self.model.demand
        corr = np.eye(demand.stores)
        if isinstance(demand, NormalDemand):
            matrix = demand.covariance()
            scale = np.sqrt(np.maximum(np.diag(matrix), 1e-300))
            corr = matrix / np.outer(scale, scale)
        return np.asarray(corr * np.outer(demand.std, demand.std))

    def lead_time_demand(self, node: int, echelon: bool) -> tuple[float, float]:
        """Mean and standard deviation of the demand that an order of a node must last for.

        For a store that is the demand of L + 1 periods, as it is for the echelon of any node, where L runs down to
        each store; for a stock node alone, the total of L + 1 periods.
        """
        lead = int(self.lead[self.primary[node]])
        stores = np.flatnonzero(self.below[node][self.stocks :])
        down = [self.path_lead(node, int(s) + self.stocks) if echelon else 0 for s in stores]
        shared = np.minimum.outer(down, down) + lead + 1
        mean = float(np.dot(self.model.demand.mean[stores], np.array(down) + lead + 1))
        return mean, math.sqrt(float((self.covariance[np.ix_(stores, stores)] * shared).sum()))

    def store_quantile(self, store: int, fraction: float) -> float:
        """Quantile of a store's demand over lead time plus one period, exact for Poisson, and normal otherwise.

        Args:
            store: Index among the nodes.
            fraction: In (0, 1).
        """
        from scipy import stats

        demand, index = self.model.demand, store - self.stocks
        periods = int(self.lead[self.primary[store]]) + 1
        mean = float(demand.mean[index]) * periods
        if isinstance(demand, PoissonDemand):
            return float(stats.poisson.ppf(fraction, mean))
        if isinstance(demand, NegativeBinomialDemand):
            ratio = float(demand.std[index] ** 2 / demand.mean[index])
            return float(stats.nbinom.ppf(fraction, mean / (ratio - 1.0), 1.0 / ratio))
        if isinstance(demand, NormalDemand):
            location, scale = float(demand.location[index]), float(demand.scale[index])
            # Clipping matters to the moments only where it happens often.
            if location > 2.5 * scale:
                return float(stats.norm.ppf(fraction, location * periods, scale * math.sqrt(periods)))
        return float(stats.norm.ppf(fraction, mean, float(demand.std[index]) * math.sqrt(periods)))


def critical_fraction(node: Node) -> float:
    """The fraction p / (p + h) of a store, kept off 0 and 1."""
    total = node.underage + node.holding
    return min(max(node.underage / total if total else 0.5, 1e-6), 1.0 - 1e-6)


def inventory_model(model: Any, name: str) -> InventoryNet:
    """The model as an inventory network.

    Raises:
        ScenariumError: It is something else.
    """
    if not isinstance(model, InventoryNet):
        raise ScenariumError(f"{name} plays inventory networks, not {model.env_id or type(model).__name__}")
    return model


def refuse_hubs(model: InventoryNet, name: str) -> None:
    """Raises where the network has a hub, which ships all it has whatever is asked of it."""
    hub = next((node.name for node in model.network.nodes if node.kind == "hub"), None)
    if hub is not None:
        raise ScenariumError(f"{name} cannot steer {hub!r}, a hub that keeps nothing; use hub_order_up_to")
