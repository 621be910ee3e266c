"""A graph network on the supply network: weights shared by all nodes and edges, orders read off the edges.

After the architecture of Alvo, Russo, Kanoria and Lee (arXiv 2306.11246): node and edge embeddings, messages along
edges normalised by the degree, and one order per edge. Rationing is left to the model.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch_geometric.nn import MessagePassing

from scenarium.agents.networks.graph import EDGE_FEATURES, NODE_FEATURES, SupplyGraph, message_rounds
from scenarium.agents.networks.heads import inventory_head
from scenarium.envs.core.errors import ScenariumError, unknown_name
from scenarium.envs.core.model import Model
from scenarium.envs.inventory.model import InventoryNet


class EdgeSum(MessagePassing):  # type: ignore[misc]
    """Sums edge embeddings [E, B, W] at one end of the edges, to [N + 1, B, W].

    Args:
        flow: "source_to_target" sums what enters a node, "target_to_source" what leaves it.
    """

    def __init__(self, flow: str) -> None:
        super().__init__(aggr="sum", flow=flow, node_dim=0)

    def forward(self, edge: Tensor, index: Tensor, nodes: int) -> Tensor:
        """The sums."""
        total: Tensor = self.propagate(index, edge=edge, size=(nodes, nodes))
        return total

    def message(self, edge: Tensor) -> Tensor:
        """An edge's message is its embedding."""
        return edge

    def aggregate(self, inputs: Tensor, index: Tensor, dim_size: int | None = None) -> Tensor:
        """Rows are contiguous, so adding them by index beats a scatter over every element."""
        zeros = inputs.new_zeros(dim_size or 0, *inputs.shape[1:])
        return zeros.index_add(0, index, inputs)


class Joint(nn.Module):
    """A perceptron on the concatenation of several inputs, the first layer applied to each before they are joined.

    So a node's part is computed once, not once for every edge that touches it.

    Args:
        inputs: Width of each input.
        width: Width of hidden layers and output.
        depth: Hidden layers, at least 1.
    """

    def __init__(self, inputs: tuple[int, ...], width: int, depth: int) -> None:
        super().__init__()
        joined = nn.Linear(sum(inputs), width)
        self.parts = nn.ModuleList(nn.Linear(size, width, bias=i == 0) for i, size in enumerate(inputs))
        with torch.no_grad():
            for part, weight in zip(self.parts, torch.split(joined.weight, list(inputs), 1), strict=True):
                part.weight.copy_(weight)  # type: ignore[operator]
        layers: list[nn.Module] = []
        for _ in range(depth):
            layers += [nn.ELU(inplace=True), nn.Linear(width, width)]
        self.rest = nn.Sequential(*layers)

    def forward(self, *joined: Tensor) -> Tensor:
        """From the sum of the parts on."""
        total = joined[0]
        for part in joined[1:]:
            total = total + part
        out: Tensor = self.rest(total)
        return out


