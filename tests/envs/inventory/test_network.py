"""A network's canonical order, what is derived from it, and the messages for what is not a network."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.inventory.network import Edge, Network, Node

S, W, X = Node("s", "supplier"), Node("w", "stock"), Node("x", "store")
SW, WX = Edge("s", "w", 1), Edge("w", "x", 2)


def test_nodes_and_edges_come_in_canonical_order() -> None:
    nodes = (Node("x1", "store"), Node("late", "stock"), X, Node("early", "hub"), S)
    edges = (
        Edge("late", "x", 1),
        Edge("early", "late", 2),
        Edge("late", "x1", 3),
        Edge("s", "late", 4),
        Edge("s", "early", 0),
    )
    network = Network(nodes, edges)
    assert [node.name for node in network.nodes] == ["s", "early", "late", "x1", "x"]
    assert [edge.name for edge in network.edges] == ["s->early", "s->late", "early->late", "late->x1", "late->x"]
    assert [node.name for node in network.stocks] == ["early", "late"]
    assert [network.index(node.name) for node in network.held] == [0, 1, 2, 3]
    assert network.slots == 4
    assert network.downstream("early") == {"x1", "x"}
    assert network.downstream("x") == {"x"}


def test_slots_are_at_least_the_longest_lead_time_and_the_minimum() -> None:
    assert Network((S, X), (Edge("s", "x", 0),)).slots == 1
    assert Network((S, X), (Edge("s", "x", 2),)).slots == 2
    assert Network((S, X), (Edge("s", "x", 2),), min_slots=4).slots == 4


@given(st.data())
def test_every_edge_goes_downstream_and_orders_do_not_matter(kit: Any, data: st.DataObject) -> None:
    network = data.draw(kit.networks())
    rank = {node.name: i for i, node in enumerate(network.nodes)}
    pairs = [(rank[edge.source], rank[edge.target]) for edge in network.edges]
    assert pairs == sorted(pairs)
    assert all(source < target for source, target in pairs)
    again = Network(network.nodes, tuple(data.draw(st.permutations(network.edges))), network.min_slots)
    assert again == network


BAD: list[tuple[tuple[Node, ...], tuple[Edge, ...], str]] = [
    ((S, X, X), (Edge("s", "x", 1),), "node 'x' is given twice; names must be unique"),
    ((S, W), (SW,), "the network has no store; at least one node must be of kind 'store'"),
    (
        (S, Node("f", "factory"), X),  # type: ignore[arg-type]
        (),
        "node 'f' has kind 'factory'; known: supplier, stock, hub, store",
    ),
    (
        (S, Node("x", "store", unmet="later")),  # type: ignore[arg-type]
        (),
        "node 'x' has unmet 'later'; use 'lost' or 'backlog'",
    ),
    ((S, Node("x", "store", holding=-1.0)), (), "node 'x' has holding -1.0; it must be finite and >= 0"),
    ((S, Node("x", "store", underage=float("nan"))), (), "node 'x' has underage nan; it must be finite and >= 0"),
    ((S, Node("x", "store", initial=-1.0)), (), "node 'x' starts with -1.0; it must be finite and >= 0"),
    (
        (S, Node("w", "stock", unmet="backlog", initial=-1.0), X),
        (),
        "node 'w' starts with -1.0; it must be finite and >= 0",
    ),
    (
        (S, Node("x", "store", initial="full")),  # type: ignore[arg-type]
        (),
        "node 'x' has initial 'full'; use 'sampled', 'empty' or a number",
    ),
    (
        (S, Node("w", "stock", initial="sampled"), X),
        (),
        "node 'w' cannot start 'sampled'; only stores can, use 'empty' or a number",
    ),
    ((S, W, X), (SW, Edge("w", "y", 1)), "edge 'w->y' names node 'y', which is not in the network"),
    ((S, W, X), (SW, WX, WX), "edge 'w->x' is given twice"),
    ((S, X), (Edge("s", "x", -1),), "edge 's->x' has lead time -1; it must be an integer >= 0"),
    ((S, X), (Edge("s", "x", 1.5),), "edge 's->x' has lead time 1.5; it must be an integer >= 0"),  # type: ignore[arg-type]
    ((S, X), (Edge("s", "x", True),), "edge 's->x' has lead time True; it must be an integer >= 0"),
    ((S, X), (Edge("s", "x", 1, -0.5),), "edge 's->x' has unit cost -0.5; it must be finite and >= 0"),
    ((S, W, X), (SW, WX, Edge("w", "s", 1)), "edge 'w->s' leads into a supplier; suppliers only ship"),
    ((S, W, X), (SW, WX, Edge("x", "w", 1)), "edge 'x->w' leaves a store; stores only sell"),
    ((S, W, X), (SW, Edge("s", "x", 1)), "node 'w' is disconnected: no edge leaves it"),
    ((S, W, X), (Edge("s", "x", 1), WX), "node 'w' is disconnected: no edge leads to it"),
    ((S, X, Node("y", "store")), (Edge("s", "x", 1),), "node 'y' is disconnected: no edge leads to it"),
    ((S, Node("t", "supplier"), X), (Edge("s", "x", 1),), "node 't' is disconnected: no edge leaves it"),
    (
        (S, W, Node("v", "hub"), X),
        (SW, WX, Edge("w", "v", 1), Edge("v", "w", 1)),
        "the network has a cycle among the nodes 'w', 'v'; goods must flow one way",
    ),
    (
        (S, W, X),
        (SW, WX, Edge("w", "w", 1)),
        "the network has a cycle among the nodes 'w'; goods must flow one way",
    ),
]


@pytest.mark.parametrize(("nodes", "edges", "message"), BAD, ids=[message for *_, message in BAD])
def test_what_is_not_a_network_is_named(nodes: tuple[Node, ...], edges: tuple[Edge, ...], message: str) -> None:
    with pytest.raises(ScenariumError) as caught:
        Network(nodes, edges)
    assert str(caught.value) == message


def test_a_backlogging_store_may_start_in_debt() -> None:
    debtor = Node("x", "store", unmet="backlog", initial=-3.0)
    assert Network((S, debtor), (Edge("s", "x", 1),)).stores == (debtor,)
