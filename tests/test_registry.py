"""Every registered id, walked: a new one is tested without anyone remembering."""

from __future__ import annotations

import functools
import json
import re
import subprocess
import sys

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env as gymnasium_check
from stable_baselines3.common.env_checker import check_env as sb3_check

import scenarium
from scenarium.envs import ScenariumError, entries, make_model
from scenarium.envs.core.fingerprint import fingerprint, same_fingerprint, scripted_action
from scenarium.envs.core.namespace import torch_namespace
from scenarium.envs.core.rollout import replay, unroll
from scenarium.envs.core.tree import tree_leaves, tree_map
from scenarium.envs.table import TABLE

IDS = list(entries())
_DEFAULT = ("InventoryNet-v0", "InventoryNet-OneWarehouse-v0")
SAME = dict.fromkeys(_DEFAULT, _DEFAULT)
"""Ids that are the same problem unless told otherwise."""
print_of = functools.cache(lambda env_id: fingerprint(make_model(env_id)))
pytestmark = pytest.mark.parametrize("env_id", IDS)


def make_trial(env_id):
    """The problem, or the world of the same structure that it names for short trials."""
    return make_model(env_id, **entries()[env_id].trial)


def _numbers(tree):
    return np.concatenate([np.asarray(leaf, np.float64).ravel() for leaf in tree_leaves(tree)])


def _one(model, seed, periods=15):
    def act(observation, memory, t):
        return scripted_action(model, t), None

    return list(unroll(model, model.scenario(seed), act, min(periods, model.horizon)))


def _many(model, seeds, periods=15):
    def act(observation, memory, t):
        one = torch.as_tensor(scripted_action(model, t))
        return one.expand(len(seeds), *one.shape), None

    return list(unroll(model, model.scenario(torch.tensor(seeds)), act, min(periods, model.horizon)))


def test_same_seed_same_world_and_another_seed_another(env_id):
    model = make_trial(env_id)
    first, again, other = (_one(model, seed) for seed in (7, 7, 8))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(_numbers(a.observation), _numbers(b.observation))
    assert any(_differ(a, b) for a, b in zip(first, other, strict=True)) == model.chance


def _differ(a, b):
    """Whether two moments show different rewards or observations."""
    same = np.array_equal(_numbers(a.observation), _numbers(b.observation))
    return float(a.outcome.reward) != float(b.outcome.reward) or not same


def test_one_world_is_each_lane_of_a_batch(env_id):
    model = make_trial(env_id)
    seeds = [3, 2**40 + 1, 11]
    batch = _many(model, seeds)
    for lane, seed in enumerate(seeds):
        for one, many in zip(_one(model, seed), batch, strict=True):
            mine = tree_map(lambda leaf: leaf[lane], many.observation)  # noqa: B023
            np.testing.assert_allclose(_numbers(mine), _numbers(one.observation), rtol=2e-5, atol=2e-4)
            assert float(many.outcome.reward[lane]) == pytest.approx(float(one.outcome.reward), rel=1e-4, abs=1e-3)


def test_a_lane_does_not_depend_on_its_neighbours(env_id):
    model = make_trial(env_id)
    narrow, wide = _many(model, [5]), _many(model, [1, 5, 9])
    for a, b in zip(narrow, wide, strict=True):
        assert float(a.outcome.reward[0]) == pytest.approx(float(b.outcome.reward[1]), rel=1e-5)


def _spliced(model, seed, other, cut):
    """The scenario of one seed whose draws from period `cut` on are those of another."""
    mine, theirs = model.scenario(seed), model.scenario(other)
    kind, name = type(mine), "draw" if hasattr(type(mine), "draw") else "at"

    def draw(self, first, length):
        here, there = kind.draw(self, first, length), kind.draw(theirs, first, length)
        late = np.arange(first, first + length) >= cut
        return tree_map(lambda a, b: np.where(late.reshape(-1, *(1,) * (np.ndim(a) - 1)), b, a), here, there)

    def at(self, t):
        return kind.at(theirs if t >= cut else self, t)

    mine.__class__ = type("Spliced", (kind,), {name: draw if name == "draw" else at})
    return mine


