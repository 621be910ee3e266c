"""Tensor wrappers: exact numbers, in lockstep and where lanes end at different times."""

from __future__ import annotations

import itertools

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from toy_panel import PanelModel
from toy_tank import TankModel

import scenarium  # noqa: F401
from scenarium.envs import ScenariumError
from scenarium.envs.core import wrappers
from scenarium.envs.core.vector import ScenariumVectorEnv

N = 8


def tanks(**options):
    return ScenariumVectorEnv(TankModel(), N, "cpu", **options)


def networks(**options):
    return gym.make_vec("InventoryNet-v0", num_envs=N, device="cpu", **options)


def panels():
    return ScenariumVectorEnv(PanelModel(), N, "cpu")


def nested():
    model = PanelModel()
    model.observation_space = spaces.Dict({"a": model.observation_space})
    return ScenariumVectorEnv(model, N, "cpu")


def _play(env, steps, seed=0):
    observation, _ = env.reset(seed=seed)
    action = torch.zeros((N, *env.single_action_space.shape))
    if not isinstance(env.single_action_space, spaces.Box):
        action = action.long()
    seen = [(observation, None, None, None)]
    for _ in range(steps):
        observation, reward, terminated, truncated, info = env.step(action)
        seen.append((observation, reward, terminated | truncated, info))
    return seen


def test_episode_statistics_are_the_sums_of_rewards_between_ends():
    plain, recorded = _play(tanks(), 60), _play(wrappers.RecordEpisodeStatistics(tanks()), 60)
    returns, lengths, ended = torch.zeros(N, dtype=torch.float64), torch.zeros(N), 0
    for (_, reward, done, _), (_, _, _, info) in zip(plain[1:], recorded[1:], strict=True):
        returns, lengths = returns + reward, lengths + 1
        assert (info["_episode"] == done).all()
        torch.testing.assert_close(info["episode"]["r"], returns)
        assert (info["episode"]["l"] == lengths).all()
        ended += int(done.sum())
        returns, lengths = returns * ~done, lengths * ~done
    assert ended > 2 * N


def test_episodes_are_counted():
    env = wrappers.RecordEpisodeStatistics(tanks())
    done = sum(int(step[2].sum()) for step in _play(env, 30)[1:])
    assert env.episodes == done > 0


def test_running_means_are_over_the_episodes_that_ended():
    env = wrappers.RecordEpisodeStatistics(tanks())
    assert np.isnan(env.mean_return)
    infos = [step[3] for step in _play(env, 60)[1:]]
    returns = torch.cat([info["episode"]["r"][info["_episode"]] for info in infos])
    lengths = torch.cat([info["episode"]["l"][info["_episode"]] for info in infos])
    assert len(lengths.unique()) > 1
    assert env.mean_return == pytest.approx(float(returns.mean()))
    assert env.mean_length == pytest.approx(float(lengths.double().mean()))


def test_a_partial_reset_restarts_its_lanes_only():
    counted = wrappers.RecordEpisodeStatistics(tanks(autoreset_mode="disabled"))
    scaled = wrappers.NormalizeReward(counted)
    env = wrappers.NormalizeObservation(scaled)
    _play(env, 2)
    kept, seen = scaled._returns.clone(), int(env.state_dict()[".count"])
    mask = np.arange(N) < 3
    env.reset(options={"reset_mask": mask})
    assert seen == 3 * N
    assert int(env.state_dict()[".count"]) == seen + 3
    assert scaled._returns.tolist() == [0.0] * 3 + kept[3:].tolist()
    info = env.step(torch.zeros(N, 1))[4]
    assert info["episode"]["l"].tolist() == [1] * 3 + [3] * (N - 3)
    env.reset(seed=0)
    assert not scaled._returns.any()


def test_observations_are_normalised_by_everything_seen():
    plain, normal = _play(tanks(), 40), _play(wrappers.NormalizeObservation(tanks()), 40)
    seen = torch.cat([step[0] for step in plain]).double()
    last = (plain[-1][0] - seen.mean(0)) / (seen.var(0, unbiased=False) + 1e-8).sqrt()
    torch.testing.assert_close(normal[-1][0], last.float(), rtol=1e-4, atol=1e-4)
    final = (plain[-1][3]["final_obs"] - seen.mean(0)) / (seen.var(0, unbiased=False) + 1e-8).sqrt()
    torch.testing.assert_close(normal[-1][3]["final_obs"], final.float(), rtol=1e-4, atol=1e-4)


def test_dicts_are_normalised_and_statistics_freeze_and_move():
    env = wrappers.NormalizeObservation(networks())
    _play(env, 30)
    state = {name: tensor.clone() for name, tensor in env.state_dict().items()}
    env.update = False
    frozen = _play(env, 5)
    assert all((env.state_dict()[name] == tensor).all() for name, tensor in state.items())
    other = wrappers.NormalizeObservation(networks())
    other.load_state_dict(state)
    other.update = False
    torch.testing.assert_close(_play(other, 5)[-1][0], frozen[-1][0])


