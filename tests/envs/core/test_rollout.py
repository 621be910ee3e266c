"""Unrolling: absorbing worlds, gradients, replay, and nothing seen before its time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from toy_crew import CrewModel
from toy_memory import memory_model
from toy_panel import PanelModel
from toy_sale import SaleModel
from toy_tank import TankModel

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.fingerprint import scripted_action
from scenarium.envs.core.model import Model
from scenarium.envs.core.rollout import Moment, replay, unroll
from scenarium.envs.core.tree import tree_leaves

SEEDS = torch.arange(32)


def _constant(value: Any) -> Any:
    return lambda observation, memory, t: (value, None)


def test_ended_worlds_are_frozen_and_earn_nothing() -> None:
    moments = list(unroll(TankModel(), TankModel().scenario(SEEDS), _constant(torch.zeros(32, 1))))
    assert moments[0].alive is None
    assert 0 < int(moments[-1].alive.sum()) < 32, "the toy must have worlds of both kinds"
    for before, now in zip(moments[1:], moments[2:]):
        ended = ~now.alive
        torch.testing.assert_close(now.alive, before.alive & ~before.outcome.terminated)
        assert bool(now.outcome.terminated[ended].all())
        assert bool((now.outcome.reward[ended] == 0.0).all())
        for old, new in zip(tree_leaves(now.state), tree_leaves(now.after)):
            torch.testing.assert_close(old[ended], new[ended], rtol=0, atol=0)


def test_live_worlds_are_what_they_are_alone() -> None:
    moments = list(unroll(TankModel(), TankModel().scenario(SEEDS), _constant(torch.zeros(32, 1))))
    for seed in (0, 3, 17):
        alone = list(unroll(TankModel(), TankModel().scenario(seed), _constant(np.zeros(1, np.float32))))
        for one, many in zip(alone, moments):
            np.testing.assert_allclose(one.outcome.reward, many.outcome.reward[seed], atol=1e-5)
            assert bool(one.outcome.terminated) == bool(many.outcome.terminated[seed])


def test_gradients_through_ended_worlds_are_finite() -> None:
    pour = torch.full((32, 1), -0.2, requires_grad=True)
    moments = unroll(TankModel(), TankModel().scenario(SEEDS), _constant(pour))
    sum(moment.outcome.reward.sum() for moment in moments).backward()
    assert bool(torch.isfinite(pour.grad).all())
    assert bool((pour.grad != 0.0).all())


def test_python_booleans_end_a_world_too() -> None:
    class Plain(TankModel):
        def step(self, *arguments: Any) -> Any:
            state, outcome = super().step(*arguments)
            return state, outcome._replace(terminated=bool(outcome.terminated))

    ends = [m.outcome.terminated for m in unroll(Plain(), Plain().scenario(4), _constant(np.full(1, -1.0, np.float32)))]
    assert ends[0] in (True, False)
    assert bool(ends[-1])
    assert sorted(map(bool, ends)) == list(map(bool, ends)), "once ended, a world stays ended"


def test_relaxed_gradient_is_the_gradient_of_the_expectation() -> None:
    worlds, price = 4096, 0.3
    model = SaleModel()
    with pytest.raises(ScenariumError, match="no pathwise gradient"):
        CrewModel().relaxed()
    action = torch.full((worlds, 1), 2.0 * price - 1.0, requires_grad=True)
    moments = unroll(model.relaxed(), model.scenario(torch.arange(worlds)), _constant(action))
    sum(moment.outcome.reward.mean() for moment in moments).backward()
    # Revenue a period is p (1 - p) and p = (a + 1) / 2, so its slope in a is (1 - 2 p) / 2.
    assert float(action.grad.sum()) / model.horizon == pytest.approx(0.5 * (1.0 - 2.0 * price), abs=0.02)


@pytest.mark.parametrize("model", [TankModel(), PanelModel(), CrewModel(), memory_model(), SaleModel()])
def test_replay_plays_the_same_world_again(model: Model) -> None:
    actions = [scripted_action(model, t) for t in range(model.horizon)]
    first, again = replay(model, 11, actions), replay(model, 11, actions)
    assert len(first) == model.horizon
    for a, b in zip(first, again):
        for x, y in zip(tree_leaves(a.after), tree_leaves(b.after)):
            np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("model", [TankModel(), PanelModel(), CrewModel(), memory_model(room=99), SaleModel()])
@pytest.mark.parametrize("t", [0, 1, 3])
def test_the_future_does_not_leak(model: Model, t: int) -> None:
    """What is scrambled from period t on shows in what follows t, and in nothing up to t."""
    before = _played(model, model.scenario(6))
    after = _played(model, _scrambled(model, t))
    for now in range(t + 1):
        for a, b in zip(tree_leaves(before[now].observation), tree_leaves(after[now].observation)):
            np.testing.assert_array_equal(a, b)
        for a, b in zip(tree_leaves(before[now].state), tree_leaves(after[now].state)):
            np.testing.assert_array_equal(a, b)
    seen = [[*tree_leaves(m.after)] + [*tree_leaves(m.outcome.reward)] for m in (before[-1], after[-1])]
    assert any(not np.array_equal(a, b) for a, b in zip(*seen))


def _played(model: Model, scenario: Any) -> list[Moment]:
    return list(unroll(model, scenario, lambda _, __, t: (scripted_action(model, t), None)))


def _scrambled(model: Model, t: int) -> Any:
    """World 6 whose periods from t on are those of world 7."""
    ours, theirs = (getattr(one, "inner", one) for one in (model.scenario(6), model.scenario(7)))
    whole = model.scenario(6)
    inner = getattr(whole, "inner", whole)
    cut = t * getattr(model, "every", 1)
    inner.at = lambda now: theirs.at(now) if now >= cut else ours.at(now)
    inner.span = lambda first, length: np.stack([inner.at(first + k) for k in range(length)])
    return whole
