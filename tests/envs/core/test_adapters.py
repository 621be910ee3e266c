"""The toys in other libraries' hands: Gymnasium, Stable-Baselines3, PettingZoo."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env as gymnasium_check
from pettingzoo.test import parallel_api_test, parallel_seed_test
from stable_baselines3 import PPO
from stable_baselines3.common.env_checker import check_env as sb3_check
from toy_crew import CLOCK, CrewModel
from toy_draws import zero
from toy_memory import memory_model
from toy_panel import PanelModel
from toy_sale import SaleModel
from toy_tank import TankModel

from scenarium.envs.core.embedded import WithPolicies
from scenarium.envs.core.env import ScenariumEnv
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.fingerprint import scripted_action
from scenarium.envs.core.model import Model, Outcome
from scenarium.envs.core.parallel import ScenariumParallelEnv
from scenarium.envs.core.sb3 import ScenariumVecEnv, make_vec_env
from scenarium.envs.core.vector import ScenariumVectorEnv

LONE = {"tank": TankModel(), "panel": PanelModel(), "memory": memory_model(), "sale": SaleModel()}


class Fixed:
    """A planner who always wants the same, for the other half of the crew's problem."""

    def initial(self, scenario: Any, xp: Any) -> Any:
        return None

    def act(self, observation: Any, memory: Any, mask: Any, t: Any, xp: Any) -> tuple[Any, Any]:
        return xp.cast(observation[..., 0] * 0.0 + 2.0, "index"), None


class SoloModel(Model):
    """One masked agent: take 0, 1 or 2 from what is left of 5."""

    terminates = True
    horizon = 6

    def __init__(self) -> None:
        self.observation_space, self.action_space = spaces.Box(0.0, 5.0, (1,), np.float32), spaces.Discrete(3)

    def scenario(self, seeds: Any) -> Any:
        return PanelModel().scenario(seeds)

    def initial(self, scenario: Any, xp: Any) -> Any:
        return zero(scenario, xp, "int") + 5

    def step(self, state: Any, action: Any, exogenous: Any, t: Any, xp: Any) -> Any:
        left = state - xp.cast(action, "int")
        return left, Outcome(xp.cast(action, "float"), left <= 0, {})

    def observe(self, state: Any, past: Any, t: Any, xp: Any) -> Any:
        return xp.cast(state, "float")[..., None]

    def action_mask(self, state: Any, t: Any, xp: Any) -> Any:
        return xp.constant(range(3), "int") <= state[..., None]


@pytest.mark.parametrize("name", LONE)
@pytest.mark.parametrize("check", [gymnasium_check, sb3_check])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_checkers_accept_the_single_world(name: str, check: Callable[..., None]) -> None:
    check(ScenariumEnv(LONE[name]))


@pytest.mark.parametrize("name", LONE)
def test_vec_env_gives_what_stable_baselines_expects(name: str) -> None:
    model = LONE[name]
    venv, single = make_vec_env(model, 3, seed=20), ScenariumEnv(model)
    observation, dones, t = venv.reset(), np.zeros(3, bool), 0
    single.reset(seed=21)
    while not dones[1]:
        action = scripted_action(model, t)
        observation, rewards, dones, infos = venv.step(np.stack([action] * 3))
        seen, reward, terminated, truncated, _ = single.step(action)
        assert rewards.dtype == np.float32
        assert dones.dtype == bool
        assert [type(info) for info in infos] == [dict] * 3
        assert float(rewards[1]) == pytest.approx(reward, abs=1e-5)
        t += 1
    assert infos[1]["TimeLimit.truncated"] is truncated
    assert terminated != truncated
    assert all(("terminal_observation" in info) == done for info, done in zip(infos, dones))
    first = single.reset(seed=24)[0]
    for now, then, final, last in zip(*map(_flat, (_lane(observation), first, infos[1]["terminal_observation"], seen))):
        assert now.dtype == final.dtype == np.float32
        np.testing.assert_allclose(now, then, atol=1e-5)
        np.testing.assert_allclose(final, last, atol=1e-5)