def test_rewards_are_scaled_by_the_spread_of_the_discounted_return():
    gamma, returns, seen = 0.9, torch.zeros(N, dtype=torch.float64), []
    plain, scaled = _play(tanks(), 25), _play(wrappers.NormalizeReward(tanks(), gamma), 25)
    for (_, reward, done, _), (_, found, _, _) in zip(plain[1:], scaled[1:], strict=True):
        returns = returns * gamma + reward
        seen.append(returns)
        expected = reward / (torch.cat(seen).var(unbiased=False) + 1e-8).sqrt()
        torch.testing.assert_close(found, expected.float(), rtol=1e-4, atol=1e-5)
        returns = returns * ~done


def test_reward_statistics_freeze_and_move():
    env = wrappers.NormalizeReward(tanks())
    _play(env, 10)
    state = env.state_dict()
    other = wrappers.NormalizeReward(tanks())
    other.load_state_dict(state)
    other.update = False
    found, plain = _play(other, 5), _play(tanks(), 5)
    spread = (state["squares"] / state["count"] + 1e-8).sqrt()
    torch.testing.assert_close(found[-1][1], (plain[-1][1] / spread).float())
    assert other.state_dict()["count"] == state["count"] == 10 * N


def test_one_sample_has_no_spread_to_divide_by():
    env = wrappers.NormalizeReward(ScenariumVectorEnv(TankModel(), 1, "cpu"))
    env.reset(seed=0)
    plain = ScenariumVectorEnv(TankModel(), 1, "cpu")
    plain.reset(seed=0)
    torch.testing.assert_close(env.step(torch.ones(1, 1))[1], plain.step(torch.ones(1, 1))[1])


def test_actions_are_rescaled_to_the_box():
    env = wrappers.RescaleAction(networks(action_mode="quantity"))
    high = torch.as_tensor(env.env.single_action_space.high)
    torch.testing.assert_close(env.action(torch.ones(N, 6)), high.expand(N, 6))
    torch.testing.assert_close(env.action(torch.zeros(N, 6)), 0.5 * high.expand(N, 6))
    torch.testing.assert_close(env.action(torch.full((N, 6), -3.0)), torch.zeros(N, 6))


def test_levels_span_the_box_and_menus_are_looked_up():
    env = wrappers.DiscretizeAction(networks(), levels=5)
    assert env.single_action_space == spaces.MultiDiscrete([5] * 6)
    torch.testing.assert_close(env.action(torch.full((N, 6), 1)), torch.full((N, 6), -0.5))
    one = wrappers.DiscretizeAction(tanks(), levels=3)
    assert one.single_action_space == spaces.Discrete(3)
    torch.testing.assert_close(one.action(torch.arange(N) % 3)[:3], torch.tensor([[-1.0], [0.0], [1.0]]))
    menu = wrappers.DiscretizeAction(tanks(), menu=[[0.25], [0.5]])
    torch.testing.assert_close(menu.action(torch.tensor([0, 1] * 4))[:2], torch.tensor([[0.25], [0.5]]))
    assert _play(menu, 3)[-1][1].shape == (N,)


def test_flat_observations_keep_the_order_of_the_space():
    env = wrappers.FlattenObservation(networks())
    flat = _play(env, 3)[-1]
    parts = _play(networks(), 3)[-1]
    joined = torch.cat([part.reshape(N, -1) for part in parts[0].values()], 1)
    torch.testing.assert_close(flat[0], joined)
    assert flat[0].shape == (N, *env.single_observation_space.shape)


def test_the_clock_starts_anew_with_each_lane_and_final_observations_show_their_time():
    env = wrappers.TimeAwareObservation(tanks())
    t = torch.zeros(N)
    for observation, _, done, info in _play(env, 50)[1:]:
        t = t + 1
        torch.testing.assert_close(info["final_obs"][:, -1], t / 20)
        t = t * ~done
        torch.testing.assert_close(observation[:, -1], t / 20)
    both = wrappers.TimeAwareObservation(networks(max_episode_steps=4))
    seen = _play(both, 4)[-1]
    assert seen[0]["time"].unique().tolist() == [0.0]
    assert seen[3]["final_obs"]["time"].unique().tolist() == [1.0]


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_order_does_not_matter_to_flags_and_statistics(order):
    kinds = (
        wrappers.RecordEpisodeStatistics,
        wrappers.TimeAwareObservation,
        wrappers.NormalizeObservation,
        lambda env: wrappers.DiscretizeAction(env, levels=3),
    )
    env, plain = tanks(), tanks()
    for k in order:
        env = kinds[k](env)
    observation, _ = env.reset(seed=0)
    plain.reset(seed=0)
    for _ in range(25):
        observation, reward, terminated, truncated, info = env.step(torch.zeros(N, dtype=torch.int64))
        _, expected, *flags, below = plain.step(torch.full((N, 1), -1.0))
        torch.testing.assert_close((reward, terminated, truncated), (expected, *flags))
        assert torch.equal(info["_final_obs"], below["_final_obs"])
        assert torch.equal(info["_episode"], below["_final_obs"])
        assert observation.shape == info["final_obs"].shape == env.observation_space.shape == (N, 4)


