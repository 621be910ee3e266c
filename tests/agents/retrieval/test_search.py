"""The search is exact, in one piece and in blocks, and what was found can be looked at."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_tank import TankModel

from scenarium.agents import RADQN
from scenarium.agents.networks.gru import unroll_gru
from scenarium.agents.retrieval import search as module
from scenarium.agents.retrieval.look import look, picture
from scenarium.agents.retrieval.losses import gaussian_kl, rescaled, restored, returns_to_go
from scenarium.agents.retrieval.search import search
from scenarium.envs.core.errors import ScenariumError


def brute(query: torch.Tensor, key: torch.Tensor, valid: torch.Tensor, allowed: torch.Tensor, k: int, n: int) -> set:
    """The kept states of one query, by sorting everything."""
    scores = (key @ query / key.shape[-1] ** 0.5).masked_fill(~valid, -torch.inf)
    worth = [float(scores[i].exp().sum()) if allowed[i] else 0.0 for i in range(len(key))]
    best = [i for i in sorted(range(len(key)), key=lambda i: -worth[i])[:k] if worth[i] > 0]
    states = [(float(scores[i, t]), i * key.shape[1] + t) for i in best for t in range(key.shape[1]) if valid[i, t]]
    return {place for _, place in sorted(states, reverse=True)[:n]}


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 5), st.integers(1, 7), st.booleans())
def test_it_finds_what_sorting_everything_finds(seed: int, k: int, n: int, blocks: bool) -> None:
    generator = torch.Generator().manual_seed(seed)
    query, key = (torch.randn(shape, generator=generator) for shape in ((2, 3, 4), (2, 6, 5, 4)))
    valid = torch.rand((2, 6, 5), generator=generator) < 0.7
    allowed = torch.rand((2, 3, 6), generator=generator) < 0.7
    before = module.BLOCK
    module.BLOCK = 60 if blocks else before
    try:
        place, there = search(query, key, valid, allowed, k, n)
    finally:
        module.BLOCK = before
    for group in range(2):
        for row in range(3):
            found = set(place[group, row][there[group, row]].tolist())
            assert found == brute(query[group, row], key[group], valid[group], allowed[group, row], k, n)


def test_a_given_rank_decides_which_trajectories_are_kept() -> None:
    generator = torch.Generator().manual_seed(0)
    query, key = (torch.randn(shape, generator=generator) for shape in ((1, 3, 4), (1, 6, 5, 4)))
    rank = torch.tensor([[0.0, 3.0, 1.0, 5.0, 2.0, 4.0]])
    place, there = search(query, key, torch.ones(1, 6, 5, dtype=torch.bool), None, 2, 10, rank)
    assert there.all()
    assert set((place // 5).flatten().tolist()) == {3, 5}


def test_the_unrolled_unit_is_torchs_and_its_gradient_is_right() -> None:
    torch.manual_seed(0)
    driven = torch.randn(2, 4, 3, 15, dtype=torch.double, requires_grad=True)
    weight = torch.randn(2, 5, 15, dtype=torch.double, requires_grad=True)
    bias = torch.randn(2, 15, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(unroll_gru, (driven, weight, bias))
    unit = torch.nn.GRU(15, 5).double()
    with torch.no_grad():
        unit.weight_ih_l0.copy_(torch.eye(15))
        unit.bias_ih_l0.zero_()
        unit.weight_hh_l0.copy_(weight[1].T)
        unit.bias_hh_l0.copy_(bias[1])
    assert torch.allclose(unit(driven[1])[0], unroll_gru(driven, weight, bias)[1], atol=1e-12)


def test_losses_against_closed_forms() -> None:
    x = torch.tensor([-1000.0, -3.0, 0.0, 0.5, 3.0, 250.0])
    assert torch.allclose(restored(rescaled(x)), x, rtol=1e-4, atol=1e-5)
    assert float(rescaled(torch.tensor(3.0))) == pytest.approx(1.003)
    mean, prior = torch.tensor([[1.0, 2.0]]), torch.zeros(1, 2)
    assert float(gaussian_kl(mean, prior, prior, prior)) == pytest.approx(2.5)
    wide = torch.full((1, 2), float(np.log(2.0)))
    assert float(gaussian_kl(prior, wide, prior, prior)) == pytest.approx(4.0 - 1.0 - 2.0 * np.log(2.0))
    valid = torch.tensor([[True], [True], [False]])
    assert returns_to_go(torch.tensor([[1.0], [2.0], [9.0]]), valid, 0.5)[:, 0].tolist() == [2.0, 2.0, 0.0]


def test_what_was_retrieved_can_be_looked_at(tmp_path: Path) -> None:
    settings = {"num_envs": 4, "steps": 8, "batch_size": 16, "updates": 1, "capacity": 200, "learning_starts": 16}
    small = {"trajectories": 4, "acting_trajectories": 6, "span": 6, "slots": 3, "slot_width": 8, "summary_width": 8}
    agent = RADQN(TankModel(), device="cpu", levels=3, key_width=8, **settings, **small)
    seen = np.random.default_rng(0).random(agent.model.observation_space.shape).astype(np.float32)
    with pytest.raises(ScenariumError, match="nothing to retrieve"):
        look(agent, seen)
    agent.learn(100)
    found = look(agent, seen)
    assert float(found.weight.sum()) == pytest.approx(1.0, abs=1e-5)
    assert float(found.slots.sum()) == pytest.approx(1.0, abs=1e-5)
    assert torch.allclose((found.slots[:, None] * found.by_slot).sum(0), found.weight.sum(-1), atol=1e-6)
    assert not found.weight[~found.valid].any()
    assert (found.weight.sum(-1).diff() <= 1e-6).all()
    picture(found, str(tmp_path / "look.png"))
    assert (tmp_path / "look.png").read_bytes()[:4] == b"\x89PNG"
    with pytest.raises(ScenariumError, match="one observation"):
        look(agent, np.stack([seen, seen]))