def test_nothing_leaks_from_the_future(env_id):
    model, seed = make_trial(env_id), 4
    cut = min(6, model.horizon - 1)
    plain = _one(model, seed)

    def act(observation, memory, t):
        return scripted_action(model, t), None

    changed = list(unroll(model, _spliced(model, seed, 1004, cut), act, len(plain)))
    seen = [np.array_equal(_numbers(a.observation), _numbers(b.observation)) for a, b in zip(plain, changed)]
    assert not any(seen[cut + 1 :])
    for before, after in zip(plain, changed, strict=True):
        if before.t <= cut:
            np.testing.assert_array_equal(_numbers(before.observation), _numbers(after.observation))
        if before.t < cut:
            assert float(before.outcome.reward) == float(after.outcome.reward)


def test_an_episode_replays_from_seed_and_actions(env_id):
    model = make_trial(env_id)
    moments = _one(model, 9)
    again = replay(model, 9, [moment.action for moment in moments])
    assert [float(m.outcome.reward) for m in moments] == [float(m.outcome.reward) for m in again]


def test_the_step_traces_as_one_graph_with_a_tensor_clock(env_id):
    model, xp = make_trial(env_id), torch_namespace("cpu")
    scenario = model.scenario(torch.arange(4))
    state = model.initial(scenario, xp)
    action = torch.as_tensor(scripted_action(model, 0))
    action = action.expand(4, *action.shape)
    model.step(state, action, scenario.at(0), 0, xp)
    torch._dynamo.reset()  # the limit on recompilations counts those of all ids
    compiled = torch.compile(lambda s, a, x, t: model.step(s, a, x, t, xp), fullgraph=True, backend="eager")
    traced = compiled(state, action, scenario.at(0), torch.tensor(0))
    plain = model.step(state, action, scenario.at(0), 0, xp)
    np.testing.assert_allclose(_numbers(traced[1].reward), _numbers(plain[1].reward), rtol=1e-6)


def test_it_runs_on_the_meta_device(env_id):
    model = make_trial(env_id)
    seeds = torch.arange(4, device="meta")
    space = model.action_space
    action = torch.zeros(
        (4, *space.shape), device="meta", dtype=torch.float32 if space.dtype.kind == "f" else torch.int64
    )
    moments = list(unroll(model, model.scenario(seeds), lambda o, m, t: (action, None), min(3, model.horizon)))
    assert all(leaf.device.type == "meta" for leaf in tree_leaves(moments[-1].after))
    assert moments[-1].outcome.reward.shape == (4,)


def test_both_checkers_pass(env_id):
    env = gym.make(env_id)
    gymnasium_check(env.unwrapped, skip_render_check=True)
    sb3_check(env.unwrapped, skip_render_check=True)


def test_the_picture_shows_something_and_changes(env_id):
    env = gym.make(env_id, render_mode="rgb_array")
    env.reset(seed=0)
    first = env.render()
    for t in range(min(5, env.unwrapped.horizon)):
        env.step(scripted_action(env.unwrapped.model, t))
    later = env.render()
    assert first.dtype == np.uint8
    assert first.ndim == 3
    assert first.shape[2] == 3
    assert first.std() > 1.0
    assert (first != later).any()


def test_worlds_follow_one_another_on_each_lane(env_id):
    steps = min(2, make_model(env_id).horizon)
    worlds = gym.make_vec(env_id, num_envs=3, device="cpu", max_episode_steps=steps)
    worlds.reset(seed=10)
    action = torch.as_tensor(scripted_action(worlds.model, 0)).expand(3, *worlds.single_action_space.shape)
    assert worlds.seeds.tolist() == [10, 11, 12]
    observations = [worlds.step(action)[0] for _ in range(steps)]
    assert worlds.seeds.tolist() == [13, 14, 15]
    inside = tree_map(lambda leaf: leaf.numpy(), observations)
    assert all(worlds.observation_space.contains(observation) for observation in inside)
    fresh, _ = gym.make_vec(env_id, num_envs=3, device="cpu").reset(seed=13)
    np.testing.assert_array_equal(_numbers(observations[-1]), _numbers(fresh))