def _flat(observation: Any) -> list[Any]:
    return list(observation.values()) if isinstance(observation, dict) else [observation]


def _lane(observation: Any) -> Any:
    return {k: v[1] for k, v in observation.items()} if isinstance(observation, dict) else observation[1]


def test_seed_takes_effect_at_the_next_reset() -> None:
    venv = make_vec_env(TankModel(), 2, seed=3)
    assert isinstance(venv, ScenariumVecEnv)
    venv.reset()
    assert venv.envs.seeds is not None
    assert venv.seed(9) == [9, 10]
    assert venv.envs.seeds.tolist() == [3, 4]
    venv.reset()
    assert venv.envs.seeds.tolist() == [9, 10]
    venv.reset()
    assert venv.envs.seeds.tolist() == [11, 12]


def test_attributes_and_methods_are_per_lane() -> None:
    venv = make_vec_env(SoloModel(), 3)
    venv.reset()
    assert venv.get_attr("horizon", [0, 2]) == [6, 6]
    assert venv.get_attr("render_mode") == [None] * 3
    assert venv.has_attr("action_masks")
    assert not venv.has_attr("no_such_thing")
    assert venv.env_is_wrapped(gymnasium.Wrapper) == [False] * 3
    for action in ([2, 0, 2], [2, 1, 1]):
        _, _, _, infos = venv.step(np.array(action))
    masks = np.stack(venv.env_method("action_masks"))
    assert masks.tolist() == [[True, True, False], [True] * 3, [True] * 3]
    np.testing.assert_array_equal(masks, np.stack([info["action_mask"] for info in infos]))
    assert len(venv.env_method("action_masks", indices=[1])) == 1
    with pytest.raises(ScenariumError, match="all lanes at once"):
        venv.set_attr("horizon", 3, [0])
    venv.set_attr("horizon", 3)
    _, _, dones, infos = venv.step(np.array([0, 0, 0]))
    assert dones.all()
    assert infos[2]["TimeLimit.truncated"]


def test_a_real_end_is_not_reported_as_a_time_limit() -> None:
    model = SaleModel(horizon=1)
    model.time_limit_is_terminal = True
    venv = make_vec_env(model, 1)
    venv.reset()
    _, _, dones, infos = venv.step(np.zeros((1, 1), np.float32))
    assert dones[0]
    assert infos[0]["TimeLimit.truncated"] is False


def test_worlds_that_do_not_reset_themselves_are_refused() -> None:
    with pytest.raises(ScenariumError, match="same_step"):
        ScenariumVecEnv(ScenariumVectorEnv(TankModel(), 2, "cpu", autoreset_mode="disabled"))


@pytest.mark.parametrize(("name", "policy"), [("tank", "MlpPolicy"), ("panel", "MultiInputPolicy")])
def test_ppo_learns_on_it(name: str, policy: str) -> None:
    agent = PPO(policy, make_vec_env(LONE[name], 4), n_steps=32, batch_size=64, n_epochs=1, seed=0, device="cpu")
    before = agent.policy.state_dict()["value_net.weight"].clone()
    agent.learn(256)
    assert agent.num_timesteps == 256
    assert bool((agent.policy.state_dict()["value_net.weight"] != before).any())


def test_pettingzoo_accepts_the_parallel_world() -> None:
    for make in (lambda: ScenariumParallelEnv(CrewModel()), lambda: ScenariumParallelEnv(SoloModel())):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            parallel_api_test(make(), num_cycles=60)
            parallel_seed_test(make)


