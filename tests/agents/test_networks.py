from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces

from scenarium.agents.networks import build_policy
from scenarium.agents.networks.heads import BoxHead, MeanHead
from scenarium.agents.networks.mlp import MLPPolicy
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.model import Model
from scenarium.envs.core.registry import make_model

Toy = Callable[..., Model]
OBSERVATION = {"on_hand": torch.tensor([[3.0], [4.0]]), "coming": torch.tensor([[0.0], [1.0]])}


def test_raw_zero_gives_the_mean_and_the_centre() -> None:
    torch.testing.assert_close(MeanHead([2.0, 5.0])(torch.zeros(1, 2), None), torch.tensor([[2.0, 5.0]]))
    box = BoxHead(spaces.Box(np.array([0.0, -1.0], np.float32), np.array([4.0, 3.0], np.float32)))
    torch.testing.assert_close(box(torch.zeros(1, 2), None), torch.tensor([[2.0, 1.0]]))


def test_a_box_head_keeps_to_its_bounds_and_leaves_unbounded_actions_alone() -> None:
    box = BoxHead(spaces.Box(np.array([0.0, -np.inf], np.float32), np.array([4.0, np.inf], np.float32)))
    action = box(torch.tensor([[100.0, 7.0], [-100.0, -7.0]]), None)
    torch.testing.assert_close(action, torch.tensor([[4.0, 7.0], [0.0, -7.0]]))


def test_an_mlp_reads_dict_entries_in_the_order_of_the_space(toy: Toy) -> None:
    policy = MLPPolicy(toy().native())
    names = list(toy().observation_space.spaces)  # type: ignore[attr-defined]
    expected = torch.cat([OBSERVATION[name] for name in names], 1)
    assert torch.equal(policy.flatten(dict(reversed(OBSERVATION.items()))), expected)


def test_the_scale_of_the_model_replaces_the_normaliser(toy: Toy) -> None:
    model: Any = toy().native()
    plain = MLPPolicy(model, normalize=False)
    model.observation_scale = {"on_hand": [2.0], "coming": [4.0]}
    scaled = MLPPolicy(model)
    assert scaled.normalizer is None
    scaled.load_state_dict(plain.state_dict())
    twice = {"on_hand": OBSERVATION["on_hand"] * 2.0, "coming": OBSERVATION["coming"] * 4.0}
    torch.testing.assert_close(scaled(twice), plain(OBSERVATION))


def test_only_adapt_changes_the_normaliser(toy: Toy) -> None:
    policy = MLPPolicy(toy().native())
    assert policy.normalizer is not None
    policy(OBSERVATION)
    assert float(policy.normalizer.count) == 0.0
    policy.adapt(OBSERVATION)
    assert float(policy.normalizer.count) == 2.0


def test_a_model_may_bring_its_own_head(toy: Toy) -> None:
    model: Any = toy().native()
    model.policy_head = lambda raw, observation: raw * 0.0 + observation["on_hand"]
    assert torch.equal(build_policy("mlp", model)(OBSERVATION), OBSERVATION["on_hand"])


def test_the_first_action_of_an_inventory_policy_is_near_the_mean_flow() -> None:
    model: Any = make_model("InventoryNet-OneWarehouse-v0", n=3).native()
    torch.manual_seed(0)
    observation = model.observe(model.initial(s := model.scenario(torch.arange(64)), s.xp), s.until(0), 0, s.xp)
    policy = MLPPolicy(model, hidden=(32, 32))
    policy.adapt(observation)
    ratio = policy(observation) / torch.as_tensor(model.action_mean, dtype=torch.float32)
    assert ratio.min() > 0.7
    assert ratio.max() < 1.4


def test_a_policy_that_cannot_be_built_says_why(toy: Toy) -> None:
    with pytest.raises(ScenariumError, match="did you mean 'mlp'"):
        build_policy("mlpp", toy())
    with pytest.raises(ScenariumError, match="sb3_dqn"):
        build_policy("mlp", toy(discrete=True))


def test_levels_start_at_the_demand_over_lead_time_plus_one():
    model = make_model("InventoryNet-OneStoreLost-v0", action_mode="order_up_to")
    for name in ("mlp", "gnn"):
        torch.manual_seed(0)
        policy = build_policy(name, model)
        observation = {"on_hand": torch.zeros(2, 1), "pipeline": torch.zeros(2, 1, 3)}
        assert policy(observation).flatten().tolist() == pytest.approx([25.0, 25.0], rel=0.3)
