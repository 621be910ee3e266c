"""Lambda-returns against the definition, episode by episode."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from scenarium.agents.core.returns import finished_returns, lambda_returns, next_values

STEPS, LANES = 7, 2


def by_definition(rewards: Tensor, values: Tensor, ended: Tensor, gamma: float, decay: float, t: int, n: int) -> float:
    """Sum of all n-step returns from step t with weights (1 - lambda) lambda^(k - 1), the longest with the rest."""
    last = t
    while last < STEPS - 1 and not ended[last, n]:
        last += 1
    total, discounted = 0.0, 0.0
    longest = last - t + 1
    for k in range(1, longest + 1):
        discounted += gamma ** (k - 1) * float(rewards[t + k - 1, n])
        weight = decay ** (k - 1) * (1.0 if k == longest else 1.0 - decay)
        total += weight * (discounted + gamma**k * float(values[t + k - 1, n]))
    return total


flags = st.lists(st.sampled_from(["on", "on", "terminated", "truncated"]), min_size=14, max_size=14)


@given(flags, st.sampled_from([0.0, 0.3, 0.95, 1.0]), st.sampled_from([0.9, 1.0]), st.booleans(), st.integers(0, 99))
def test_returns_equal_their_definition(
    ends: list[str], decay: float, gamma: float, terminal_limit: bool, seed: int
) -> None:
    rewards, following, final = torch.randn(
        3, STEPS, LANES, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )
    terminated = torch.tensor([end == "terminated" for end in ends]).reshape(STEPS, LANES)
    truncated = torch.tensor([end == "truncated" for end in ends]).reshape(STEPS, LANES)
    values = next_values(following, final, terminated, truncated, terminal_limit)
    returns = lambda_returns(rewards, values, terminated | truncated, gamma, decay)
    for t in range(STEPS):
        for n in range(LANES):
            expected = by_definition(rewards, values, terminated | truncated, gamma, decay, t, n)
            assert float(returns[t, n]) == pytest.approx(expected, abs=1e-12)


def test_what_follows_an_end() -> None:
    following, final = torch.tensor([1.0, 1.0, 1.0]), torch.tensor([5.0, 5.0, 5.0])
    terminated, truncated = torch.tensor([False, True, False]), torch.tensor([False, False, True])
    assert next_values(following, final, terminated, truncated, False).tolist() == [1.0, 0.0, 5.0]
    assert next_values(following, final, terminated, truncated, True).tolist() == [1.0, 0.0, 0.0]
    assert next_values(following, None, terminated, torch.zeros(3, dtype=torch.bool), False).tolist() == [1.0, 0.0, 1.0]


def test_limits_of_the_mixture() -> None:
    rewards, values = torch.tensor([[1.0], [2.0], [4.0]]), torch.tensor([[10.0], [20.0], [40.0]])
    never = torch.zeros(3, 1, dtype=torch.bool)
    assert lambda_returns(rewards, values, never, 0.5, 0.0)[:, 0].tolist() == [6.0, 12.0, 24.0]
    assert lambda_returns(rewards, values, never, 0.5, 1.0)[:, 0].tolist() == [1 + 1 + 1 + 5.0, 2 + 2 + 10.0, 24.0]
    cut = torch.tensor([[False], [True], [False]])
    assert lambda_returns(rewards, values, cut, 0.5, 1.0)[:, 0].tolist() == [1 + 1 + 5.0, 12.0, 24.0]


def test_an_unreachable_value_of_an_ended_episode_does_no_harm() -> None:
    ended = torch.tensor([[True], [False]])
    values = next_values(torch.tensor([[-torch.inf], [1.0]]), None, ended, torch.zeros_like(ended), False)
    returns = lambda_returns(torch.ones(2, 1), values, ended, 0.9, 0.9)
    assert returns[:, 0].tolist() == pytest.approx([1.0, 1.9])


def test_finished_returns_span_rollouts() -> None:
    rewards = torch.tensor([[1.0, 1.0], [2.0, 1.0], [4.0, 1.0]])
    ended = torch.tensor([[False, False], [True, False], [False, False]])
    mean, running = finished_returns(rewards, ended, torch.tensor([10.0, 20.0]))
    assert float(mean) == 13.0
    assert running.tolist() == [4.0, 23.0]
