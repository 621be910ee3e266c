"""PQN as an agent: what it plays, what it never does, and that a saved one goes on as if nothing had happened."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces
from resumed import goes_on_the_same, same
from torch import nn
from toy_crew import CrewModel
from toy_panel import PanelModel
from toy_tank import TankModel

from scenarium.agents import PQN, PQNRNN
from scenarium.agents.core.sequences import join
from scenarium.envs.core.embedded import WithPolicies
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.model import Model

SMALL: dict[str, Any] = {
    "num_envs": 4, "steps": 8, "epochs": 2, "minibatches": 4, "device": "cpu", "levels": 3,
    "learning_rate": 0.001, "epsilon_fraction": 0.2, "policy_kwargs": {"hidden": (16,), "norm_input": False},
}  # fmt: skip
AGENTS = pytest.mark.parametrize("agent_class", [PQN, PQNRNN])


class Idle:
    def initial(self, scenario: Any, xp: Any) -> None:
        return None

    def act(self, observation: Any, memory: Any, mask: Any, t: Any, xp: Any) -> tuple[Any, None]:
        return xp.cast(observation[..., 0] * 0, "int"), None


def workers(horizon: int = 16, room: int = 5) -> Model:
    """A team of two with action masks, which ends early."""
    return WithPolicies(CrewModel(horizon, room), "worker", {"planner": Idle()})


class Guarded(gymnasium.Env[Any, Any]):
    """Refuses what its mask forbids; two branches of 2 and 3 choices, and an end of either kind after a few steps."""

    metadata: ClassVar[dict[str, Any]] = {"render_modes": []}
    observation_space = spaces.Dict({"clock": spaces.Discrete(7), "noise": spaces.Box(-1.0, 1.0, (2,), np.float32)})
    action_space = spaces.MultiDiscrete([2, 3])

    def _out(self) -> tuple[Any, dict[str, Any]]:
        self.mask = self.np_random.random(5) < 0.5
        self.mask[[self.t % 2, 2 + self.t % 3]] = True
        noise = self.np_random.uniform(-1, 1, 2).astype(np.float32)
        return {"clock": self.t, "noise": noise}, {"action_mask": self.mask}

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.t = 0
        return self._out()

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        assert self.mask[action[0]]
        assert self.mask[2 + action[1]]
        self.t += 1
        seen, info = self._out()
        terminated = bool(self.t == 6 or self.np_random.random() < 0.1)
        return seen, float(action[1]), terminated, self.t == 4 and not terminated, info


@AGENTS
@pytest.mark.parametrize("norm", [{}, {"norm_input": True}, {"norm_type": "batch_norm"}])
@pytest.mark.parametrize("model", [TankModel, PanelModel, workers])
def test_a_saved_agent_goes_on_as_if_nothing_had_happened(
    agent_class: Any, model: Any, norm: dict[str, Any], tmp_path: Path
) -> None:
    settings = {
        **SMALL,
        "policy_kwargs": {"hidden": (16,), "norm_input": False, **norm},
        "learning_rate": "linear 0.01",
    }
    agent = agent_class(model(), seed=3, **settings)
    agent.learn(150)
    goes_on_the_same(agent, model(), tmp_path)


@AGENTS
def test_an_interrupted_run_ends_like_an_uninterrupted_one(agent_class: Any, tmp_path: Path) -> None:
    settings = {**SMALL, "learning_rate": "linear 0.01"}
    whole = agent_class(TankModel(), **settings).learn(400, checkpoint=tmp_path / "whole")
    agent_class(TankModel(), **settings).learn(
        400, lambda agent, metrics: agent.num_timesteps < 150, checkpoint=tmp_path / "part"
    )
    resumed = agent_class(TankModel(), **settings).learn(400, checkpoint=tmp_path / "part", resume=True)
    same(whole, resumed)


@AGENTS
def test_a_seed_fixes_everything_and_another_changes_it(agent_class: Any) -> None:
    first, second, third = (agent_class(TankModel(), seed=s, **SMALL).learn(100) for s in (0, 0, 1))
    same(first, second)
    weights = [next(iter(agent.policy_tensors().values())) for agent in (first, third)]
    assert not torch.equal(*weights)


@AGENTS
def test_masks_are_never_violated(agent_class: Any) -> None:
    agent = agent_class(lambda: Guarded(), **{**SMALL, "epsilon_fraction": 1.0}).learn(800)
    env = Guarded()
    seen, info = env.reset(seed=0)
    memory: Any = None
    for step in range(200):
        action, memory = agent.predict(seen, memory, step == 0, step % 2 == 0, action_masks=info["action_mask"])
        seen, _, terminated, truncated, info = env.step(action)
        if terminated or truncated:
            (seen, info), memory = env.reset(), None


@AGENTS
def test_a_team_learns_as_independent_lanes(agent_class: Any) -> None:
    agent = agent_class(workers(), **SMALL).learn(100)
    assert agent._worlds.num_envs == 4 * 2
    seen, mask = torch.rand(5, 2, 2) * 3, torch.ones(5, 2, 4, dtype=torch.bool)
    mask[..., 2:] = False
    together, _ = agent._act(seen, None, True, mask)
    assert together.shape == (5, 2)
    assert (together < 2).all()
    alone, _ = agent.predict(seen[:, 1], action_masks=mask[:, 1])
    assert torch.equal(together[:, 1], alone)
    assert np.isfinite(agent.mean_reward(range(8)))


@AGENTS
def test_no_choice_of_a_team_in_the_model_breaks_its_mask(agent_class: Any) -> None:
    seen: list[Any] = []

    class Checked(CrewModel):
        def step(self, state: Any, action: Any, exogenous: Any, t: Any, xp: Any) -> Any:
            seen.append((action["worker"] <= state.queues) & (action["worker"] >= 0))
            return super().step(state, action, exogenous, t, xp)

    agent_class(WithPolicies(Checked(), "worker", {"planner": Idle()}), **SMALL).learn(300)
    assert len(seen) >= 8
    assert all(bool(one.all()) for one in seen)


def test_schedules_start_and_end_where_they_should() -> None:
    seen: list[tuple[float, float]] = []
    agent = PQN(TankModel(), **{**SMALL, "learning_rate": "linear 0.5"}, epsilon_start=0.9, epsilon_end=0.1)
    rates: list[Any] = []
    update = agent._learner.update
    agent._learner.update = lambda rate, *batch: rates.append(rate) or update(rate, *batch)  # type: ignore[method-assign]
    original = agent._epsilon
    agent._epsilon = lambda: seen.append((agent.progress, original())) or seen[-1][1]  # type: ignore[method-assign]
    agent.learn(10 * 32)
    epsilon = dict(seen)
    assert epsilon[0.0] == 0.9
    assert epsilon[0.1] == pytest.approx(0.5)  # half of the fraction of 0.2
    assert all(value == pytest.approx(0.1) for progress, value in epsilon.items() if progress >= 0.2)
    assert len(rates) == 10 * 8
    momentum = 1 - 0.9 ** torch.arange(1, 81)
    # The first five steps are plain: the learning rate over the momentum's bias, on a line that hits 0 after step 80.
    for i in range(5):
        assert float(rates[i][0] * momentum[i]) == pytest.approx(0.5 * (1 - i / 80), rel=1e-5)
    assert 0 < float(rates[-1][1]) < float(rates[40][1])


def test_no_decay_of_exploration_means_its_end_from_the_start() -> None:
    agent = PQN(TankModel(), **{**SMALL, "epsilon_fraction": 0.0}, epsilon_end=0.3)
    assert agent._epsilon() == 0.3


class Constant(nn.Module):
    """The same values everywhere, flat."""

    def __init__(self, values: list[float]) -> None:
        super().__init__()
        self.values = nn.Parameter(torch.tensor(values))

    def forward(self, observation: Any) -> torch.Tensor:
        return self.values.expand(len(observation["noise"]), -1)


def test_branches_are_greedy_each_on_its_own() -> None:
    agent = PQN(lambda: Guarded(), Constant([1.0, 2.0, -9.0, 3.0, 5.0, 4.0]), **{**SMALL, "policy_kwargs": {}})
    seen = {"clock": np.zeros(3, np.int64), "noise": np.zeros((3, 2), np.float32)}
    assert agent.predict(seen)[0].tolist() == [[1, 1]] * 3
    mask = np.array([[1, 0, 1, 0, 1]], bool).repeat(3, 0)
    assert agent.predict(seen, action_masks=mask)[0].tolist() == [[0, 2]] * 3


def test_a_module_with_the_wrong_number_of_values_is_refused() -> None:
    agent = PQN(lambda: Guarded(), Constant([1.0, 2.0, 3.0, 4.0, 5.0]), **{**SMALL, "policy_kwargs": {}})
    with pytest.raises(ScenariumError, match=r"expected \(batch, 2, 3\)"):
        agent.learn(1)


def test_a_continuous_action_is_one_of_its_levels_or_of_the_menu() -> None:
    seen = torch.randn(50, 3)
    levels, _ = PQN(TankModel(), **SMALL).predict(seen, deterministic=False)
    assert set(levels[:, 0].tolist()) <= {-1.0, 0.0, 1.0}
    menu, _ = PQN(TankModel(), **SMALL, menu=[[0.25], [0.5]]).predict(seen, deterministic=False)
    assert set(menu[:, 0].tolist()) <= {0.25, 0.5}


def test_truncation_bootstraps_and_a_terminal_limit_does_not() -> None:
    """A reward of 1 for ever is worth 1 / (1 - gamma), wherever a time limit of 5 happens to cut it."""

    class Forever(gymnasium.Env[Any, Any]):
        observation_space = spaces.Box(-1.0, 1.0, (1,), np.float32)
        action_space = spaces.Discrete(1)

        def reset(self, **kwargs: Any) -> tuple[Any, dict[str, Any]]:
            return np.ones(1, np.float32), {}

        def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
            return np.ones(1, np.float32), 1.0, False, False, {}

    def value(agent: PQN) -> float:
        agent.learn(5000)
        return float(agent.network(torch.ones(1, 1)).detach())

    settings = {**SMALL, "gamma": 0.8, "learning_rate": 0.02, "steps": 10, "trace": 0.5}
    assert value(PQN(lambda: gymnasium.wrappers.TimeLimit(Forever(), 5), **settings)) == pytest.approx(5.0, abs=0.3)
    agent = PQN(lambda: gymnasium.wrappers.TimeLimit(Forever(), 5), **settings)
    agent.model.time_limit_is_terminal = True
    assert value(agent) < 4.0


def test_short_episodes_are_cut_off_and_bootstrapped() -> None:
    agent = PQN(TankModel(), **SMALL, episode=3)
    agent._begin()
    rollout = agent._collect()
    ended = rollout.terminated | rollout.truncated
    for lane in ended.T:
        assert lane.unfold(0, 3, 1).any(-1).all()  # an end within every three steps
    assert rollout.truncated.any()
    assert rollout.final is not None
    agent.model.time_limit_is_terminal = True
    assert not agent._limit_is_terminal  # a cut is none of the problem's own ends
    with pytest.raises(ScenariumError, match="TimeLimit"):
        PQN("CartPole-v1", **SMALL, episode=3).learn(1)


def test_memory_is_cleared_where_an_episode_starts() -> None:
    agent = PQNRNN(TankModel(), **SMALL).learn(100)
    seen = torch.randn(6, 3)
    _, memory = agent.predict(seen)
    assert memory["hidden"].abs().sum() > 0
    starts = torch.tensor([True, False] * 3)
    _, fresh = agent.predict(seen)
    _, after = agent.predict(seen, memory, starts)
    assert torch.equal(after["hidden"][starts], fresh["hidden"][starts])
    assert not torch.equal(after["hidden"][~starts], fresh["hidden"][~starts])


def test_training_sequences_replay_what_was_played() -> None:
    """Unrolling a sequence from its first memory gives the memory of acting, across the ends of episodes."""
    agent = PQNRNN(TankModel(4), **SMALL, window=3)
    agent._begin()
    played = agent._play(11)
    tail = played.each(lambda part: part[-3:])._replace(hidden=agent._tail_start[None])
    sequence = join(tail, agent._play(8))
    assert (sequence.truncated | sequence.terminated)[:-1].any()
    with torch.no_grad():
        hidden = agent._unrolled(sequence)[-1]
    going = ~(sequence.truncated | sequence.terminated)[-1]
    assert agent._memory is not None
    assert torch.allclose(hidden[going], agent._memory["hidden"][going], atol=1e-6)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"minibatches": 5}, "multiple of minibatches"),
        ({"trace": 1.5}, "trace must be in"),
        ({"reward_scale": 0.0}, "reward_scale"),
        ({"levels": 1}, "levels must be"),
        ({"policy_kwargs": {"norm_type": "layernorm"}}, "did you mean 'layer_norm'"),
        ({"policy_kwargs": {"init": "zeros"}}, "init"),
        ({"policy_kwargs": {"depth": 3}}, "depth"),
        ({"policy": "gnn"}, "policy='mlp'"),
        ({"levels": None}, "set levels"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ScenariumError, match=words):
        PQN(TankModel(), **{**SMALL, **settings})


def test_several_roles_are_refused() -> None:
    with pytest.raises(ScenariumError, match="WithPolicies"):
        PQN(CrewModel(), **SMALL)
