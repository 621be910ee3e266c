"""What a policy network sees of a fishery, and that HDPO learns one through it."""

from __future__ import annotations

import math

import pytest
import torch

from scenarium.agents.networks import build_policy
from scenarium.envs.core.namespace import torch_namespace
from scenarium.envs.core.rollout import unroll
from scenarium.envs.fishery.presets import fishery

TORCH = torch_namespace("cpu")


@pytest.mark.parametrize("observation", ["paper", "signed"])
def test_features_are_logarithms_of_the_stocks_whatever_the_observation(observation: str) -> None:
    model = fishery(observation=observation, time_observed=True)
    scenario = model.scenario(torch.arange(5))
    state = model.initial(scenario, TORCH)
    features = model.policy_features(model.observe(state, scenario.until(197), 197, TORCH))
    assert features.shape == (5, model.policy_inputs) == (5, 6)
    expected = (torch.stack(state.stocks, -1).log() + torch.tensor([0.7, 0.7, 0.9])) * torch.tensor([4.0, 4.0, 2.0])
    torch.testing.assert_close(features[:, :3], expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(features[0, 3:], torch.tensor([0.97, math.exp(-1), math.exp(-0.25)]), rtol=1e-3, atol=0)


def test_features_of_the_extinct_are_finite() -> None:
    model = fishery("model_1")
    observation = torch.zeros(2, 1, requires_grad=True)
    features = model.policy_features(observation)
    features.sum().backward()
    assert bool(torch.isfinite(features).all())
    assert observation.grad is not None
    assert bool(torch.isfinite(observation.grad).all())


@pytest.mark.parametrize("name", ["model_1", "model_2", "model_3"])
def test_a_new_policy_leaves_about_the_central_escapement(name: str) -> None:
    model = fishery(name)
    torch.manual_seed(0)
    policy = build_policy("mlp", model)
    scenario = model.scenario(torch.arange(64))
    with torch.no_grad():
        first = next(unroll(model, scenario, lambda observation, memory, t: (policy(observation), memory), 1))
    stocks = torch.stack(first.state.stocks)[: model.parameters.harvested]
    left = stocks * (1.0 - first.action.T)
    torch.testing.assert_close(left, torch.full_like(left, 0.5), atol=0.1, rtol=0)


def test_hdpo_improves_on_its_first_policy_and_gets_up_after_fishing_everything() -> None:
    from scenarium.agents import HDPO

    model = fishery(horizon=30)
    options = {"batch_size": 32, "learning_rate": 0.05, "dev_every": 10, "dev_worlds": 64}
    agent = HDPO(model, "mlp", seed=0, device="cpu", **options)
    agent.learn(32 * 30 * 10)
    before = agent._best
    agent.learn(32 * 30 * 30)
    assert agent._restarts >= 1
    assert agent._best is not None
    assert agent._best * 30 > 5.0
    assert before is None or agent._best > before
