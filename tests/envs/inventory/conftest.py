"""Random networks, an independent simulator in plain Python, and short ways to play a model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import strategies as st

from scenarium.envs.core.namespace import NUMPY, torch_namespace
from scenarium.envs.inventory.model import InventoryNet, State
from scenarium.envs.inventory.network import Edge, Network, Node
from scenarium.envs.inventory.scenario import Demand, NormalDemand, PoissonDemand


@st.composite
def networks(draw: st.DrawFn, rounding: bool = False) -> Network:
    """Valid networks: up to 2 suppliers, 4 stock nodes or hubs in layers, 4 stores, lead times 0 to 4."""
    suppliers = [Node(f"s{i}", "supplier") for i in range(draw(st.integers(1, 2)))]
    money = st.sampled_from([0.0, 0.5, 1.0, 2.0])
    inner = [
        Node(
            f"w{i}",
            draw(st.sampled_from(["stock", "stock", "hub"])),
            draw(money),
            initial=float(draw(st.integers(0, 9))),
        )
        for i in range(draw(st.integers(0, 4)))
    ]
    starts: list[Any] = ["empty", 3.0, 8.0] if rounding else ["sampled", "empty", 3.0, 8.0]
    start = st.sampled_from(starts)
    stores = [
        Node(f"x{i}", "store", draw(money), draw(money), draw(st.sampled_from(["lost", "backlog"])), draw(start))
        for i in range(draw(st.integers(1, 4)))
    ]
    pairs: list[tuple[str, str]] = []
    for i, node in enumerate(inner):
        above = [n.name for n in (*suppliers, *inner[:i])]
        pairs += [(source, node.name) for source in draw(st.lists(st.sampled_from(above), min_size=1, unique=True))]
    everyone = [n.name for n in (*suppliers, *inner)]
    for node in stores:
        pairs += [(source, node.name) for source in draw(st.lists(st.sampled_from(everyone), min_size=1, unique=True))]
    used = {source for source, _ in pairs}
    pairs += [(name, draw(st.sampled_from(stores)).name) for name in everyone if name not in used]
    edges = [Edge(a, b, draw(st.integers(0, 4)), draw(money)) for a, b in draw(st.permutations(pairs))]
    return Network((*suppliers, *inner, *stores), tuple(edges), min_slots=draw(st.integers(1, 3)))


@st.composite
def models(draw: st.DrawFn, rounding: bool = False) -> InventoryNet:
    """Models on random networks with Poisson or correlated normal demand; actions are quantities."""
    network = draw(networks(rounding))
    stores = len(network.stores)
    demand: Demand = PoissonDemand([1.0 + 2.0 * i for i in range(stores)])
    if not rounding and draw(st.booleans()):
        demand = NormalDemand([2.0 + i for i in range(stores)], 1.5, 0.4, clip=draw(st.booleans()))
    return InventoryNet(network, demand, horizon=12, action_mode="quantity", rounding=rounding)


class Trace(NamedTuple):
    """What a simulator did: per period, by name."""

    on_hand: list[dict[str, float]]
    shipped: list[dict[str, float]]
    unmet: list[dict[str, float]]
    cost: list[float]


def _upstream_first(network: Network) -> list[str]:
    done: list[str] = []

    def visit(name: str) -> None:
        for edge in network.edges:
            if edge.target == name and edge.source not in done:
                visit(edge.source)
        if name not in done:
            done.append(name)

    for node in network.nodes:
        visit(node.name)
    return done


def _shipments(network: Network, name: str, have: float, orders: dict[str, float]) -> dict[str, float]:
    node = next(n for n in network.nodes if n.name == name)
    asked = {edge.name: orders[edge.name] for edge in network.edges if edge.source == name}
    have, total = max(have, 0.0), sum(asked.values())
    if node.kind == "supplier":
        return asked
    if node.kind == "hub":
        return {e: have * (q / total if total > 1e-3 else 1.0 / len(asked)) for e, q in asked.items()}
    return {e: q if total <= have else q * have / total for e, q in asked.items()}


def simulate(network: Network, start: State, orders: Sequence[Any], demands: Sequence[Any]) -> Trace:
    """Plays a network period by period on dictionaries, one node at a time: slow, and written from the definition."""
    on_hand = {node.name: float(q) for node, q in zip(network.held, start.on_hand, strict=True)}
    coming = [{edge.name: float(q) for edge, q in zip(network.edges, slot, strict=True)} for slot in start.transit]
    coming += [dict.fromkeys((edge.name for edge in network.edges), 0.0) for _ in range(8 + len(orders))]
    trace = Trace([dict(on_hand)], [], [], [])
    for t, (order, demand) in enumerate(zip(orders, demands, strict=True)):
        wish = {edge.name: float(q) for edge, q in zip(network.edges, order, strict=True)}
        shipped: dict[str, float] = {}
        for name in _upstream_first(network):
            out = _shipments(network, name, on_hand.get(name, 0.0), wish)
            for edge in network.edges:
                if edge.source != name:
                    continue
                shipped[edge.name] = out[edge.name]
                if name in on_hand:
                    on_hand[name] -= out[edge.name]
                if edge.lead_time == 0:
                    on_hand[edge.target] += out[edge.name]
                else:
                    coming[t + edge.lead_time - 1][edge.name] += out[edge.name]
        unmet = _sell(network, on_hand, demand)
        trace.cost.append(_cost(network, on_hand, unmet, shipped))
        for node in network.stores:
            if node.unmet == "lost":
                on_hand[node.name] = max(on_hand[node.name], 0.0)
        for edge in network.edges:
            on_hand[edge.target] += coming[t][edge.name]
        trace.on_hand.append(dict(on_hand))
        trace.shipped.append(shipped)
        trace.unmet.append(unmet)
    return trace


def _sell(network: Network, on_hand: dict[str, float], demand: Any) -> dict[str, float]:
    for node, quantity in zip(network.stores, demand, strict=True):
        on_hand[node.name] -= float(quantity)
    return {node.name: max(-on_hand[node.name], 0.0) for node in network.stores}


def _cost(network: Network, on_hand: dict[str, float], unmet: dict[str, float], shipped: dict[str, float]) -> float:
    cost = sum(node.holding * max(on_hand[node.name], 0.0) for node in network.held)
    cost += sum(node.underage * unmet[node.name] for node in network.stores)
    return cost + sum(edge.unit_cost * shipped[edge.name] for edge in network.edges)


class Played(NamedTuple):
    """What a model did; arrays are batch first within a period."""

    states: list[State]
    outcomes: list[Any]
    demands: list[Any]


def play(model: InventoryNet, seeds: Any, actions: Sequence[Any]) -> Played:
    """Plays the actions in the worlds of the seeds (an int, or a list for a batch)."""
    if isinstance(seeds, list):
        seeds, xp = torch.tensor(seeds, dtype=torch.int64), torch_namespace("cpu")
    else:
        xp = NUMPY
    scenario = model.scenario(seeds)
    state = model.initial(scenario, xp)
    played = Played([state], [], [])
    for t, action in enumerate(actions):
        demand = scenario.at(t)
        state, outcome = model.step(state, action, demand, t, xp)
        played.states.append(state)
        played.outcomes.append(outcome)
        played.demands.append(xp.batch_first(demand))
    return played


def random_orders(model: InventoryNet, seed: int, worlds: int, periods: int = 12) -> np.ndarray[Any, Any]:
    """Orders [periods, worlds, E] in [0, 1.5 mean), one in five of them 0."""
    generator = np.random.default_rng(seed)
    shape = (periods, worlds, len(model.network.edges))
    orders = generator.uniform(0.0, 1.5, shape) * model.action_mean * (generator.random(shape) > 0.2)
    return orders.astype(np.float32)


class Kit(NamedTuple):
    """The helpers of this folder."""

    networks: Callable[..., st.SearchStrategy[Network]]
    models: Callable[..., st.SearchStrategy[InventoryNet]]
    simulate: Callable[..., Trace]
    play: Callable[..., Played]
    orders: Callable[..., Any]


@pytest.fixture(scope="session")
def kit() -> Kit:
    """The helpers of this folder."""
    return Kit(networks, models, simulate, play, random_orders)
