"""Gradients of the two policies against torch.distributions, sampling, masks and the way back to actions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch.distributions import Categorical, Normal
from torch.nn import functional

from scenarium.agents.stream.heads import CategoricalHead, GaussianHead, policy_head
from scenarium.envs.core.errors import ScenariumError

CPU = torch.device("cpu")
PUSH = torch.tensor([0.01, -0.01, 0.0, 0.5])


def test_the_gaussian_gradient_matches_automatic_differentiation() -> None:
    head = GaussianHead(spaces.Box(-1.0, 1.0, (3,)), CPU)
    output = torch.randn(4, 6, requires_grad=True)
    action = head.sample(output.detach(), None, torch.randn(4, 3))
    law = Normal(output[:, :3], functional.softplus(output[:, 3:]) + 1e-6)
    objective = law.log_prob(action).sum(1) + PUSH * law.entropy().sum(1)
    (expected,) = torch.autograd.grad(objective.sum(), output)
    assert torch.allclose(head.gradient(output.detach(), None, action, PUSH), expected, rtol=1e-4, atol=1e-5)


def test_raw_actions_run_from_minus_one_to_one_and_are_clipped() -> None:
    head = GaussianHead(spaces.Box(np.array([-2.0, 0.0], np.float32), np.array([2.0, 20.0], np.float32)), CPU)
    raw = torch.tensor([[-1.0, -1.0], [0.0, 0.0], [0.5, 0.5], [3.0, 3.0]])
    assert head.decode(raw).tolist() == [[-2.0, 0.0], [0.0, 10.0], [1.0, 15.0], [2.0, 20.0]]
    free = GaussianHead(spaces.Box(-np.inf, np.inf, (1, 2)), CPU)
    assert free.decode(torch.tensor([[5.0, -7.0]])).tolist() == [[[5.0, -7.0]]]


def test_gaussian_samples_have_the_mean_and_deviation_of_the_output() -> None:
    head = GaussianHead(spaces.Box(-1.0, 1.0, (1,)), CPU)
    draws = torch.randn(20000, 1, generator=torch.Generator().manual_seed(0))
    samples = head.sample(torch.tensor([[0.3, 1.0]]).expand(20000, 2), None, draws)
    assert float(samples.mean()) == pytest.approx(0.3, abs=0.03)
    assert float(samples.std()) == pytest.approx(float(functional.softplus(torch.tensor(1.0))), abs=0.03)


@pytest.mark.parametrize("masked", [False, True])
def test_the_categorical_gradient_matches_automatic_differentiation(masked: bool) -> None:
    head = CategoricalHead(spaces.MultiDiscrete([3, 2]), CPU)
    mask = torch.tensor([[True, False, True, True, True]]).expand(4, 5) if masked else None
    output = torch.randn(4, 6, requires_grad=True)
    action = head.sample(output.detach(), mask, torch.rand(4, 2))
    first = torch.where(mask[:, :3], output[:, :3], -1e9) if mask is not None else output[:, :3]
    laws = Categorical(logits=first), Categorical(logits=output[:, 3:5])
    objective = sum(law.log_prob(action[:, k]) + PUSH * law.entropy() for k, law in enumerate(laws))
    (expected,) = torch.autograd.grad(objective.sum(), output)  # type: ignore[union-attr]
    found = head.gradient(output.detach(), mask, action, PUSH)
    assert torch.allclose(found, expected, rtol=1e-4, atol=1e-5)
    assert not found[:, 5].any()  # the place that pads the shorter branch


def test_categorical_samples_follow_their_probabilities_and_the_mask() -> None:
    head = CategoricalHead(spaces.Discrete(4, start=10), CPU)
    logits = torch.tensor([[0.0, 1.0, 5.0, -1.0]]).expand(20000, 4)
    mask = torch.tensor([[True, True, False, True]]).expand(20000, 4)
    draws = torch.rand(20000, 1, generator=torch.Generator().manual_seed(0))
    samples = head.sample(logits, mask, draws)[:, 0]
    expected = torch.softmax(torch.tensor([0.0, 1.0, -torch.inf, -1.0]), 0)
    assert torch.allclose(torch.bincount(samples, minlength=4) / 20000, expected, atol=0.02)
    assert head.decode(head.best(logits[:1], mask[:1])).tolist() == [11]


@pytest.mark.parametrize("last", [0.0, 1.0 - 2.0**-24])
def test_the_edges_of_the_unit_interval_give_allowed_choices(last: float) -> None:
    head = CategoricalHead(spaces.Discrete(4), CPU)
    mask = torch.tensor([[False, True, True, False]])
    choice = head.sample(torch.randn(200, 4), mask.expand(200, 4), torch.full((200, 1), last))
    assert choice.unique().tolist() == [1 if last == 0.0 else 2]


def test_other_spaces_are_refused() -> None:
    with pytest.raises(ScenariumError, match="Box, Discrete or MultiDiscrete"):
        policy_head(spaces.Text(3), CPU)
