"""The graph policy: shapes, symmetry, transfer, and where gradients flow."""

from __future__ import annotations

import pytest
import torch

from scenarium.agents.networks import build_policy
from scenarium.agents.networks.graph import SupplyGraph, message_rounds
from scenarium.envs import ScenariumError, make_model
from scenarium.envs.core.rollout import unroll
from scenarium.envs.inventory.model import InventoryNet
from scenarium.envs.inventory.network import Edge, Network, Node
from scenarium.envs.inventory.scenario import NormalDemand

NETWORKS = [
    ("InventoryNet-v0", {}),
    ("InventoryNet-OneStoreLost-v0", {}),
    ("InventoryNet-OneStoreLost-v0", {"lead_time": 1}),
    ("InventoryNet-Serial-v0", {"locations": 5}),
    ("InventoryNet-Transshipment-v0", {}),
    ("InventoryNet-ManyWarehouses-v0", {}),
    ("InventoryNet-IndependentStores-v0", {}),
    ("InventoryNet-RetailWeekly-v0", {}),
]


def _observation(model, worlds=3, period=4):
    mean = torch.tensor(model.action_mean, dtype=torch.float32)
    scenario = model.scenario(torch.arange(worlds))
    moments = list(unroll(model, scenario, lambda o, m, t: (mean.expand(worlds, -1), None), period))
    return moments[-1].observation


@pytest.mark.parametrize(("env_id", "kwargs"), NETWORKS)
def test_orders_start_near_the_mean_flow_on_every_network(env_id, kwargs):
    torch.manual_seed(0)
    model = make_model(env_id, **kwargs).native()
    orders = build_policy("gnn", model)(_observation(model))
    assert orders.shape == (3, len(model.network.edges))
    ratio = orders / torch.tensor(model.action_mean, dtype=torch.float32)
    assert (orders >= 0).all()
    assert ratio.min() > 0.5
    assert ratio.max() < 2.0


@pytest.mark.parametrize(("env_id", "kwargs"), NETWORKS)
def test_flat_and_dict_observations_give_the_same_orders(env_id, kwargs):
    shown = [make_model(env_id, observation=form, **kwargs).native() for form in ("dict", "flat")]
    policies = []
    for model in shown:
        torch.manual_seed(0)
        policies.append(build_policy("gnn", model))
    orders = [policy(_observation(model)) for policy, model in zip(policies, shown, strict=True)]
    torch.testing.assert_close(*orders)


@pytest.mark.parametrize(("env_id", "kwargs"), NETWORKS)
def test_every_weight_and_every_stock_has_a_gradient(env_id, kwargs):
    torch.manual_seed(0)
    model = make_model(env_id, **kwargs).native()
    policy = build_policy("gnn", model)
    observation = {name: part.clone().requires_grad_() for name, part in _observation(model).items()}
    policy(observation).square().sum().backward()
    used = {name: p.grad for name, p in policy.named_parameters() if p.numel()}
    # Without a warehouse no edge leaves a node, and the weights for such edges rest.
    for name, gradient in used.items():
        if model.stock_count:
            assert gradient is not None, name
            assert gradient.abs().sum() > 0, name
    assert (observation["on_hand"].grad.abs().sum(0) > 0).all()


def test_an_order_depends_on_the_stock_at_both_its_ends():
    torch.manual_seed(0)
    model = make_model("InventoryNet-v0").native()
    on_hand = _observation(model)["on_hand"].clone().requires_grad_()
    policy = build_policy("gnn", model)
    orders = policy({**_observation(model), "on_hand": on_hand})
    for edge, store in enumerate(range(1, 6), start=1):
        (gradient,) = torch.autograd.grad(orders[:, edge].sum(), on_hand, retain_graph=True)
        assert (gradient[:, store].abs() > 0).all()
        assert (gradient[:, 0].abs() > 0).all()


def test_weights_learnt_on_five_stores_play_twenty():
    small, large = (make_model("InventoryNet-OneWarehouse-v0", n=n).native() for n in (5, 20))
    policy, other = build_policy("gnn", small), build_policy("gnn", large)
    other.load_state_dict(policy.state_dict())
    assert other(_observation(large)).shape == (3, 21)


