"""The dynamics: an independent simulator, conservation, feasibility, symmetry, and one world against many."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scenarium.envs import make_model
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.namespace import NUMPY, torch_namespace
from scenarium.envs.core.torch_namespace import TorchNamespace
from scenarium.envs.core.tree import tree_map
from scenarium.envs.inventory.model import InventoryNet
from scenarium.envs.inventory.network import Edge, Network, Node
from scenarium.envs.inventory.own import ArrayDemand
from scenarium.envs.inventory.scenario import PoissonDemand
from scenarium.envs.table import register_all

register_all()
TORCH = torch_namespace("cpu")


class DoubleNamespace(TorchNamespace):
    """The torch namespace in float64, for finite differences."""

    def __init__(self) -> None:
        super().__init__("cpu")
        self.key = "torch:double"

    def constant(self, values: Any, kind: str = "float") -> torch.Tensor:
        return super().constant(values, "double" if kind == "float" else kind)

    def cast(self, x: Any, kind: str) -> torch.Tensor:
        return super().cast(x, "double" if kind == "float" else kind)


SEEDS = st.integers(0, 2**40)

PRESETS: list[tuple[str, dict[str, Any]]] = [
    ("InventoryNet-v0", {}),
    ("InventoryNet-OneStoreLost-v0", {"lead_time": 1}),
    ("InventoryNet-OneStoreLost-v0", {"lead_time": 0}),
    ("InventoryNet-OneStoreLost-v0", {"lead_time": 7}),
    ("InventoryNet-OneStoreBacklog-v0", {}),
    ("InventoryNet-Serial-v0", {}),
    ("InventoryNet-Serial-v0", {"locations": 7}),
    ("InventoryNet-Transshipment-v0", {}),
    ("InventoryNet-OneWarehouse-v0", {"n": 10, "lead_time": (1, 3)}),
    ("InventoryNet-ManyWarehouses-v0", {}),
    ("InventoryNet-ManyWarehouses-v0", {"warehouses": 6}),
    ("InventoryNet-IndependentStores-v0", {}),
    ("InventoryNet-RetailWeekly-v0", {"reward": "cost", "history": 0}),
]


def _assert_same_as_simulator(kit: Any, model: InventoryNet, seed: int, worlds: int, periods: int = 12) -> None:
    orders = kit.orders(model, seed, worlds, periods)
    seeds = [seed + w for w in range(worlds)]
    batch = kit.play(model, seeds, torch.from_numpy(orders))
    edges, held = model.network.edges, model.network.held
    for w in range(worlds):
        start = model.initial(model.scenario(seeds[w]), NUMPY)
        demands = [d[w].tolist() for d in batch.demands]
        expected = kit.simulate(model.network, start, orders[:, w], demands)
        for t, outcome in enumerate(batch.outcomes):
            on_hand = [expected.on_hand[t + 1][node.name] for node in held]
            shipped = [expected.shipped[t][edge.name] for edge in edges]
            np.testing.assert_allclose(batch.states[t + 1].on_hand[:, w], on_hand, rtol=1e-4, atol=1e-3)
            np.testing.assert_allclose(outcome.info["shipped"][w], shipped, rtol=1e-4, atol=1e-3)
            cost = expected.cost[t] / len(model.network.stores)
            np.testing.assert_allclose(-outcome.reward[w], cost, rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize(("env_id", "kwargs"), PRESETS, ids=lambda value: str(value))
def test_every_preset_does_what_the_definition_says(kit: Any, env_id: str, kwargs: dict[str, Any]) -> None:
    model = make_model(env_id, action_mode="quantity", **kwargs)
    assert isinstance(model, InventoryNet)
    _assert_same_as_simulator(kit, model, seed=11, worlds=3, periods=20)


@settings(max_examples=60)
@given(st.data(), SEEDS)
def test_every_network_does_what_the_definition_says(kit: Any, data: st.DataObject, seed: int) -> None:
    _assert_same_as_simulator(kit, data.draw(kit.models()), seed, worlds=2)


@settings(max_examples=60)
@given(st.data(), SEEDS, st.booleans())
def test_units_are_conserved(kit: Any, data: st.DataObject, seed: int, rounding: bool) -> None:
    model = data.draw(kit.models(rounding))
    orders = torch.from_numpy(kit.orders(model, seed, 4))
    played = kit.play(model, [seed + i for i in range(4)], orders)
    supply = model.constants(TORCH).supply
    lost = torch.tensor([store.unmet == "lost" for store in model.network.stores])

    def units(state: Any) -> torch.Tensor:
        total: torch.Tensor = torch.cat([state.on_hand, *state.transit]).sum(0)
        return total

    received = sum(o.info["shipped"][:, :supply].sum(1) for o in played.outcomes)
    sold = sum(d.sum(1) - (o.info["unmet"] * lost).sum(1) for d, o in zip(played.demands, played.outcomes, strict=True))
    before, after = units(played.states[0]) + received, units(played.states[-1]) + sold
    scale = float(before.abs().max() + sum(d.abs().sum() for d in played.demands)) + 1.0
    assert torch.allclose(before, after, rtol=0.0, atol=1e-4 * scale)


@settings(max_examples=60)
@given(st.data(), SEEDS, st.booleans())
def test_nothing_ships_that_is_not_there(kit: Any, data: st.DataObject, seed: int, rounding: bool) -> None:
    model = data.draw(kit.models(rounding))
    network = model.network
    played = kit.play(model, seed, kit.orders(model, seed, 1)[:, 0])
    may_be_negative = [node.unmet == "backlog" and node.kind == "store" for node in network.held]
    for before, after, outcome in zip(played.states[:-1], played.states[1:], played.outcomes, strict=True):
        shipped = outcome.info["shipped"]
        assert (shipped >= 0.0).all()
        assert (after.on_hand[~np.array(may_be_negative)] >= 0.0).all()
        for i, node in enumerate(network.stocks):
            now = sum(
                shipped[e] for e, edge in enumerate(network.edges) if edge.target == node.name and edge.lead_time == 0
            )
            out = sum(shipped[e] for e, edge in enumerate(network.edges) if edge.source == node.name)
            assert out <= (before.on_hand[i] + now) * (1 + 1e-5) + 1e-4
            if node.kind == "hub" and not rounding:
                assert out == pytest.approx(before.on_hand[i] + now, rel=1e-4, abs=1e-4)


@settings(max_examples=40)
@given(st.data(), SEEDS)
def test_one_world_is_the_same_alone_and_in_any_batch(kit: Any, data: st.DataObject, seed: int) -> None:
    model = data.draw(kit.models())
    orders = kit.orders(model, seed, 3)
    alone = kit.play(model, seed + 1, orders[:, 1])
    batch = kit.play(model, [seed, seed + 1, seed + 2], torch.from_numpy(orders))
    for t, (one, many) in enumerate(zip(alone.outcomes, batch.outcomes, strict=True)):
        assert one.reward == pytest.approx(float(many.reward[1]), rel=1e-5, abs=1e-4)
        assert one.info.keys() == many.info.keys()
        for name, value in one.info.items():
            np.testing.assert_allclose(many.info[name][1], value, rtol=1e-5, atol=1e-4)
        np.testing.assert_allclose(batch.states[t + 1].on_hand[:, 1], alone.states[t + 1].on_hand, rtol=1e-5, atol=1e-4)


@settings(max_examples=30)
@given(st.data(), SEEDS)
def test_a_world_does_not_feel_its_neighbours(kit: Any, data: st.DataObject, seed: int) -> None:
    model = data.draw(kit.models())
    orders = torch.from_numpy(kit.orders(model, seed, 3))
    others = orders.clone()
    others[:, 0] *= 7.0
    others[:, 2] = 0.0
    first = kit.play(model, [seed, 5, seed + 2], orders)
    second = kit.play(model, [seed + 8, 5, seed + 9], others)
    for a, b in zip(first.outcomes, second.outcomes, strict=True):
        assert torch.equal(a.reward[1], b.reward[1])
    assert torch.equal(first.states[-1].on_hand[:, 1], second.states[-1].on_hand[:, 1])


def _two_echelons(order: list[int], demand: np.ndarray[Any, Any]) -> InventoryNet:
    stores = [Node(f"x{i}", "store", 1.0 + i, 4.0 + i, "lost" if i % 2 else "backlog", 5.0) for i in range(4)]
    warehouses = [Node("w0", "stock", 0.5, initial=20.0), Node("w1", "hub", 0.25, initial=9.0)]
    edges = [Edge("s", "w0", 2), Edge("s", "w1", 1)]
    edges += [Edge("w0", f"x{i}", i, 0.5) for i in range(4)] + [Edge("w1", f"x{i}", 2) for i in (1, 3)]
    nodes = (Node("s", "supplier"), *warehouses, *(stores[i] for i in order))
    return InventoryNet(Network(nodes, tuple(edges)), ArrayDemand(demand[:, order]), horizon=10, action_mode="quantity")


@given(st.permutations(range(4)))
def test_renumbering_the_stores_changes_nothing(kit: Any, order: list[int]) -> None:
    demand = np.random.default_rng(0).integers(0, 9, (10, 4))
    plain, permuted = _two_echelons([0, 1, 2, 3], demand), _two_echelons(list(order), demand)
    index = {edge.name: i for i, edge in enumerate(plain.network.edges)}
    where = [index[edge.name] for edge in permuted.network.edges]
    orders = kit.orders(plain, 3, 1, 10)[:, 0]
    a, b = kit.play(plain, 0, orders), kit.play(permuted, 0, orders[:, where])
    for x, y in zip(a.outcomes, b.outcomes, strict=True):
        assert x.reward == pytest.approx(y.reward, rel=1e-5)
        np.testing.assert_allclose(x.info["shipped"][where], y.info["shipped"], rtol=1e-5)
        np.testing.assert_allclose(x.info["unmet"][list(order)], y.info["unmet"], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("lead_time", [0, 1, 2, 3])
@pytest.mark.parametrize("min_slots", [1, 4])
def test_an_order_is_usable_exactly_one_lead_time_later(kit: Any, lead_time: int, min_slots: int) -> None:
    nodes = (Node("s", "supplier"), Node("x", "store", 1.0, 10.0))
    network = Network(nodes, (Edge("s", "x", lead_time),), min_slots=min_slots)
    model = InventoryNet(network, ArrayDemand(np.ones((8, 1))), horizon=8, action_mode="quantity")
    orders = np.zeros((8, 1), np.float32)
    orders[2] = 1.0
    played = kit.play(model, 0, orders)
    unmet = [float(outcome.info["unmet"][0]) for outcome in played.outcomes]
    assert unmet == [0.0 if t == 2 + lead_time else 1.0 for t in range(8)]


def test_goods_of_this_period_cannot_be_shipped_on_in_it(kit: Any) -> None:
    nodes = (Node("s", "supplier"), Node("w", "stock", initial=4.0), Node("x", "store", 1.0, 1.0))
    network = Network(nodes, (Edge("s", "w", 1), Edge("w", "x", 1)))
    model = InventoryNet(network, ArrayDemand(np.full((4, 1), 2.5)), horizon=4, action_mode="quantity")
    played = kit.play(model, 0, np.full((3, 2), 10.0, np.float32))
    assert [float(o.info["shipped"][1]) for o in played.outcomes] == [4.0, 10.0, 10.0]


def test_the_costs_of_a_period_by_hand(kit: Any) -> None:
    nodes = (
        Node("s", "supplier"),
        Node("w", "stock", 0.5, initial=10.0),
        Node("lost", "store", 1.0, 7.0, "lost", 3.0),
        Node("late", "store", 2.0, 5.0, "backlog", 4.0),
    )
    network = Network(nodes, (Edge("s", "w", 1, 0.1), Edge("w", "lost", 1), Edge("w", "late", 2, 0.25)))
    model = InventoryNet(network, ArrayDemand([[5.0, 1.0], [0.0, 6.0]]), horizon=2, action_mode="quantity")
    played = kit.play(model, 0, np.array([[6.0, 1.0, 4.0], [0.0, 0.0, 0.0]], np.float32))
    one, two = played.outcomes
    # Period 0: warehouse keeps 5, "lost" is short of 2, "late" keeps 3; shipping .1 * 6 + .25 * 4.
    assert one.info["holding_cost"] == pytest.approx(0.5 * 5 + 2.0 * 3)
    assert one.info["underage_cost"] == pytest.approx(7.0 * 2)
    assert one.info["shipping_cost"] == pytest.approx(1.6)
    assert one.reward == pytest.approx(-(8.5 + 14.0 + 1.6) / 2)
    # Period 1: warehouse 11, "lost" received 1 and sells none, "late" has 3 and owes 3; its 4 come next period.
    assert two.info["holding_cost"] == pytest.approx(0.5 * 11 + 1.0)
    assert two.info["underage_cost"] == pytest.approx(5.0 * 3)
    assert played.states[-1].on_hand.tolist() == [11.0, 1.0, 1.0]


def test_returned_goods_go_back_into_stock(kit: Any) -> None:
    network = Network((Node("s", "supplier"), Node("x", "store", 1.0, 9.0, initial=2.0)), (Edge("s", "x", 1),))
    demand = ArrayDemand([[-3.0], [8.0]])
    for reward, expected in (("cost", [-5.0, -27.0]), ("profit", [-27.0 - 5.0, 45.0])):
        model = InventoryNet(network, demand, horizon=2, action_mode="quantity", reward=reward)
        played = kit.play(model, 0, np.zeros((2, 1), np.float32))
        assert [float(outcome.reward) for outcome in played.outcomes] == pytest.approx(expected)


@pytest.mark.parametrize("env_id", ["InventoryNet-RetailWeekly-v0", "InventoryNet-ManyWarehouses-v0"])
def test_profit_is_margin_of_sales_minus_holding_and_shipping(kit: Any, env_id: str) -> None:
    model = make_model(env_id, reward="profit", action_mode="quantity")
    assert isinstance(model, InventoryNet)
    played = kit.play(model, [1, 2], torch.from_numpy(kit.orders(model, 0, 2)))
    margin = torch.tensor([store.underage for store in model.network.stores])
    for outcome, demand in zip(played.outcomes, played.demands, strict=True):
        info = outcome.info
        sales = ((demand - info["unmet"]) * margin).sum(1)
        profit = sales - info["holding_cost"] - info.get("shipping_cost", 0.0)
        assert torch.allclose(outcome.reward, profit / len(margin), rtol=1e-4, atol=1e-2)


def test_a_reward_of_your_own(kit: Any) -> None:
    model = make_model("InventoryNet-v0", reward=lambda outcome, xp: -xp.total(outcome.info["unmet"], -1))
    for seeds, actions in ((4, np.zeros((5, 6), np.float32)), ([4], torch.zeros(5, 1, 6))):
        for outcome in kit.play(model, seeds, actions).outcomes:
            assert float(outcome.reward) == pytest.approx(-float(outcome.info["unmet"].sum()))


@settings(max_examples=25)
@given(st.data(), SEEDS)
def test_gradients_match_finite_differences(kit: Any, data: st.DataObject, seed: int) -> None:
    model = data.draw(kit.models())
    orders = torch.from_numpy(kit.orders(model, seed, 2, 6)).double() + 0.05
    scenario, xp = model.scenario(torch.tensor([seed, seed + 1])), DoubleNamespace()
    start = tree_map(torch.Tensor.double, model.initial(scenario, TORCH))

    def cost(scale: torch.Tensor) -> torch.Tensor:
        state, total = start, torch.zeros((), dtype=torch.float64)
        for t in range(6):
            state, outcome = model.step(state, orders[t] * scale, scenario.at(t).double(), t, xp)
            total = total - outcome.reward.sum()
        return total

    scale = torch.ones(len(model.network.edges), dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(cost(scale), scale)
    assert torch.isfinite(gradient).all()
    with torch.no_grad():
        for edge in range(len(scale)):
            step = torch.zeros_like(scale)
            step[edge] = 1e-5
            middle, above, below = cost(scale), cost(scale + step), cost(scale - step)
            right, left = float(above - middle) / 1e-5, float(middle - below) / 1e-5
            slack = 1e-3 * (1.0 + abs(right) + abs(left))
            # At a kink any value between the one-sided derivatives is a subgradient.
            assert min(left, right) - slack <= float(gradient[edge]) <= max(left, right) + slack


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"horizon": 0}, "horizon 0 must be >= 1 and history 0 >= 0"),
        ({"history": -1}, "horizon 100 must be >= 1 and history -1 >= 0"),
        ({"action_mode": "units"}, "action_mode 'units' is unknown"),
        ({"observation": "image"}, "observation 'image' is unknown; use 'dict' or 'flat'"),
        ({"reward": "happiness"}, "happiness"),
        ({"colour": 1}, "colour"),
        ({"network": Network((Node("s", "supplier"), Node("x", "store")), (Edge("s", "x", 1),))}, "needs a demand"),
    ],
)
def test_bad_arguments_are_refused_in_one_line(kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(ScenariumError, match=message) as caught:
        make_model("InventoryNet-v0", **kwargs)
    assert "\n" not in str(caught.value)


def test_demand_must_fit_the_network() -> None:
    network = Network((Node("s", "supplier"), Node("x", "store")), (Edge("s", "x", 1),))
    with pytest.raises(ScenariumError, match="demand is for 3 stores but the network has 1"):
        InventoryNet(network, PoissonDemand(5.0, stores=3))


def test_steps_are_pure() -> None:
    model = make_model("InventoryNet-Serial-v0")
    scenario = model.scenario(torch.arange(4))
    state = model.initial(scenario, TORCH)
    copies = [leaf.clone() for leaf in (state.on_hand, *state.transit)]
    action = torch.full((4, 4), 0.3)
    first, _ = model.step(state, action, scenario.at(0), 0, TORCH)
    second, _ = model.step(state, action, scenario.at(0), 0, TORCH)
    assert all(torch.equal(a, b) for a, b in zip(copies, (state.on_hand, *state.transit), strict=True))
    assert torch.equal(first.on_hand, second.on_hand)
    assert torch.equal(action, torch.full((4, 4), 0.3))


@pytest.mark.parametrize(
    "env_id", ["InventoryNet-v0", "InventoryNet-Transshipment-v0", "InventoryNet-ManyWarehouses-v0"]
)
def test_the_step_runs_on_shapes_alone(env_id: str) -> None:
    # No GPU is needed to see that nothing is left on the CPU: a meta tensor mixed with a CPU one fails.
    meta = torch_namespace("meta")
    model = make_model(env_id)
    assert isinstance(model, InventoryNet)
    held, edges = len(model.network.held), len(model.network.edges)
    state = model.initial(model.scenario(torch.arange(2)), TORCH)
    state = type(state)(state.on_hand.to("meta"), tuple(slot.to("meta") for slot in state.transit))
    action = torch.zeros(2, edges, device="meta")
    demand = torch.zeros(model.store_count, 2, device="meta")
    after, outcome = model.step(state, action, demand, 0, meta)
    assert after.on_hand.shape == (held, 2)
    assert after.on_hand.device.type == outcome.reward.device.type == "meta"