class GNNPolicy(nn.Module):
    """Orders of a supply network by message passing.

    The weights do not depend on the network's size: those learnt on five stores play twenty. Orders are equivariant to
    a permutation of the stores. Tensors are node- or edge-first with the batch second.

    Args:
        model: An inventory network in its native action space.
        width: Width of embeddings and hidden layers (source: 32).
        depth: Hidden layers of each perceptron (source: 2).
        rounds: Rounds of messages; None takes as many as the network's depth asks for.
        normalisation: What messages summed at a node are divided by: its degree ("mean"), so that they look alike in
            networks of other sizes, or the degree's square root ("sqrt", as in the source).
        slots: Inventory slots a node shows; None takes the network's. More let the weights play longer lead times.
        last_layer_scale: Factor on the heads' initial weights, so that the first orders are near the mean flow.

    Raises:
        ScenariumError: The model is no inventory network or has more slots than `slots`; unknown normalisation.
    """

    recurrent = False
    normalizer = None
    index: Tensor
    targets: Tensor
    node_features: Tensor
    edge_features: Tensor
    scale: Tensor

    def __init__(
        self,
        model: Model,
        width: int = 32,
        depth: int = 1,
        rounds: int | None = None,
        slots: int | None = None,
        normalisation: str = "mean",
        last_layer_scale: float = 0.1,
    ) -> None:
        super().__init__()
        graph = SupplyGraph(model)
        assert isinstance(model, InventoryNet)
        self.nodes, self.edges, self.supply = graph.nodes, graph.edges, graph.supply
        self.first_store, self.history = model.stock_count, model.history
        self._flat = model.observation == "flat"
        self._own_slots = model.network.slots
        self.slots = self._own_slots if slots is None else slots
        if self.slots < self._own_slots:
            raise ScenariumError(f"the network has {self._own_slots} inventory slots; slots={slots} is too few")
        if normalisation not in ("mean", "sqrt"):
            raise unknown_name("normalisation", normalisation, ("mean", "sqrt"))
        self.calendar = model.has_calendar
        self.rounds = message_rounds(model.network) if rounds is None else rounds
        self._register(graph, 1.0 if normalisation == "mean" else 0.5)
        dynamic = self.slots + 1 + self.history + int(self.calendar)
        self.node_init = Joint((dynamic, NODE_FEATURES), width, depth)
        self.edge_init = Joint((width, width, EDGE_FEATURES), width, depth)
        self.node_update = Joint((width, width, width), width, depth)
        self.edge_update = Joint((width, width, width), width, depth)
        self.enter, self.leave = EdgeSum("source_to_target"), EdgeSum("target_to_source")
        self.supplier_head, self.internal_head = (self._head(width, depth, last_layer_scale) for _ in range(2))
        self.quantity = inventory_head(model)

    def _register(self, graph: SupplyGraph, power: float) -> None:
        constants = {
            "index": graph.index,
            "targets": graph.targets,
            "node_features": graph.node_features[:, None],
            "edge_features": graph.edge_features[:, None],
            "scale": (1.0 / graph.flow)[:, None, None],
            "out_degree": graph.degree(0)[:, None, None] ** power,
            "in_degree": graph.degree(1)[:, None, None] ** power,
        }
        for name, value in constants.items():
            self.register_buffer(name, value, persistent=False)

    @staticmethod
    def _head(width: int, depth: int, scale: float) -> nn.Sequential:
        layers: list[nn.Module] = []
        for _ in range(depth):
            layers += [nn.Linear(width, width), nn.ELU(inplace=True)]
        last = nn.Linear(width, 1)
        last.weight.data *= scale
        nn.init.zeros_(last.bias)
        return nn.Sequential(*layers, last)

    def forward(self, observation: Any) -> Tensor:
        """Orders [B, E], units."""
        node, edge = self._embed(self._dynamic(self._parts(observation)))
        for left in range(self.rounds - 1, -1, -1):
            node, edge = self._exchange(node, edge, last=left == 0)
        supplied = self.supplier_head(edge[: self.supply])
        internal = self.internal_head(edge[self.supply : self.edges])
        raw = torch.cat([supplied, internal], 0).squeeze(-1).T
        orders: Tensor = self.quantity(raw, observation)
        return orders

    def _embed(self, dynamic: Tensor) -> tuple[Tensor, Tensor]:
        """First embeddings of nodes [N + 1, B, W] and of the network's own edges [E, B, W]."""
        init = self.node_init.parts
        node = self.node_init(init[0](dynamic), init[1](self.node_features))
        node = functional.elu(node)
        node = torch.cat([node, node.new_zeros(1, *node.shape[1:])], 0)
        source, target, fixed = self.edge_init.parts
        own = self.index[:, : self.edges]
        edge = self.edge_init(source(node)[own[0]], target(node)[own[1]], fixed(self.edge_features))
        return node, functional.elu(edge)

    def _exchange(self, node: Tensor, edge: Tensor, last: bool) -> tuple[Tensor, Tensor]:
        """One round: nodes gather from their edges, then edges from their ends; the last needs only own edges."""
        index, count = self.index[:, : len(edge)], self.nodes + 1
        entering = self.enter(edge, index, count) / self.in_degree
        leaving = self.leave(edge, index, count) / self.out_degree
        parts = self.node_update.parts
        node = node + functional.elu(self.node_update(parts[0](node), parts[1](entering), parts[2](leaving)))
        if not last and len(edge) == self.edges:
            # Demand and self edges start at zero and matter from the second round on.
            edge = torch.cat([edge, edge.new_zeros(self.index.shape[1] - self.edges, *edge.shape[1:])], 0)
        used = self.edges if last else len(edge)
        index, edge = self.index[:, :used], edge[:used]
        parts = self.edge_update.parts
        update = self.edge_update(parts[0](edge), parts[1](node)[index[0]], parts[2](node)[index[1]])
        return node, edge + functional.elu(update)

    def _parts(self, observation: Any) -> dict[str, Tensor]:
        """The dict observation, whatever form it came in."""
        if not self._flat:
            parts: dict[str, Tensor] = observation
            return parts
        sizes = {"on_hand": (self.nodes,), "pipeline": (self._own_slots - 1, self.edges)}
        sizes["demand_history"] = (self.history, self.nodes - self.first_store)
        sizes["calendar"] = (int(self.calendar),)
        parts, start = {}, 0
        for name, shape in sizes.items():
            size = int(torch.Size(shape).numel())
            if not size:
                continue
            piece = observation[:, start : start + size].reshape(-1, *shape)
            parts[name] = piece.transpose(1, 2) if len(shape) == 2 else piece
            start += size
        return parts

    def _dynamic(self, parts: dict[str, Tensor]) -> Tensor:
        """What changes, per node and free of scale [N, B, slots + 1 + ...]: slots, position, history, calendar."""
        on_hand = parts["on_hand"].T[..., None]
        columns, position = [on_hand], on_hand
        if self._own_slots > 1:
            pipeline = parts["pipeline"].permute(1, 0, 2)
            transit = pipeline.new_zeros(self.nodes, *pipeline.shape[1:]).index_add(0, self.targets, pipeline)
            position = on_hand + transit.sum(-1, keepdim=True)
            columns.append(functional.pad(transit, (0, self.slots - self._own_slots)))
        elif self.slots > 1:
            columns.append(on_hand.new_zeros(*on_hand.shape[:-1], self.slots - 1))
        stock = torch.cat([*columns, position], -1) * self.scale
        extra = [stock]
        if self.history:
            past = parts["demand_history"].permute(1, 0, 2) * self.scale[self.first_store :]
            extra.append(functional.pad(past, (0, 0, 0, 0, self.first_store, 0)))
        if self.calendar:
            extra.append(parts["calendar"].reshape(1, -1, 1).expand(self.nodes, -1, 1))
        return torch.cat(extra, -1) if len(extra) > 1 else stock
