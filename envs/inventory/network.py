"""The supply network: nodes, edges, and the checks that name what is wrong with a user's own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from scenarium.envs.core.errors import ScenariumError

Kind = Literal["supplier", "stock", "hub", "store"]
KINDS = ("supplier", "stock", "hub", "store")


@dataclass(frozen=True)
class Node:
    """A location.

    Attributes:
        name: Unique name.
        kind: "supplier" (unlimited), "stock" (keeps what it does not ship), "hub" (ships all it has each period), or
            "store" (faces demand).
        holding: Cost per unit on hand at the end of a period; not used by suppliers.
        underage: Stores: cost per unit of unmet demand, or the margin per unit in profit mode.
        unmet: Stores: unmet demand is "lost" or kept as a "backlog".
        initial: "sampled" draws U(0, 1) times the store's mean demand for every slot, "empty" starts at zero, a
            number is the stock on hand.
    """

    name: str
    kind: Kind
    holding: float = 0.0
    underage: float = 0.0
    unmet: Literal["lost", "backlog"] = "lost"
    initial: Literal["sampled", "empty"] | float = "empty"


@dataclass(frozen=True)
class Edge:
    """A lane along which goods travel.

    Attributes:
        source: Name of the shipping node.
        target: Name of the receiving node.
        lead_time: Periods until a shipment is usable; 0 means within the period it is ordered in.
        unit_cost: Cost per unit shipped, paid at shipping time.
    """

    source: str
    target: str
    lead_time: int
    unit_cost: float = 0.0

    @property
    def name(self) -> str:
        """``"source->target"``."""
        return f"{self.source}->{self.target}"


@dataclass(frozen=True)
class Network:
    """A validated supply network in canonical order.

    Suppliers come first, then stock nodes and hubs upstream first, then stores, each in the order given. Edges are
    ordered by source, then by target; this is the order of the action.

    Attributes:
        nodes: All locations.
        edges: All lanes.
        min_slots: The least number of inventory slots per node (on hand plus in transit), 1 or more.

    Raises:
        ScenariumError: The network is not a supply network; the message names the node or edge.
    """

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    min_slots: int = 1
    _rank: Mapping[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check_nodes(self.nodes)
        _check_edges(self.nodes, self.edges)
        ordered = _ordered_nodes(self.nodes, self.edges)
        rank = {node.name: index for index, node in enumerate(ordered)}
        edges = sorted(self.edges, key=lambda edge: (rank[edge.source], rank[edge.target]))
        object.__setattr__(self, "nodes", ordered)
        object.__setattr__(self, "edges", tuple(edges))
        object.__setattr__(self, "_rank", rank)
        _check_degrees(ordered, self.edges)

    def of_kind(self, *kinds: Kind) -> tuple[Node, ...]:
        """The nodes of these kinds, in order."""
        return tuple(node for node in self.nodes if node.kind in kinds)

    @property
    def stocks(self) -> tuple[Node, ...]:
        """Stock nodes and hubs, upstream first."""
        return self.of_kind("stock", "hub")

    @property
    def stores(self) -> tuple[Node, ...]:
        """Stores in the order given."""
        return self.of_kind("store")

    @property
    def held(self) -> tuple[Node, ...]:
        """The nodes that hold inventory: stock nodes and hubs, then stores."""
        return self.stocks + self.stores

    @property
    def slots(self) -> int:
        """Inventory slots per node: on hand plus one for every further period in transit."""
        return max([self.min_slots, 1, *(edge.lead_time for edge in self.edges)])

    def index(self, name: str) -> int:
        """Position among `held` of a node that holds inventory."""
        return self._rank[name] - len(self.nodes) + len(self.held)

    def downstream(self, name: str) -> frozenset[str]:
        """Names of the stores that can be reached from a node (itself, if it is one)."""
        reached, frontier = {name}, [name]
        while frontier:
            here = frontier.pop()
            new = [edge.target for edge in self.edges if edge.source == here and edge.target not in reached]
            reached.update(new)
            frontier.extend(new)
        return frozenset(store.name for store in self.stores if store.name in reached)


def _check_nodes(nodes: Sequence[Node]) -> None:
    seen: set[str] = set()
    for node in nodes:
        if node.name in seen:
            raise ScenariumError(f"node {node.name!r} is given twice; names must be unique")
        seen.add(node.name)
        if node.kind not in KINDS:
            raise ScenariumError(f"node {node.name!r} has kind {node.kind!r}; known: {', '.join(KINDS)}")
        if node.unmet not in ("lost", "backlog"):
            raise ScenariumError(f"node {node.name!r} has unmet {node.unmet!r}; use 'lost' or 'backlog'")
        for field_name in ("holding", "underage"):
            value = getattr(node, field_name)
            if not (math.isfinite(value) and value >= 0):
                raise ScenariumError(f"node {node.name!r} has {field_name} {value}; it must be finite and >= 0")
        _check_initial(node)
    if not any(node.kind == "store" for node in nodes):
        raise ScenariumError("the network has no store; at least one node must be of kind 'store'")


def _check_initial(node: Node) -> None:
    if isinstance(node.initial, str):
        if node.initial not in ("sampled", "empty"):
            raise ScenariumError(f"node {node.name!r} has initial {node.initial!r}; use 'sampled', 'empty' or a number")
        if node.initial == "sampled" and node.kind != "store":
            raise ScenariumError(f"node {node.name!r} cannot start 'sampled'; only stores can, use 'empty' or a number")
    elif not (math.isfinite(node.initial) and (node.initial >= 0 or (node.kind, node.unmet) == ("store", "backlog"))):
        raise ScenariumError(f"node {node.name!r} starts with {node.initial}; it must be finite and >= 0")


def _check_edges(nodes: Sequence[Node], edges: Sequence[Edge]) -> None:
    kinds = {node.name: node.kind for node in nodes}
    seen: set[str] = set()
    for edge in edges:
        for end in (edge.source, edge.target):
            if end not in kinds:
                raise ScenariumError(f"edge {edge.name!r} names node {end!r}, which is not in the network")
        if edge.name in seen:
            raise ScenariumError(f"edge {edge.name!r} is given twice")
        seen.add(edge.name)
        if isinstance(edge.lead_time, bool) or not isinstance(edge.lead_time, int) or edge.lead_time < 0:
            raise ScenariumError(f"edge {edge.name!r} has lead time {edge.lead_time}; it must be an integer >= 0")
        if not (math.isfinite(edge.unit_cost) and edge.unit_cost >= 0):
            raise ScenariumError(f"edge {edge.name!r} has unit cost {edge.unit_cost}; it must be finite and >= 0")
        if kinds[edge.target] == "supplier":
            raise ScenariumError(f"edge {edge.name!r} leads into a supplier; suppliers only ship")
        if kinds[edge.source] == "store":
            raise ScenariumError(f"edge {edge.name!r} leaves a store; stores only sell")


def _check_degrees(nodes: Sequence[Node], edges: Sequence[Edge]) -> None:
    sources, targets = {edge.source for edge in edges}, {edge.target for edge in edges}
    for node in nodes:
        if node.kind != "supplier" and node.name not in targets:
            raise ScenariumError(f"node {node.name!r} is disconnected: no edge leads to it")
        if node.kind != "store" and node.name not in sources:
            raise ScenariumError(f"node {node.name!r} is disconnected: no edge leaves it")


def _ordered_nodes(nodes: Sequence[Node], edges: Sequence[Edge]) -> tuple[Node, ...]:
    """Suppliers, then stock nodes and hubs upstream first (in the given order where free), then stores."""
    waiting = [node for node in nodes if node.kind in ("stock", "hub")]
    inner: list[Node] = []
    while waiting:
        blocked = {edge.target for edge in edges if edge.source in {node.name for node in waiting}}
        free = next((node for node in waiting if node.name not in blocked), None)
        if free is None:
            cycle = ", ".join(repr(node.name) for node in waiting)
            raise ScenariumError(f"the network has a cycle among the nodes {cycle}; goods must flow one way")
        inner.append(free)
        waiting.remove(free)
    return (
        *(node for node in nodes if node.kind == "supplier"),
        *inner,
        *(node for node in nodes if node.kind == "store"),
    )
