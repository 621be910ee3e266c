"""DQN with retrieval: without it, it is DQN bit by bit; nobody looks at their own trajectory; slots are alike."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from resumed import goes_on_the_same
from toy_tank import TankModel

from scenarium.agents import DQN, RADQN, RADQNConfig
from scenarium.agents.core.adam import adam_rates
from scenarium.agents.data.collect import collect
from scenarium.agents.data.dataset import Dataset
from scenarium.agents.retrieval.losses import conservative_loss
from scenarium.agents.retrieval.process import RetrievalProcess
from scenarium.agents.retrieval.store import LANE, own_trajectory
from scenarium.agents.retrieval.summariser import Summaries
from scenarium.envs.core.errors import ScenariumError

SMALL: dict[str, Any] = {
    "num_envs": 4, "steps": 8, "batch_size": 16, "updates": 2, "capacity": 400, "learning_starts": 32, "levels": 3,
    "target_period": 3, "learning_rate": 0.01, "device": "cpu", "policy_kwargs": {"hidden": (16, 16)},
}  # fmt: skip
RETRIEVAL: dict[str, Any] = {
    "trajectories": 6, "acting_trajectories": 5, "span": 6, "slots": 3, "slot_width": 8, "summary_width": 12,
    "key_width": 8, "k_trajectories": 3, "k_states": 4, "heads": 2,
}  # fmt: skip
OFF: dict[str, Any] = {"gating": False, "bottleneck_weight": 0.0, "auxiliary_weight": 0.0}
# One for every field that the paper leaves open, and both of the paper's own choices.
VARIANTS = [
    {}, {"rounds": 2}, {"readout": "slots"}, {"query_from": "agent"}, {"select": "return"}, {"inputs": "state"},
    {"slot_start": "random"}, {"target_summaries": "own"}, {"through_encoder": False}, {"query_layers": 2},
    {"gating": False}, {"sample_acting": True}, {"task_groups": 2}, {"double": False},
]  # fmt: skip


def pair(**changes: Any) -> tuple[DQN, RADQN]:
    """Both with the same weights, the one retrieving with W_v = 0."""
    shared = {name: value for name, value in changes.items() if name == "conservative"}
    plain = DQN(TankModel(), seed=1, **SMALL, **shared)
    other = RADQN(TankModel(), seed=1, **{**SMALL, **RETRIEVAL, **OFF, **changes})
    with torch.no_grad():
        for network in (other.network, other._target):
            network.process.readout.value.weight.zero_()
    return plain, other


@pytest.mark.parametrize(
    "changes", [{}, {"target_summaries": "own"}, {"rounds": 2, "readout": "slots"}, {"conservative": 0.5}]
)
def test_retrieval_that_says_nothing_is_dqn_bit_by_bit(changes: dict[str, Any]) -> None:
    plain, other = pair(**changes)
    store = DQN(TankModel(), **SMALL).learn(64)._store
    assert store is not None
    rows = store.rows(None, 16, torch.Generator().manual_seed(0))
    batch, (_, windows, noise) = store.transitions(rows), other._draw(store)
    before = {name: part.clone() for name, part in plain.network.state_dict().items()}
    for part in plain._target.parameters():  # a target of its own
        part.add_(0.1)
    other._target.load_state_dict(plain._target.state_dict(), strict=False)
    summaries = other.network.summariser.summaries(*other.network.summarise(windows), windows, 1, 0.9)
    values, _ = other.network.read(batch.seen, summaries, batch.episode, noise[0])
    assert torch.equal(values, plain.network(batch.seen))
    rates = torch.tensor(adam_rates(1, 0.01))
    losses = plain._learner.update(rates, batch), other._learner.update(rates, batch, windows, noise)
    assert torch.equal(*losses)
    after = other.network.state_dict()
    for name, part in plain.network.state_dict().items():
        assert torch.equal(part, after[name]), name
        assert not torch.equal(part, before[name]), name
    assert after["retrieval.process.readout.value.weight"].abs().max() > 0


@pytest.mark.parametrize("changes", VARIANTS)
def test_every_variant_learns_and_all_that_takes_part_moves(changes: dict[str, Any]) -> None:
    agent = RADQN(TankModel(), **{**SMALL, **RETRIEVAL, **changes})
    before = {name: part.clone() for name, part in agent.network.state_dict().items()}
    agent.learn(200)
    for name, part in agent.network.state_dict().items():
        assert torch.isfinite(part).all(), name
        idle = changes.get("query_from") == "agent" and "process.memory" in name
        if name.endswith("weight") and not idle and part.numel() > 1:
            assert not torch.equal(part, before[name]), name


def test_no_query_retrieves_its_own_trajectory() -> None:
    agent = RADQN(TankModel(), **{**SMALL, **RETRIEVAL, "k_trajectories": 6}).learn(300)
    store = agent._store
    assert store is not None
    batch, windows, _ = agent._draw(store)
    # All queries are from the retrieved trajectories themselves, so that each has one to avoid.
    episode = windows.episode[torch.arange(16) % 6]
    summaries = agent.network.summariser.summaries(*agent.network.summarise(windows), windows, 1, 0.9)
    _, read = agent.network.read(batch.seen, summaries, episode, None)
    found = windows.episode[read.place[0] // 6, 0]
    really = read.weight[0] > 0
    assert really.any()
    assert not ((found == episode[:, 0, None, None]) & really).any()
    _, free = agent.network.read(batch.seen, summaries, None, None)
    seen = windows.episode[free.place[0] // 6, 0]
    assert ((seen == episode[:, 0, None, None]) & (free.weight[0] > 0)).any()


def test_a_query_with_nothing_but_its_own_gets_nothing_and_finite_gradients() -> None:
    agent = RADQN(TankModel(), **{**SMALL, **RETRIEVAL}).learn(200)
    assert agent._store is not None
    batch, windows, noise = agent._draw(agent._store)
    alone = torch.zeros_like(windows.episode)
    loss = agent._loss(batch._replace(episode=torch.zeros_like(batch.episode)), windows._replace(episode=alone), noise)
    loss.backward()
    assert all(part.grad is None or torch.isfinite(part.grad).all() for part in agent.network.parameters())


def test_owners_are_compared_as_ranges_within_lanes() -> None:
    query = torch.tensor([[0, 1], [LANE, LANE]])
    episode = torch.tensor([[1, 3], [2, 2], [LANE, LANE + 2], [LANE + 1, LANE + 1]])
    assert own_trajectory(query, episode).tolist() == [[True, False, False, False], [False, False, True, False]]


@pytest.mark.parametrize("changes", [{}, {"readout": "slots", "rounds": 2}, {"select": "return", "gating": False}])
def test_slots_in_another_order_are_answered_in_that_order(changes: dict[str, Any]) -> None:
    torch.manual_seed(0)
    config = replace(RADQNConfig(**RETRIEVAL), **changes)
    process = RetrievalProcess(10, config, carried=True)
    valid = torch.rand(1, 5, 6) < 0.8
    keys, future = torch.randn(1, 5, 6, 8), torch.randn(1, 5, 6, 12)
    summaries = Summaries(keys, future, valid, torch.arange(10).reshape(1, 5, 2), torch.randn(1, 5))
    state, slots, noise = torch.randn(1, 7, 10), torch.randn(1, 7, 3, 8), torch.randn(config.rounds, 1, 7, 3, 8)
    order = torch.tensor([2, 0, 1])
    one = process(state, slots, summaries, None, noise)
    other = process(state, slots[:, :, order], summaries, None, noise[:, :, :, order])
    assert torch.allclose(one.state, other.state, atol=1e-6)
    assert torch.allclose(one.slots[:, :, order], other.slots, atol=1e-6)
    assert torch.equal(one.place[:, :, order], other.place)
    assert torch.allclose(one.cost, other.cost)


@pytest.mark.parametrize("kind", [DQN, RADQN])
def test_a_saved_agent_goes_on_as_if_nothing_had_happened(kind: Any, tmp_path: Path) -> None:
    settings = {**SMALL, **(RETRIEVAL if kind is RADQN else {})}
    agent = kind(TankModel(), seed=3, **settings).learn(200)
    goes_on_the_same(agent, TankModel(), tmp_path)


def test_acting_summarises_once_until_the_weights_move(monkeypatch: pytest.MonkeyPatch) -> None:
    agent = RADQN(TankModel(), **{**SMALL, **RETRIEVAL}).learn(200)
    calls: list[int] = []
    summarise = agent.network.summarise
    monkeypatch.setattr(agent.network, "summarise", lambda windows: calls.append(1) or summarise(windows))
    seen = torch.rand(3, *agent.model.observation_space.shape)
    first, _ = agent.predict(seen)
    assert torch.equal(agent.predict(seen)[0], first)
    assert len(calls) == 1
    agent.learn(32)
    calls.clear()
    agent.predict(seen)
    assert len(calls) == 1


def test_what_it_retrieves_from_travels_with_the_policy() -> None:
    agent = RADQN(TankModel(), **{**SMALL, **RETRIEVAL}).learn(200)
    settings = {**agent.config.to_mapping()}
    there = RADQN.from_policy(
        TankModel(), {"name": "mlp", "kwargs": agent.policy_kwargs}, settings, agent.policy_tensors()
    )
    seen = torch.rand(20, *agent.model.observation_space.shape)
    assert torch.equal(agent.predict(seen)[0], there.predict(seen)[0])


def test_a_task_retrieves_from_its_own_recordings(tmp_path: Path) -> None:
    parts = [collect(TankModel(), DQN(TankModel(), seed=i, **SMALL), 6, seed=i, lanes=4) for i in range(2)]
    Dataset.join(parts).save(tmp_path)
    agent = RADQN(TankModel(), **{**SMALL, **RETRIEVAL, "dataset": str(tmp_path), "task_groups": 2}).learn(64)
    assert agent._store is not None
    for task in (0, 1):
        agent.focus(task)
        windows = agent.acting_windows()
        assert windows is not None
        assert set((windows.episode[:, 0] // 6).tolist()) == {task}
    batch, windows, _ = agent._draw(agent._store)
    assert torch.equal(batch.episode[:8, 0] // 6 == batch.episode[0, 0] // 6, torch.ones(8, dtype=torch.bool))
    assert set((windows.episode[:3, 0] // 6).tolist()) == {int(batch.episode[0, 0] // 6)}
    with pytest.raises(ScenariumError, match="no task 5"):
        agent.focus(5)


def test_the_conservative_loss_is_log_sum_exp_less_the_value_of_what_was_done() -> None:
    values = torch.tensor([[[0.0, 0.0, 0.0]], [[1.0, 2.0, 9.0]]], requires_grad=True)
    choice = torch.tensor([[1], [0]])
    mask = torch.tensor([[[True, True, True]], [[True, True, False]]])
    loss = conservative_loss(values, choice, mask)
    assert loss.item() == pytest.approx((math.log(3.0) + math.log(1.0 + math.e)) / 2.0)
    # Its gradient is the softmax less the choice: what was done rises, all else falls, what is not allowed stays.
    loss.backward()
    assert values.grad is not None
    second = 1.0 / (1.0 + math.e)
    expected = torch.tensor([[1.0, -2.0, 1.0], [-3.0 * (1.0 - second), 3.0 * (1.0 - second), 0.0]]) / 6.0
    assert torch.allclose(values.grad[:, 0], expected, atol=1e-6)


def test_the_weight_of_the_conservative_loss_is_that_of_its_term() -> None:
    plain, careful = (DQN(TankModel(), seed=1, **SMALL, conservative=weight) for weight in (0.0, 0.5))
    store = DQN(TankModel(), **SMALL).learn(64)._store
    assert store is not None
    batch = store.transitions(store.rows(None, 16, torch.Generator().manual_seed(0)))
    term = conservative_loss(plain.network(batch.seen), batch.choice)
    assert torch.allclose(careful._loss(batch), plain._loss(batch) + 0.5 * term)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"select": "best"}, "select"),
        ({"heads": 3}, "heads 3 must divide"),
        ({"task_groups": 5}, "task_groups 5 must divide"),
        ({"span": 1}, "span must be"),
        ({"conservative": -0.1}, "conservative must be"),
        ({"compile": True}, "compile=False"),
        ({"dataset": "/nowhere"}, "no dataset in"),
    ],
)
def test_bad_settings_are_refused_in_one_sentence(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ScenariumError, match=words):
        RADQN(TankModel(), **{**SMALL, **RETRIEVAL, **settings}).learn(32)
