"""Action modes: what an action means, its bounds, and the way back."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from scenarium.envs import make_model
from scenarium.envs.core.namespace import NUMPY, torch_namespace
from scenarium.envs.inventory.actions import ACTION_MODES
from scenarium.envs.inventory.model import InventoryNet, State
from scenarium.envs.inventory.network import Edge, Network, Node
from scenarium.envs.inventory.own import ArrayDemand
from scenarium.envs.table import register_all

register_all()
TORCH = torch_namespace("cpu")
DEMAND = ArrayDemand(np.array([[2.0, 3.0], [2.0, 3.0]]))
NETWORK = Network(
    (Node("s", "supplier"), Node("w", "stock", initial=9.0), Node("a", "store"), Node("b", "store")),
    (Edge("s", "w", 2), Edge("w", "a", 0), Edge("w", "b", 3)),
)
STATE = State(np.array([9.0, 1.0, 4.0], np.float32), tuple(np.array(x, np.float32) for x in ([5, 0, 1], [2, 0, 0])))


def small(mode: str) -> InventoryNet:
    """A warehouse and two stores with mean demand 2 and 3."""
    return InventoryNet(NETWORK, DEMAND, horizon=2, action_mode=mode)


def decode(model: InventoryNet, action: Any, state: State = STATE) -> list[float]:
    """The quantities a NumPy action asks for."""
    requested = model.actions.decode(action, state, model.constants(NUMPY), NUMPY)
    return [float(q) for q in requested]


def test_means_and_bounds_follow_the_demand_an_edge_can_reach() -> None:
    assert small("quantity").action_mean.tolist() == [5.0, 2.0, 3.0]
    assert small("quantity").action_space == gymnasium.spaces.Box(
        np.zeros(3, np.float32), np.array([20, 8, 12], np.float32)
    )
    assert small("normalised").action_space == gymnasium.spaces.Box(-1.0, 1.0, (3,), np.float32)
    assert small("integer").action_space == gymnasium.spaces.MultiDiscrete([21, 9, 13])
    # Levels cover lead time + 1 periods of the largest order.
    assert small("order_up_to").action_space == gymnasium.spaces.Box(
        np.zeros(3, np.float32), np.array([60, 8, 48], np.float32)
    )


def test_one_edge_of_whole_units_is_discrete() -> None:
    model = make_model("InventoryNet-OneStoreLost-v0", action_mode="integer")
    assert isinstance(model, InventoryNet)
    assert model.action_space == gymnasium.spaces.Discrete(21)
    state = model.initial(model.scenario(0), NUMPY)
    for action in (7, np.int64(7)):
        assert decode(model, np.asarray(action), state) == [7.0]
    batch = model.actions.decode(torch.tensor([7, 0]), None, model.constants(TORCH), TORCH)
    assert batch.tolist() == [[7.0, 0.0]]


@pytest.mark.parametrize(
    ("mode", "action", "expected"),
    [
        ("normalised", [-1.0, 0.0, 1.0], [0.0, 4.0, 12.0]),
        ("normalised", [-3.0, 0.5, 9.0], [0.0, 6.0, 12.0]),
        ("quantity", [-1.0, 3.5, 99.0], [0.0, 3.5, 12.0]),
        ("integer", [0, 3, 12], [0.0, 3.0, 12.0]),
        # Positions: w 9 + 5 + 2 = 16, a 1, b 4 + 1 = 5.
        ("order_up_to", [20.0, 0.5, 5.5], [4.0, 0.0, 0.5]),
        ("order_up_to", [999.0, 999.0, 5.0], [44.0, 7.0, 0.0]),
    ],
)
def test_decoding_by_hand(mode: str, action: list[float], expected: list[float]) -> None:
    kind = np.int64 if mode == "integer" else np.float32
    model = small(mode)
    assert decode(model, np.array(action, kind)) == pytest.approx(expected)
    state = State(
        torch.from_numpy(STATE.on_hand)[:, None], tuple(torch.from_numpy(slot)[:, None] for slot in STATE.transit)
    )
    batch = torch.from_numpy(np.array([action, action], kind))
    many = model.actions.decode(batch, state, model.constants(TORCH), TORCH)
    assert many[:, 1].tolist() == pytest.approx(expected)


def test_backlog_raises_an_order_up_to_order() -> None:
    model = make_model("InventoryNet-OneStoreBacklog-v0", lead_time=1, action_mode="order_up_to")
    assert isinstance(model, InventoryNet)
    empty = tuple(np.zeros(1, np.float32) for _ in range(model.network.slots - 1))
    assert decode(model, np.array([10.0], np.float32), State(np.array([-4.0], np.float32), empty)) == [14.0]


@given(st.lists(st.floats(0.0, 1.0), min_size=3, max_size=3), st.sampled_from(["normalised", "quantity", "integer"]))
def test_encode_then_decode_is_the_identity(share: list[float], mode: str) -> None:
    model = small(mode)
    quantity = (np.array(share) * [20, 8, 12]).astype(np.float32)
    action = model.encode(quantity, NUMPY)
    expected = np.rint(quantity) if mode == "integer" else quantity
    assert decode(model, action) == pytest.approx(expected.tolist(), abs=1e-4)
    assert model.action_space.contains(action)
    many = model.encode(torch.from_numpy(np.stack([quantity, quantity])), TORCH)
    np.testing.assert_allclose(many[1], action, atol=1e-6)


@pytest.mark.parametrize("mode", ["normalised", "integer"])
def test_an_encoded_action_lies_in_the_space_however_large_the_quantity(mode: str) -> None:
    model = small(mode)
    action = model.encode(np.array([-1.0, 50.0, 12.0], np.float32), NUMPY)
    assert model.action_space.contains(action)
    assert decode(model, action) == pytest.approx([0.0, 8.0, 12.0], abs=1e-4)


def test_one_discrete_edge_is_encoded_as_a_scalar() -> None:
    model = make_model("InventoryNet-OneStoreLost-v0", action_mode="integer")
    assert model.action_space.contains(model.encode(np.array([6.6], np.float32), NUMPY))
    assert int(model.encode(np.array([6.6], np.float32), NUMPY)) == 7
    assert model.encode(torch.tensor([[6.6], [2.2]]), TORCH).tolist() == [7, 2]


@pytest.mark.parametrize("mode", ACTION_MODES)
@pytest.mark.parametrize("env_id", ["InventoryNet-v0", "InventoryNet-OneStoreLost-v0", "InventoryNet-Transshipment-v0"])
def test_the_native_model_reasons_in_units_and_is_the_same_problem(kit: Any, env_id: str, mode: str) -> None:
    model = make_model(env_id, action_mode=mode, horizon=7, history=2)
    native = model.native()
    assert isinstance(native, InventoryNet)
    assert isinstance(model, InventoryNet)
    assert native.actions.mode == ("order_up_to" if mode == "order_up_to" else "quantity")
    assert (native.horizon, native.history, native.env_id) == (7, 2, env_id)
    quantities = np.rint(kit.orders(model, 1, 1, 7)[:, 0])
    a = kit.play(native, 3, quantities)
    b = kit.play(model, 3, [model.encode(q, NUMPY) for q in quantities])
    for x, y in zip(a.outcomes, b.outcomes, strict=True):
        assert float(x.reward) == pytest.approx(float(y.reward), rel=1e-4)


@pytest.mark.parametrize("mode", ACTION_MODES)
def test_a_store_without_demand_orders_nothing(mode: str) -> None:
    network = Network(
        (Node("s", "supplier"), Node("x", "store"), Node("y", "store")), (Edge("s", "x", 1), Edge("s", "y", 1))
    )
    model = InventoryNet(network, ArrayDemand([[0.0, 4.0]]), horizon=1, action_mode=mode)
    action = model.encode(np.array([0.0, 3.0], np.float32), NUMPY)
    assert model.action_space.contains(action)
    assert decode(model, action, model.initial(model.scenario(0), NUMPY)) == pytest.approx([0.0, 3.0], abs=1e-5)
