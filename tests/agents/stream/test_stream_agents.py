"""The streaming agents through their verbs: stacks, files, masks, spaces, frozen statistics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from toy_bumpy import Bumpy
from toy_crew import CrewModel
from toy_tank import TankModel

from scenarium.agents import Signal, StreamAC, StreamQ, StreamSARSA, StreamTD
from scenarium.agents.stream.agent import StreamAgent
from scenarium.envs.core.errors import ScenariumError

SMALL: dict[str, Any] = {"policy_kwargs": {"hidden": [8, 8]}, "device": "cpu"}
ALL = [StreamQ, StreamSARSA, StreamAC, StreamTD]


def everything(agent: StreamAgent) -> dict[str, torch.Tensor]:
    return {**agent._policy_tensors(), **agent._trainer_tensors()}


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("beta", [None, 0.999])
def test_a_stack_does_what_separate_learners_do(kind: type[StreamAgent], beta: float | None) -> None:
    stack = kind(Bumpy(masked=True), seed=7, learners=4, beta=beta, **SMALL).learn(4 * 60)
    for k in range(4):
        alone = kind(Bumpy(masked=True), seed=7 + k, beta=beta, **SMALL).learn(60)
        for name, tensor in everything(alone).items():
            together = everything(stack)[name]
            assert torch.allclose(together[k : k + 1].double(), tensor.double(), rtol=1e-6, atol=1e-6), name
        assert [e[1:] for e in alone.episodes] == [e[1:] for e in stack.episodes if e.learner == k]


@pytest.mark.parametrize("kind", ALL)
def test_learning_goes_on_after_loading_as_if_nothing_had_happened(kind: type[StreamAgent], tmp_path: Path) -> None:
    levels = {"levels": 3} if kind in ALL[:2] else {}

    def make() -> StreamAgent:
        return kind(TankModel(), seed=1, learners=2, **levels, **SMALL)

    straight = make().learn(400).learn(202)
    first = make().learn(400)
    first.save(tmp_path)
    second = kind.load(tmp_path, device="cpu", env=TankModel())
    second.save(tmp_path / "again")  # lanes that were loaded and not yet played are saved as they are
    third = kind.load(tmp_path / "again", device="cpu", env=TankModel()).learn(202)
    for name, tensor in everything(straight).items():
        assert torch.equal(everything(third)[name], tensor), name


def test_foreign_lanes_start_new_episodes_with_clean_traces_after_loading(tmp_path: Path) -> None:
    StreamQ("CartPole-v1", seed=1, **SMALL).learn(40).save(tmp_path)
    agent = StreamQ.load(tmp_path, device="cpu")
    assert agent._optimiser.trace.any()
    agent._start()
    assert not agent._optimiser.trace.any()
    assert not agent._age.any()
    agent.learn(20)
    assert agent.num_timesteps == 60


@pytest.mark.parametrize("kind", ALL)
def test_predicting_changes_nothing_and_a_single_sample_is_as_in_a_batch(kind: type[StreamAgent]) -> None:
    agent = kind(Bumpy(), seed=2, **SMALL).learn(100)
    before = {name: tensor.clone() for name, tensor in everything(agent).items()}
    batch = np.random.default_rng(0).normal(50.0, 9.0, (6, 3)).astype(np.float32)
    values = agent.value(batch)
    if kind is not StreamTD:  # which follows a random policy here
        actions, _ = agent.predict(batch)
        assert [int(agent.predict(one)[0]) for one in batch] == actions.tolist()
    assert torch.allclose(torch.cat([agent.value(one) for one in batch]), values, atol=1e-4)
    assert all(torch.equal(tensor, before[name]) for name, tensor in everything(agent).items())


@pytest.mark.parametrize("kind", ALL)
def test_forbidden_actions_are_never_taken(kind: type[StreamAgent]) -> None:
    agent = kind(Bumpy(masked=True), seed=3, learners=2, **SMALL).learn(400)  # the toy raises at a forbidden action
    masks = np.eye(3, dtype=bool)
    for deterministic in (True, False):
        actions, _ = agent.predict(np.zeros((3, 3), np.float32), deterministic=deterministic, action_masks=masks)
        assert actions.tolist() == [0, 1, 2]


def test_the_bootstrap_leaves_forbidden_actions_out() -> None:
    agent = StreamQ(Bumpy(), seed=3, **SMALL).learn(50)
    seen, q = np.zeros(3, np.float32), []
    for allowed in np.eye(3, dtype=bool):
        q.append(float(agent.value(seen, action_masks=allowed)))
    assert float(agent.value(seen)) == pytest.approx(max(q))
    assert len(set(q)) == 3


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize(
    "space", [spaces.Discrete(3, start=4), spaces.MultiDiscrete([2, 4]), spaces.Box(-1.0, 3.0, (2, 2), np.float32)]
)
def test_all_spaces_are_played(kind: type[StreamAgent], space: spaces.Space[Any]) -> None:
    levels = {"levels": 5} if kind in ALL[:2] else {}
    env = Bumpy(space, nested=True)
    agent = kind(env, seed=3, **levels, **SMALL).learn(120)
    played = [content[0] for name, content in env.seen if name == "step"]
    assert all(space.contains(space.dtype.type(action) if np.ndim(action) == 0 else action) for action in played)  # type: ignore[union-attr]
    assert len({np.asarray(action).tobytes() for action in played}) > 2
    action, _ = agent.predict({"b": np.zeros(3, np.float32), "a": np.zeros((2, 1), np.float32)})
    assert space.contains(action)


def test_dict_entries_are_joined_in_the_order_of_the_space() -> None:
    env = Bumpy(nested=True)
    agent = StreamTD(env, normalize_observations=False, **SMALL).learn(1)
    last = env.seen[-1][1] if env.seen[-1][0] == "reset" else env.seen[-1][1][4]
    assert list(env.observation_space.spaces) == ["a", "b"]  # type: ignore[attr-defined]
    assert agent._features[0].tolist() == [*last["a"].ravel(), *last["b"]]


def test_the_time_feature_counts_up_and_is_remembered_when_acting() -> None:
    agent = StreamQ("CartPole-v1", time_feature=True, steps_per_iteration=1, **SMALL)
    seen = []
    agent.learn(60, lambda a, _: seen.append(float(a._features[0, -1])))  # type: ignore[attr-defined, func-returns-value]
    length = 1 + seen[1:].index(-0.5)  # the first step repeats the start, the first reset shows it again
    assert seen[:length] == pytest.approx([-0.5 + max(k, 0) / 500 for k in range(length)])
    memory = None
    for k in range(3):
        _, memory = agent.predict(np.zeros((2, 4), np.float32), memory)
        assert memory.tolist() == [k + 1.0] * 2
    with pytest.raises(ScenariumError, match="time limit"):
        StreamQ(Bumpy(), time_feature=True, **SMALL)


def test_episodes_are_counted_across_iterations() -> None:
    env, found = Bumpy(), []
    StreamQ(env, steps_per_iteration=7, **SMALL).learn(150, lambda agent, _: found.extend(agent.episodes))  # type: ignore[attr-defined, func-returns-value]
    total, length, expected = 0.0, 0, []
    for kind, content in env.seen:
        if kind == "step":
            total, length = total + content[1], length + 1
            if content[2] or content[3]:
                expected.append((total, length))
                total, length = 0.0, 0
    assert [e.length for e in found] == [length for _, length in expected]
    assert [e.total for e in found] == pytest.approx([total for total, _ in expected], rel=1e-5)


def test_td_follows_a_given_policy_and_asks_for_it_after_loading(tmp_path: Path) -> None:
    class Always:
        def predict(self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: bool = True):  # type: ignore[no-untyped-def]
            calls.append((len(observation), episode_start.tolist() if episode_start is not None else None))
            return np.full(len(observation), 2), state

    calls: list[Any] = []
    env = Bumpy()
    agent = StreamTD(env, seed=1, **SMALL).follow(Always()).learn(30)
    assert {content[0] for kind, content in env.seen if kind == "step"} == {2}
    ends = [content[2] or content[3] for kind, content in env.seen if kind == "step"]
    assert [start[0] for _, start in calls] == [True, *ends[:-1]]
    assert agent.predict(np.zeros((3, 3), np.float32))[0].tolist() == [2, 2, 2]
    agent.save(tmp_path)
    again = StreamTD.load(tmp_path, device="cpu", env=Bumpy())
    with pytest.raises(ScenariumError, match="follow"):
        again.learn(1)
    again.follow(Always()).learn(1)
    with pytest.raises(ScenariumError, match="predict"):
        again.follow(3)


def test_td_learns_the_discounted_sum_of_a_signal() -> None:
    """A wave of period 20; the sum of what follows is computed backwards over many periods."""
    t = np.arange(2000)
    wave = 1.0 + np.sin(2 * np.pi * t / 20)
    features = np.stack([np.sin(2 * np.pi * t / 20), np.cos(2 * np.pi * t / 20)], 1)
    agent = StreamTD(Signal(features, wave), gamma=0.8, policy_kwargs={"hidden": [32, 32]}, device="cpu").learn(4000)
    truth = np.zeros(len(wave))
    for k in range(len(wave) - 2, -1, -1):
        truth[k] = wave[k + 1] + 0.8 * truth[k + 1]
    predicted = agent.value(features[:20].astype(np.float32)).numpy()
    assert float(np.abs(predicted - truth[:20]).mean()) < 0.15 * truth[:20].std() + 0.05 * truth.mean()


def test_a_signal_can_be_shown_as_a_running_mean() -> None:
    signal = Signal([1.0, 3.0, 8.0], [0.0, 5.0, 7.0], average=0.5)
    assert signal.reset()[0].tolist() == [1.0]
    assert signal.step(0)[:4] == (pytest.approx([(0.5 + 3) / 1.5]), 5.0, False, False)
    assert signal.step(0)[:4] == (pytest.approx([(0.25 + 1.5 + 8) / 1.75]), 7.0, False, True)
    with pytest.raises(ScenariumError, match="must be"):
        Signal([1.0, 2.0], [1.0])
    with pytest.raises(ScenariumError, match="average"):
        Signal([1.0, 2.0], [1.0, 2.0], average=1.0)


def test_worlds_of_the_suite_are_learnt_on_and_any_learner_can_be_shown() -> None:
    agent = StreamQ(TankModel(), learners=3, levels=5, **SMALL).learn(300)
    values = []
    for learner in range(3):
        agent.acting = learner
        values.append(float(agent.value(np.ones(3, np.float32))))
    assert len(set(values)) == 3


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"trace_cut": "never"}, "official"),
        ({"gamma": 1.5}, "gamma"),
        ({"learners": 0}, "learners"),
        ({"sparsity": 1.0}, "sparsity"),
        ({"policy": "gnn"}, "mlp"),
        ({"policy_kwargs": {"depth": 3}}, "depth"),
        ({"epsilon_fraction": 2.0}, "epsilon_fraction"),
    ],
)
def test_wrong_settings_are_refused(fields: dict[str, Any], word: str) -> None:
    with pytest.raises(ScenariumError, match=word):
        StreamQ(Bumpy(), device="cpu", **fields)


def test_problems_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ScenariumError, match="lone agents"):
        StreamQ(CrewModel(), device="cpu")
    with pytest.raises(ScenariumError, match="continuous"):
        StreamQ(Bumpy(spaces.Box(-1.0, 1.0, (1,))), device="cpu", config={"levels": None})


@pytest.mark.parametrize("kind", [StreamQ, StreamAC, StreamTD])
def test_acting_with_exploration_depends_on_the_seed_alone(kind: Any) -> None:
    seen = np.zeros((2000, 4), np.float32)
    first, again = (kind("CartPole-v1", seed=3, device="cpu") for _ in range(2))
    torch.rand(7)  # what others draw does not matter
    played = first.predict(seen, deterministic=False)[0]
    assert np.array_equal(played, again.predict(seen, deterministic=False)[0])
    assert len(set(played.tolist())) > 1
