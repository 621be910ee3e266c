"""At the edges: past the end of an episode, and input that cannot be right."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from toy_crew import CrewModel
from toy_panel import PanelModel
from toy_sale import SaleModel
from toy_tank import TankModel

from scenarium.envs.core import wrappers
from scenarium.envs.core.env import ScenariumEnv
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.model import Model
from scenarium.envs.core.parallel import ScenariumParallelEnv
from scenarium.envs.core.tree import tree_leaves
from scenarium.envs.core.vector import ScenariumVectorEnv

N = 6
DRY = np.full((N, 1), -1.0, np.float32)


class Clock(TankModel):
    """Its picture is the period it is drawn in."""

    def render(self, state: Any, outcome: Any, t: int) -> Any:
        return t


def _disabled(model: Model, **options: Any) -> ScenariumVectorEnv:
    return ScenariumVectorEnv(model, N, "cpu", autoreset_mode="disabled", **options)


def test_lanes_that_ended_stand_still_until_they_are_reset() -> None:
    worlds = _disabled(TankModel())
    worlds.reset(seed=0)
    ended = torch.zeros(N, dtype=torch.bool)
    for _ in range(30):
        before = [leaf.clone() for leaf in worlds.leaves()]
        _, reward, terminated, truncated, _ = worlds.step(DRY)
        assert bool((reward[ended] == 0.0).all())
        assert bool(torch.isfinite(reward).all())
        assert bool(terminated[ended].all())
        assert not bool((terminated & truncated).any())
        for old, new in zip(before, worlds.leaves()):
            torch.testing.assert_close(old[ended], new[ended], rtol=0, atol=0)
        ended = terminated | truncated
    assert bool(terminated.all())


def test_a_lane_reset_after_its_end_plays_like_a_new_one() -> None:
    worlds, single = _disabled(TankModel()), ScenariumEnv(TankModel())
    worlds.reset(seed=0)
    for _ in range(25):
        worlds.step(DRY)
    worlds.reset(options={"reset_mask": np.arange(N) == 2})
    single.reset(seed=2 + N)
    for _ in range(2):
        seen, reward, terminated, _, _ = single.step(DRY[0])
        observations, rewards, flags, _, _ = worlds.step(DRY)
        np.testing.assert_allclose(observations[2], seen, atol=1e-5)
        assert float(rewards[2]) == pytest.approx(reward, abs=1e-5)
        assert bool(flags[2]) == terminated
        assert bool(flags[[0, 1, 3, 4, 5]].all())
        if terminated:
            break


@pytest.mark.parametrize("model", [PanelModel(), SaleModel()])
def test_lanes_at_the_horizon_are_truncated_not_terminated_and_ask_for_no_later_period(model: Model) -> None:
    worlds = _disabled(model)
    worlds.reset(seed=2**40)
    action = np.zeros((N, *(model.action_space.shape or ())), model.action_space.dtype)
    for t in range(model.horizon + 200):
        _, reward, terminated, truncated, _ = worlds.step(action)
        assert not bool(terminated.any())
        assert bool(truncated.all()) == bool(truncated.any()) == (t + 1 >= model.horizon)
        assert bool((reward == 0.0).all()) or t < model.horizon
    assert worlds.time.tolist() == [model.horizon] * N


def test_an_episode_counts_once_however_long_its_lane_waits() -> None:
    env = wrappers.TimeAwareObservation(wrappers.RecordEpisodeStatistics(_disabled(TankModel())))
    env.reset(seed=0)
    lengths = torch.zeros(N)
    for _ in range(30):
        observation, _, terminated, truncated, info = env.step(torch.as_tensor(DRY))
        lengths = torch.where(info["_episode"], info["episode"]["l"], lengths)
        assert all(torch.equal(a, b) for a, b in zip(tree_leaves(observation), tree_leaves(info["final_obs"])))
        assert float(observation[:, -1].max()) <= 1.0
    assert env.env.episodes == N
    assert env.env.mean_length == pytest.approx(float(lengths.mean()))
    env.reset(options={"reset_mask": np.arange(N) == 0})
    for _ in range(30):
        env.step(torch.as_tensor(DRY))
    assert env.env.episodes == N + 1


def test_lanes_in_lockstep_cannot_be_reset_one_by_one() -> None:
    worlds = ScenariumVectorEnv(SaleModel(), N, "cpu")
    worlds.reset(seed=0)
    with pytest.raises(ScenariumError, match="autoreset_mode='disabled'"):
        worlds.reset(options={"reset_mask": np.arange(N) == 0})
    assert float(worlds.step(DRY)[1].sum()) == 0.0


def test_the_last_picture_shows_the_period_the_world_ended_in() -> None:
    env, played, terminated = ScenariumEnv(Clock(), "rgb_array"), 0, False
    env.reset(seed=0)
    while not terminated:
        terminated, played = env.step(DRY[0])[2], played + 1
    assert env.render() == played < env.horizon
    with pytest.raises(ScenariumError, match="call reset"):
        env.step(DRY[0])


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("width", [1, 6])
def test_actions_that_are_not_finite_are_refused_without_a_warning(value: float, width: int) -> None:
    model = TankModel()
    model.action_space = type(model.action_space)(-1.0, 1.0, (width,), np.float32)
    env = ScenariumEnv(model)
    env.reset(seed=0)
    action = np.zeros(width, np.float32)
    action[-1] = value
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ScenariumError, match="TankModel expects finite"):
            env.step(action)


@pytest.mark.parametrize("action", ["abc", {}, [[1.0], [1.0, 2.0]]])
def test_actions_that_are_not_numbers_are_refused(action: Any) -> None:
    env = ScenariumEnv(TankModel())
    env.reset(seed=0)
    with pytest.raises(ScenariumError, match=r"not numbers; TankModel expects \(1,\)"):
        env.step(action)


@pytest.mark.parametrize("action", [12, -1, 1.5, True, None, [3]])
def test_discrete_actions_of_one_world_are_checked(action: Any) -> None:
    env = ScenariumEnv(PanelModel())
    env.reset(seed=0)
    with pytest.raises(ScenariumError, match=r"^PanelModel: action .*Discrete\(12\)"):
        env.step(action)


@pytest.mark.parametrize(
    ("actions", "message"),
    [([12, 0], "out of range"), ([0, -1], "out of range"), ([1.0, 0.0], "float32"), ([True, False], "bool")],
)
def test_discrete_actions_of_many_worlds_are_checked(actions: Any, message: str) -> None:
    worlds = ScenariumVectorEnv(PanelModel(), 2, "cpu")
    worlds.reset(seed=0)
    with pytest.raises(ScenariumError, match=f"{message}.*PanelModel expects"):
        worlds.step(torch.tensor(actions))
    assert worlds.step(torch.tensor([11, 0]))[1].shape == (2,)


@pytest.mark.parametrize("steps", [0, -1])
def test_episodes_have_at_least_one_step(steps: int) -> None:
    makers = (
        lambda: ScenariumEnv(TankModel(), max_episode_steps=steps),
        lambda: ScenariumVectorEnv(TankModel(), 2, "cpu", max_episode_steps=steps),
        lambda: ScenariumParallelEnv(CrewModel(), max_episode_steps=steps),
    )
    for make in makers:
        with pytest.raises(ScenariumError, match=f"max_episode_steps is {steps}; it must be >= 1"):
            make()


def test_devices_that_are_unknown_or_absent_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert ScenariumVectorEnv(TankModel(), 2, "auto").device.type == "cpu"
    for device, message in (("cuda", "is not there"), ("gpu", "is unknown")):
        with pytest.raises(ScenariumError, match=message):
            ScenariumVectorEnv(TankModel(), 2, device)
