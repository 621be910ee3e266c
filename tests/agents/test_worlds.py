"""Lanes to learn on: the suite's own, a team's, and foreign ones, all with same-step autoreset."""

from __future__ import annotations

from typing import Any, ClassVar

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces
from toy_crew import CrewModel
from toy_tank import TankModel

from scenarium.agents.core.actions import ActionMap
from scenarium.agents.core.foreign import ForeignModel, foreign_model
from scenarium.agents.core.problem import describe_model, resolve_model, restore_model
from scenarium.agents.core.worlds import make_worlds
from scenarium.envs import ScenariumError
from scenarium.envs.core.embedded import WithPolicies

CPU = torch.device("cpu")


class _Idle:
    def initial(self, scenario: Any, xp: Any) -> None:
        return None

    def act(self, observation: Any, memory: Any, mask: Any, t: Any, xp: Any) -> tuple[Any, None]:
        return xp.cast(observation[..., 0] * 0, "int"), None


class Counter(gymnasium.Env[Any, Any]):
    """Shows how many steps were played and whether they were chosen; ends by itself after `length` steps."""

    metadata: ClassVar[dict[str, Any]] = {"render_modes": []}

    def __init__(self, length: int = 3, nested: bool = False) -> None:
        one = spaces.Box(-np.inf, np.inf, (2,), np.float64)
        self.observation_space: spaces.Space[Any] = spaces.Dict({"count": one}) if nested else one
        self.action_space = spaces.Discrete(3, start=5)
        self.length, self.nested, self.count, self.last = length, nested, 0, 0

    def _out(self) -> Any:
        seen = np.array([self.count, self.last], np.float64)
        return {"count": seen} if self.nested else seen

    def _info(self) -> dict[str, Any]:
        return {"action_mask": np.array([True, self.count % 2 == 0, True])}

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.count = self.last = 0
        return self._out(), self._info()

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.count, self.last = self.count + 1, int(action)
        return self._out(), float(self.count), self.count >= self.length, False, self._info()


@pytest.mark.parametrize("nested", [False, True])
def test_foreign_lanes_have_no_step_that_nobody_chose(nested: bool) -> None:
    worlds = make_worlds(foreign_model(lambda: Counter(3, nested)), 2, CPU)
    played = worlds.reset(0)
    for step in range(1, 8):
        played = worlds.step(torch.tensor([5, 7]))
        seen, final = (o["count"] if nested else o for o in (played.observation, played.final_observation))
        count = (step - 1) % 3 + 1
        assert played.reward.tolist() == [count, count]  # every step counts, none is a phantom with reward 0
        assert played.terminated.tolist() == [count == 3] * 2
        assert not played.truncated.any()
        assert final[:, 0].tolist() == [count, count]
        assert final[:, 1].tolist() == [5, 7]
        assert seen[:, 0].tolist() == [count % 3] * 2
        assert played.mask is not None
        assert played.final_mask is not None
        assert played.mask[:, 1].tolist() == [(count % 3) % 2 == 0] * 2
        assert played.final_mask[:, 1].tolist() == [count % 2 == 0] * 2
        assert seen.dtype == played.reward.dtype == torch.float32


def test_foreign_time_limits_truncate_and_keep_the_last_observation() -> None:
    def make() -> Any:
        return gymnasium.wrappers.TimeLimit(Counter(100), 4)

    worlds = make_worlds(foreign_model(make), 1, CPU)
    worlds.reset(0)
    for _ in range(4):
        played = worlds.step(torch.tensor([6]))
    assert played.truncated.all()
    assert not played.terminated.any()
    assert played.final_observation[0].tolist() == [4.0, 6.0]
    assert played.observation[0].tolist() == [0.0, 0.0]


def test_foreign_lanes_are_seeded_and_deterministic() -> None:
    first, second = (make_worlds(foreign_model("CartPole-v1"), 3, CPU).reset(7).observation for _ in range(2))
    assert torch.equal(first, second)
    assert len(first.unique(dim=0)) == 3


def test_a_foreign_model_shows_spaces_and_no_dynamics() -> None:
    model = foreign_model("CartPole-v1")
    assert model.horizon == 500
    assert model.env_id == "CartPole-v1"
    with pytest.raises(ScenariumError, match="not of this suite"):
        model.scenario(0)
    with pytest.raises(ScenariumError, match="model-free agent"):
        model.relaxed()


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ("NoSuch-v0", "NoSuch-v0"),
        (3, "function that makes an environment"),
        (lambda: 3, "function that makes an environment"),
        (lambda: gymnasium.wrappers.TransformAction(Counter(), lambda a: a, spaces.Text(3)), "actions must be"),
    ],
)
def test_what_cannot_be_learnt_on_is_refused(env: Any, words: str) -> None:
    with pytest.raises(ScenariumError, match=words):
        resolve_model(env, foreign=True)


