"""A supply network as the arrays of a graph network: who is joined to whom, and what is fixed about it."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.model import Model
from scenarium.envs.inventory.model import InventoryNet
from scenarium.envs.inventory.network import Network

NODE_FEATURES = 8
EDGE_FEATURES = 3


class SupplyGraph:
    """Nodes that hold inventory, one virtual node for the outside, and the edges between them.

    Edges are the network's own (suppliers are the outside), then one from every store to the outside (demand), then
    one from every supplying node to itself (what it keeps).

    Args:
        model: An inventory network.

    Attributes:
        nodes: Number of nodes that hold inventory N; the outside is node N.
        edges: Number of the network's own edges E; they come first.
        supply: How many of them leave a supplier; they come first among those.
        index: Source and target of every edge, int64 [2, E + demand + self].
        flow: Mean demand each node serves per period [N], the natural scale of its stock.
        node_features: [N, NODE_FEATURES], free of scale.
        edge_features: [E, EDGE_FEATURES].

    Raises:
        ScenariumError: The model is no inventory network.
    """

    def __init__(self, model: Model) -> None:
        if not isinstance(model, InventoryNet):
            raise ScenariumError(f"policy 'gnn' plays inventory networks, not {model.env_id or type(model).__name__}")
        network = model.network
        held = network.held
        self.nodes, self.edges = len(held), len(network.edges)
        suppliers = {node.name for node in network.of_kind("supplier")}
        self.supply = sum(edge.source in suppliers for edge in network.edges)
        outside = self.nodes
        pairs = [
            (outside if edge.source in suppliers else network.index(edge.source), network.index(edge.target))
            for edge in network.edges
        ]
        self.targets = torch.tensor([target for _, target in pairs])
        stores = range(len(network.stocks), self.nodes)
        pairs += [(store, outside) for store in stores] + [(stock, stock) for stock in range(len(network.stocks))]
        self.index = torch.tensor(pairs).T.contiguous()
        self.flow = _flow(model)
        self.node_features = _node_features(model, self.flow)
        self.edge_features = torch.tensor(
            [
                [edge.lead_time / network.slots, edge.unit_cost, float(i < self.supply)]
                for i, edge in enumerate(network.edges)
            ],
            dtype=torch.float32,
        )

    def degree(self, end: int) -> Tensor:
        """How many edges leave (0) or enter (1) each node, at least 1, the outside included [N + 1]."""
        return torch.bincount(self.index[end], minlength=self.nodes + 1).clamp(min=1).float()


def _flow(model: InventoryNet) -> Tensor:
    network = model.network
    mean = {store.name: float(m) for store, m in zip(network.stores, model.demand.mean, strict=True)}
    served = [sum(mean[name] for name in network.downstream(node.name)) for node in network.held]
    return torch.tensor([max(flow, 1e-6) for flow in served], dtype=torch.float32)


def _node_features(model: InventoryNet, flow: Tensor) -> Tensor:
    network = model.network
    variation = {
        store.name: float(s / max(m, 1e-6))
        for store, m, s in zip(network.stores, model.demand.mean, model.demand.std, strict=True)
    }
    rows = []
    for node, served in zip(network.held, flow.tolist(), strict=True):
        fractile = node.underage / (node.underage + node.holding) if node.underage + node.holding > 0 else 0.0
        kinds = [float(node.kind == kind) for kind in ("stock", "hub", "store")]
        rest = [
            float(node.unmet == "backlog"),
            fractile,
            node.holding,
            variation.get(node.name, 0.0),
            # Per store, so that a warehouse of twenty stores looks like one of five.
            math.log1p(served / len(network.downstream(node.name))),
        ]
        rows.append([*kinds, *rest])
    return torch.tensor(rows, dtype=torch.float32)


def message_rounds(network: Network) -> int:
    """Rounds of messages that let the ends of the longest chain meet; one more where a store has several sources.

    Alvo et al. (arXiv 2306.11246, code) use one round for one warehouse, two for several, K - 1 for K in series.
    """
    depth = {node.name: 1 for node in network.held}
    for node in network.held:
        for edge in network.edges:
            if edge.source == node.name:
                depth[edge.target] = max(depth[edge.target], depth[node.name] + 1)
    held = {node.name for node in network.held}
    sources = [edge.target for edge in network.edges if edge.source in held]
    return max(1, max(depth.values()) - 1, 2 if len(sources) > len(set(sources)) else 1)
