"""What is observed: in its space, without shared memory, and nothing of what is to come."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from scenarium.envs import entries, make_model
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.namespace import NUMPY, torch_namespace
from scenarium.envs.inventory.model import InventoryNet
from scenarium.envs.inventory.network import Edge, Network, Node
from scenarium.envs.inventory.own import ArrayDemand
from scenarium.envs.inventory.scenario import NormalDemand
from scenarium.envs.table import register_all

register_all()
TORCH = torch_namespace("cpu")
IDS = [entry.id for entry in entries().values() if entry.family == "inventory"]


@pytest.mark.parametrize("env_id", IDS)
@pytest.mark.parametrize("mode", ["normalised", "quantity", "order_up_to", "integer"])
def test_observations_lie_in_their_space_and_flat_is_the_dict_in_order(kit: Any, env_id: str, mode: str) -> None:
    nested = make_model(env_id, history=3, action_mode=mode)
    flat = make_model(env_id, history=3, action_mode=mode, observation="flat")
    nested.action_space.seed(0)
    scenario = nested.scenario(7)
    state = nested.initial(scenario, NUMPY)
    for t in range(4):
        a = nested.observe(state, scenario.until(t), t, NUMPY)
        b = flat.observe(state, scenario.until(t), t, NUMPY)
        assert nested.observation_space.contains(a)
        assert flat.observation_space.contains(b)
        # The flat form keeps tables period by period, as they are stored.
        assert np.array_equal(np.concatenate([np.asarray(a[key]).T.reshape(-1) for key in a]), b)
        state, _ = nested.step(state, nested.action_space.sample(), scenario.at(t), t, NUMPY)


def test_batched_observations_are_the_single_ones_stacked() -> None:
    for observation in ("dict", "flat"):
        model = make_model("InventoryNet-RetailWeekly-v0", observation=observation)
        batch = model.scenario(torch.tensor([3, 9]))
        many = model.observe(model.initial(batch, TORCH), batch.until(0), 0, TORCH)
        one = model.scenario(9)
        single = model.observe(model.initial(one, NUMPY), one.until(0), 0, NUMPY)
        pairs = [(many[key], single[key]) for key in single] if observation == "dict" else [(many, single)]
        for a, b in pairs:
            np.testing.assert_allclose(a[1], b, rtol=1e-5, atol=1e-4)


def test_an_observation_does_not_share_memory_with_the_world() -> None:
    model = make_model("InventoryNet-v0", history=2)
    scenario = model.scenario(1)
    state = model.initial(scenario, NUMPY)
    before = [scenario.at(t).copy() for t in range(-2, 1)], state.on_hand.copy()
    observation = model.observe(state, scenario.until(0), 0, NUMPY)
    for value in observation.values():
        value[...] = -99.0
    assert all(np.array_equal(scenario.at(t), x) for t, x in zip(range(-2, 1), before[0], strict=True))
    assert np.array_equal(state.on_hand, before[1])


@pytest.mark.parametrize("t", [0, 3])
def test_the_observation_does_not_know_what_is_to_come(t: int) -> None:
    sales = np.random.default_rng(0).integers(0, 30, (10, 5)).astype(float)
    other = sales.copy()
    other[4 + t :] = 999.0
    seen = []
    for series in (sales, other):
        demand, options = ArrayDemand(series, 4), {"history": 4, "horizon": 6, "action_mode": "quantity"}
        model = make_model("InventoryNet-RetailWeekly-v0", demand=demand, **options)
        scenario = model.scenario(0)
        state = model.initial(scenario, NUMPY)
        for period in range(t):
            state, _ = model.step(state, np.zeros(6, np.float32), scenario.at(period), period, NUMPY)
        seen.append(model.observe(state, scenario.until(t), t, NUMPY))
    assert all(np.array_equal(seen[0][key], seen[1][key]) for key in seen[0])


def test_recorded_demand_must_cover_the_horizon_and_the_history() -> None:
    network = Network((Node("s", "supplier"), Node("x", "store")), (Edge("s", "x", 1),))
    demand = ArrayDemand(np.ones((10, 1)), start=2)
    InventoryNet(network, demand, horizon=8, history=2)
    with pytest.raises(ScenariumError, match="horizon 9 is longer than the 8 recorded periods"):
        InventoryNet(network, demand, horizon=9)
    with pytest.raises(ScenariumError, match="history 3 reaches further back than the 2 periods"):
        InventoryNet(network, demand, horizon=8, history=3)


def test_negative_demand_periods_are_history() -> None:
    model = InventoryNet(
        Network((Node("s", "supplier"), Node("x", "store")), (Edge("s", "x", 1),)),
        NormalDemand(5.0, 1.0, stores=1),
        history=4,
    )
    scenario = model.scenario(5)
    history = model.observe(model.initial(scenario, NUMPY), scenario.until(0), 0, NUMPY)["demand_history"]
    assert history.shape == (1, 4)
    assert np.array_equal(history[0], [scenario.at(t)[0] for t in (-4, -3, -2, -1)])