def test_suite_ids_models_and_bare_environments_stay_exact() -> None:
    import scenarium  # noqa: F401

    for env in ("InventoryNet-v0", gymnasium.make("InventoryNet-v0"), TankModel()):
        assert not isinstance(resolve_model(env, foreign=True), ForeignModel)
    wrapped = gymnasium.wrappers.FlattenObservation(gymnasium.make("InventoryNet-v0"))
    assert isinstance(resolve_model(wrapped, foreign=True), ForeignModel)
    with pytest.raises(ScenariumError, match="InventoryNet"):
        resolve_model("InventoryNet-v9", foreign=True)


def test_a_foreign_problem_is_found_again_by_its_id_and_spaces() -> None:
    description = describe_model(foreign_model("CartPole-v1"))
    assert restore_model(description, None).env_id == "CartPole-v1"
    with pytest.raises(ScenariumError, match="another version"):
        restore_model(description, "Acrobot-v1")


@pytest.mark.parametrize("model", [TankModel(), WithPolicies(CrewModel(), "worker", {"planner": _Idle()})])
def test_suite_lanes_go_on_bitwise_from_saved_tensors(model: Any) -> None:
    team = model.roles[0].count is not None
    lanes = 6 if team else 3
    worlds, twin = make_worlds(model, 3, CPU), make_worlds(model, 3, CPU)
    action = torch.full((lanes,), 1) if team else torch.full((lanes, 1), 0.3)
    worlds.reset(5)
    for _ in range(11):
        before = worlds.step(action)
    saved = {name: tensor.clone() for name, tensor in worlds.tensors().items()}
    after = twin.load(saved)
    assert after is not None
    assert torch.equal(after.observation, before.observation)
    for _ in range(20):
        a, b = worlds.step(action), twin.step(action)
        assert torch.equal(a.observation, b.observation)
        assert torch.equal(a.reward, b.reward)
        assert torch.equal(a.terminated, b.terminated)
        assert torch.equal(a.truncated, b.truncated)


def test_a_team_has_a_lane_per_agent_with_its_own_reward_and_mask() -> None:
    model = WithPolicies(CrewModel(), "worker", {"planner": _Idle()})
    worlds = make_worlds(model, 3, CPU)
    played = worlds.reset(0)
    assert worlds.num_envs == 6
    assert played.observation.shape == (6, 2)
    assert played.mask is not None
    assert played.mask.shape == (6, 4)
    played = worlds.step(torch.tensor([0, 1, 2, 1, 0, 1]))
    assert played.reward.shape == (6,)
    assert len(played.reward.unique()) > 1
    assert played.terminated.reshape(3, 2).float().std(1).sum() == 0  # a world ends for all its agents


def test_several_roles_are_refused() -> None:
    with pytest.raises(ScenariumError, match="WithPolicies"):
        make_worlds(CrewModel(), 2, CPU)


def test_a_snapshot_of_another_size_or_problem_is_refused() -> None:
    worlds, other = make_worlds(TankModel(), 3, CPU), make_worlds(TankModel(), 4, CPU)
    worlds.reset(0)
    with pytest.raises(ScenariumError, match="3 worlds"):
        other.load(worlds.tensors())


def test_action_maps_decode_every_kind_of_space() -> None:
    one = ActionMap.of(spaces.Discrete(3, start=5))
    assert one.branches == (3,)
    assert one.decode(torch.tensor([[0], [2]])).tolist() == [5, 7]
    many = ActionMap.of(spaces.MultiDiscrete([2, 4]))
    assert many.branches == (2, 4)
    assert many.decode(torch.tensor([[1, 3]])).tolist() == [[1, 3]]
    box = spaces.Box(np.array([-2.0, 0.0], np.float32), np.array([2.0, 1.0], np.float32))
    levels = ActionMap.of(box, levels=5)
    assert levels.branches == (5, 5)
    assert levels.decode(torch.tensor([[0, 4], [2, 1]])).tolist() == [[-2, 1], [0, 0.25]]
    axis = ActionMap.of(spaces.Box(-2.0, 2.0, (1,), np.float32), levels=3)
    assert axis.branches == (3,)
    assert axis.decode(torch.tensor([[1], [2]])).tolist() == [[0], [2]]
    menu = ActionMap.of(box, menu=[[0.0, 0.5], [1.0, 1.0]])
    assert menu.branches == (2,)
    assert menu.decode(torch.tensor([[1]])).tolist() == [[1, 1]]
    with pytest.raises(ScenariumError, match="set levels"):
        ActionMap.of(box)


def test_whole_episodes_of_a_foreign_environment_are_evaluated() -> None:
    import scenarium

    class Right:
        def predict(self, observation: Any, state: Any, start: Any, deterministic: bool) -> tuple[Any, None]:
            assert isinstance(observation, np.ndarray)
            return np.full(len(observation), 6), None

    result = scenarium.evaluate(Right(), lambda: Counter(4), range(3))
    assert result.returns.tolist() == [10.0] * 3  # 1 + 2 + 3 + 4
    assert result.std_error == 0.0
    with pytest.raises(ScenariumError, match="at least one episode"):
        scenarium.evaluate(Right(), "CartPole-v1", [])