def _shop(order):
    leads, means = [2, 5, 3], [3.0, 5.0, 4.0]
    stores = [Node(f"s{i}", "store", 1.0 + 0.1 * i, 9.0 - i, "lost", "sampled") for i in order]
    nodes = (Node("supplier", "supplier"), Node("w", "stock", 0.3), *stores)
    edges = (Edge("supplier", "w", 3), *(Edge("w", f"s{i}", leads[i]) for i in order))
    demand = NormalDemand([means[i] for i in order], [1.0] * 3)
    return InventoryNet(Network(nodes, edges), demand, action_mode="quantity")


def test_orders_follow_a_permutation_of_the_stores():
    order = [2, 0, 1]
    plain, permuted = _shop([0, 1, 2]), _shop(order)
    torch.manual_seed(0)
    policy = build_policy("gnn", plain)
    other = build_policy("gnn", permuted)
    other.load_state_dict(policy.state_dict())
    observation = _observation(plain)
    nodes = [0, *(1 + i for i in order)]
    moved = {"on_hand": observation["on_hand"][:, nodes], "pipeline": observation["pipeline"][:, nodes]}
    torch.testing.assert_close(other(moved), policy(observation)[:, nodes])


def test_rounds_follow_the_depth_of_the_network():
    rounds = {
        env_id: message_rounds(make_model(env_id, **kwargs).network)
        for env_id, kwargs in (
            ("InventoryNet-v0", {}),
            ("InventoryNet-Serial-v0", {"locations": 6}),
            ("InventoryNet-ManyWarehouses-v0", {}),
            ("InventoryNet-OneStoreLost-v0", {}),
        )
    }
    assert list(rounds.values()) == [1, 5, 2, 1]


def test_degrees_count_demand_and_self_edges():
    graph = SupplyGraph(make_model("InventoryNet-v0"))
    assert graph.index.shape == (2, 6 + 5 + 1)
    assert graph.degree(0).tolist() == [6, 1, 1, 1, 1, 1, 1]
    assert graph.degree(1).tolist() == [2, 1, 1, 1, 1, 1, 5]


def test_more_slots_play_the_same_and_fewer_are_refused():
    model = make_model("InventoryNet-v0").native()
    assert build_policy("gnn", model, slots=8)(_observation(model)).shape == (3, 6)
    with pytest.raises(ScenariumError, match="5 inventory slots; slots=2 is too few"):
        build_policy("gnn", model, slots=2)


def _alike(copies):
    """A warehouse with so many copies of one store, and an observation in which all of them stand alike."""
    stores = [Node(f"s{i}", "store", 1.0, 9.0) for i in range(copies)]
    edges = (Edge("supplier", "w", 3), *(Edge("w", store.name, 2) for store in stores))
    network = Network((Node("supplier", "supplier"), Node("w", "stock", 0.3), *stores), edges)
    model = InventoryNet(network, NormalDemand([4.0] * copies, [1.0] * copies), action_mode="quantity")
    each = torch.tensor([[[8.0, 3.0, 2.0]], [[5.0, 4.0, 0.0]]])
    state = torch.cat([each[:1] * copies, each[1:].expand(copies, 1, 3)]).transpose(0, 1)
    return model, {"on_hand": state[..., 0], "pipeline": state[..., 1:]}


@pytest.mark.parametrize("env_id", ["InventoryNet-v0", "InventoryNet-ManyWarehouses-v0"])
def test_the_normalisation_is_a_choice_that_matters(env_id):
    model = make_model(env_id).native()
    orders = []
    for name in ("mean", "sqrt"):
        torch.manual_seed(0)
        orders.append(build_policy("gnn", model, normalisation=name)(_observation(model)))
    assert not torch.allclose(*orders)
    with pytest.raises(ScenariumError, match="normalisation"):
        build_policy("gnn", model, normalisation="max")


def test_a_store_in_a_larger_network_of_its_like_orders_nearly_the_same():
    orders = {}
    for name in ("mean", "sqrt"):
        for copies in (5, 20):
            model, observation = _alike(copies)
            torch.manual_seed(0)
            policy = build_policy("gnn", model, normalisation=name, last_layer_scale=1.0)
            orders[name, copies] = policy(observation)[0, 1].item()
    drift = {name: abs(orders[name, 20] - orders[name, 5]) for name in ("mean", "sqrt")}
    assert drift["mean"] < 0.3 * drift["sqrt"]
    assert drift["mean"] < 0.02 * orders["mean", 5]