def test_wrappers_stack():
    env = networks(max_episode_steps=5)
    for wrap in (wrappers.RecordEpisodeStatistics, wrappers.FlattenObservation, wrappers.TimeAwareObservation):
        env = wrap(env)
    env = wrappers.NormalizeReward(wrappers.NormalizeObservation(env))
    last = _play(env, 7)[5]
    assert last[2].all()
    assert last[0].shape == last[3]["final_obs"].shape == (N, *env.single_observation_space.shape)
    assert last[3]["episode"]["l"].unique().tolist() == [5]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: wrappers.RescaleAction(networks(action_mode="integer")), "needs a bounded Box"),
        (lambda: wrappers.DiscretizeAction(tanks()), "either levels or a menu"),
        (lambda: wrappers.DiscretizeAction(tanks(), levels=1), "at least 2"),
        (lambda: wrappers.DiscretizeAction(tanks(), menu=[[1.0, 2.0]]), "menu has shape"),
        (lambda: wrappers.DiscretizeAction(tanks(), menu=[[1.5]]), "outside the Box"),
        (lambda: wrappers.DiscretizeAction(tanks(), menu=[[np.nan]]), "not finite"),
        (lambda: wrappers.DiscretizeAction(tanks(), menu=[[0.0], "x"]), "menu must be a list of actions"),
        (lambda: wrappers.DiscretizeAction(panels(), levels=3), r"not Discrete\(12\)"),
        (lambda: wrappers.TimeAwareObservation(wrappers.TimeAwareObservation(networks())), "entry 'time' already"),
        (lambda: wrappers.NormalizeObservation(nested()), "needs a Box or a Dict of Boxes"),
        (lambda: wrappers.FlattenObservation(nested()), "needs Boxes"),
        (lambda: wrappers.FlattenObservation(tanks(to_numpy=True)), "works on tensors"),
        (lambda: wrappers.RecordEpisodeStatistics(gym.make_vec("CartPole-v1", 2)), "wraps ScenariumVectorEnv"),
    ],
)
def test_refusals(make, message):
    with pytest.raises(ScenariumError, match=message):
        make()


@pytest.mark.parametrize("options", [{"levels": 3}, {"menu": [[0.0], [0.5], [1.0]]}])
@pytest.mark.parametrize(
    ("action", "message"),
    [
        (torch.full((N,), 3), "integers from 0 to 2"),
        (torch.full((N,), -1), "integers from 0 to 2"),
        (torch.zeros(N), "expects integers"),
        (torch.zeros(N + 1, dtype=torch.int64), "expects integers"),
    ],
)
def test_bad_choices_are_refused(options, action, message):
    env = wrappers.DiscretizeAction(tanks(), **options)
    env.reset(seed=0)
    with pytest.raises(ScenariumError, match=message):
        env.step(action)


def test_gymnasiums_own_wrappers_serve_single_worlds_and_arrays():
    env = gym.wrappers.RecordEpisodeStatistics(gym.wrappers.FlattenObservation(gym.make("InventoryNet-v0", horizon=3)))
    env = gym.wrappers.RescaleAction(env, -2.0, 2.0)
    env.reset(seed=0)
    steps = [env.step(np.zeros(6, np.float32)) for _ in range(3)]
    assert steps[-1][4]["episode"]["l"] == 3
    worlds = gym.wrappers.vector.RecordEpisodeStatistics(
        gym.make_vec("InventoryNet-v0", num_envs=2, to_numpy=True, max_episode_steps=3)
    )
    worlds.reset(seed=0)
    infos = [worlds.step(np.zeros((2, 6), np.float32))[4] for _ in range(3)]
    assert infos[-1]["episode"]["l"].tolist() == [3, 3]


def test_a_panel_is_not_touched_by_wrapping():
    env = wrappers.RecordEpisodeStatistics(ScenariumVectorEnv(PanelModel(), N, "cpu"))
    plain = ScenariumVectorEnv(PanelModel(), N, "cpu")
    torch.testing.assert_close(_play(env, 3)[-1][1], _play(plain, 3)[-1][1])