def test_parallel_agents_are_the_roles_stacked() -> None:
    env, model = ScenariumParallelEnv(CrewModel()), CrewModel()
    assert env.possible_agents == ["planner", "worker_0", "worker_1"]
    assert env.observation_space("worker_0") is env.observation_space("worker_0")
    assert env.action_space("worker_1").n == 4
    observations, _ = env.reset(seed=8)
    scenario, xp = model.scenario(8), model.scenario(8).xp
    state = model.initial(scenario, xp)
    for t in range(5):
        for agent in env.agents:
            assert env.observation_space(agent).contains(observations[agent])
        state, outcome = model.step(state, scripted_action(model, t), scenario.at(t), t, xp)
        action = scripted_action(model, t)
        both = {f"worker_{i}": action["worker"][i] for i in range(2)}
        observations, rewards, _, _, _ = env.step({"planner": action["planner"], **both})
        assert rewards["planner"] == pytest.approx(float(outcome.reward["planner"]))
        assert rewards["worker_1"] == pytest.approx(float(outcome.reward["worker"][1]))
        np.testing.assert_array_equal(observations["worker_0"]["observation"][0], state.queues[0])
        np.testing.assert_array_equal(observations["worker_1"]["action_mask"], np.arange(4) <= state.queues[1])


def test_actions_off_the_clock_are_ignored_or_left_out() -> None:
    first, second = ScenariumParallelEnv(CrewModel()), ScenariumParallelEnv(CrewModel())
    first.reset(seed=1)
    second.reset(seed=1)
    for t in range(CLOCK + 1):
        workers = {"worker_0": 1, "worker_1": 1}
        a = first.step({"planner": 2, **workers})
        b = second.step({"planner": 2 if t % CLOCK == 0 else 4, **workers} if t % 2 == 0 else workers)
        assert a[1] == b[1]
    with pytest.raises(ScenariumError, match="no action for 'worker_1'"):
        first.step({"planner": 2, "worker_0": 1})
    with pytest.raises(ScenariumError, match="'boss' is not an agent"):
        first.step({"boss": 2, **workers})
    with pytest.raises(ScenariumError, match="out of range"):
        first.step({"worker_0": 4, "worker_1": 1})


def test_parallel_worlds_follow_each_other_and_end_for_everybody() -> None:
    env = ScenariumParallelEnv(CrewModel(room=50), max_episode_steps=3)
    for options, world in (({"seed": 7}, 7), ({}, 8), ({}, 9)):
        env.reset(**options)
        assert env.world == world
    for _ in range(3):
        _, _, terminated, truncated, _ = env.step({"planner": 0, "worker_0": 0, "worker_1": 0})
    assert env.agents == []
    assert set(truncated.values()) == {True}
    assert set(terminated.values()) == {False}
    with pytest.raises(ScenariumError, match="call reset"):
        env.step({})


def test_either_role_can_be_the_agent() -> None:
    model = WithPolicies(CrewModel(room=50), "worker", {"planner": Fixed()})
    assert model.roles[0].count == 2
    env = ScenariumParallelEnv(model)
    assert env.possible_agents == ["worker_0", "worker_1"]
    parallel_api_test(env, num_cycles=40)
    view = ScenariumParallelEnv(CrewModel(room=50))
    env.reset(seed=2)
    view.reset(seed=2)
    for _ in range(4):
        mine = env.step({"worker_0": 1, "worker_1": 0})
        whole = view.step({"planner": 2, "worker_0": 1, "worker_1": 0})
        assert mine[1] == {agent: reward for agent, reward in whole[1].items() if agent != "planner"}


def test_several_agents_are_refused_where_one_is_meant() -> None:
    for make in (ScenariumEnv, ScenariumVectorEnv):
        with pytest.raises(ScenariumError, match="several agents"):
            make(CrewModel())


def test_a_family_may_renew_its_scenario_lane_by_lane():
    """What a rolled-out scenario needs: the old handle, all seeds, and which lanes are new."""
    calls = []

    class Renewing(TankModel):
        def renew(self, scenario, seeds, mask):
            calls.append((scenario.seeds.clone(), seeds.clone(), mask.clone()))
            return super().renew(scenario, seeds, mask)

    env = ScenariumVectorEnv(Renewing(), 4, "cpu")
    env.reset(seed=0)
    for _ in range(25):
        env.step(torch.full((4, 1), -1.0))
    assert calls
    for before, after, mask in calls:
        assert (after[mask] == before[mask] + 4).all()
        assert (after[~mask] == before[~mask]).all()