def test_both_ways_to_make_it_and_observations_in_their_space(env_id):
    env = gym.make("scenarium:" + env_id)
    observation, _ = env.reset(seed=1)
    assert env.observation_space.contains(observation)
    for t in range(min(3, env.unwrapped.horizon)):
        observation, reward, terminated, truncated, _ = env.step(scripted_action(env.unwrapped.model, t))
        assert env.observation_space.contains(observation)
        assert type(reward) is float
        assert (type(terminated), type(truncated)) == (bool, bool)


def test_bad_actions_and_arguments_are_one_line(env_id):
    env = gym.make(env_id)
    env.reset(seed=0)
    worlds = gym.make_vec(env_id, num_envs=2, device="cpu")
    worlds.reset(seed=0)
    shape, one, many = env.action_space.shape, env.unwrapped.step, worlds.step
    name, both = re.escape(env_id), re.escape(str((2, *shape)))
    if isinstance(env.action_space, gym.spaces.Box):
        bad = {
            f"action has shape .*{name} expects": lambda: one(np.zeros((99,), np.float32)),
            f"{name} expects finite.*{re.escape(str(shape))}": lambda: one(np.full(shape, np.nan, np.float32)),
            f"{name} expect {both}": lambda: many(torch.zeros(2, 99)),
            f"{name} expects finite": lambda: many(torch.full((2, *shape), torch.nan)),
        }
    else:
        bad = {
            f"{name}: action .*is not in .*expected integers": lambda: one(0.5),
            f"{name}: action .*out of range": lambda: one(np.full(shape, 10**6)),
            f"{name} expects integers": lambda: many(torch.full((2, *shape), 0.5)),
            f"out of range; {name} expects": lambda: many(torch.full((2, *shape), 10**6)),
            f"{name} expect {both}": lambda: many(torch.zeros(2, 99, dtype=torch.int64)),
        }
    # A problem of one period has no horizon to set.
    wrong, right = ("horizn", "horizon") if env.unwrapped.horizon > 1 else ("rewrd", "reward")
    bad |= {
        f"{name}: got an unexpected .* '{wrong}'; did you mean '{right}'": lambda: make_model(env_id, **{wrong: 1}),
        f"unknown environment id '{env_id[:-1]}9'; did you mean '{env_id}'": lambda: make_model(env_id[:-1] + "9"),
    }
    for message, call in bad.items():
        with pytest.raises(ScenariumError, match=message) as caught:
            call()
        assert "\n" not in str(caught.value)
    with pytest.raises(ScenariumError, match="unexpected keyword argument"):
        gym.make_vec(env_id, num_envs=2, nonsense=1)
    with pytest.raises(gym.error.UnregisteredEnv):
        gym.make(env_id[:-4] + "x-v0")


def test_titles_and_fingerprints(env_id):
    entry = entries()[env_id]
    assert entry.title
    assert entry not in TABLE or entry.factory.startswith(f"scenarium.envs.{entry.family}.")
    assert entry.factory.startswith(f"scenarium.envs.{entry.family}.") or entry.factory.startswith(entry.family)
    assert same_fingerprint(print_of(env_id), print_of(env_id))
    alike = [other for other in IDS if other != env_id and same_fingerprint(print_of(env_id), print_of(other))]
    assert alike == [other for other in SAME.get(env_id, ()) if other != env_id]


@pytest.fixture(scope="module")
def fingerprints_elsewhere():
    """The fingerprint of every id, computed in another process."""
    code = (
        "import json, scenarium; from scenarium.envs import entries, make_model; "
        "from scenarium.envs.core.fingerprint import fingerprint; "
        "print(json.dumps({id: fingerprint(make_model(id)) for id in entries()}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_two_processes_agree_to_the_last_bit(env_id, fingerprints_elsewhere):
    assert fingerprints_elsewhere[env_id] == print_of(env_id)


def test_the_version_is_stated(env_id):
    assert scenarium.__version__
    assert env_id.rsplit("-v", 1)[1].isdigit()
