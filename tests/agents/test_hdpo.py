from __future__ import annotations

import json
import os
import signal
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from scenarium.agents import HDPO, HDPOConfig, load_agent
from scenarium.agents.core.callbacks import CheckpointCallback, EvalCallback
from scenarium.agents.hdpo.pathwise import Course, pathwise_losses
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.model import Model
from scenarium.envs.core.rollout import unroll

Toy = Callable[..., Model]
STEP = 8 * 12
SMALL: dict[str, Any] = {"batch_size": 8, "dev_every": 5, "dev_worlds": 4, "learning_rate": 0.01, "device": "cpu"}
OBSERVATION = {"on_hand": np.array([3.0], np.float32), "coming": np.array([2.0], np.float32)}


def _weights(agent: HDPO) -> dict[str, torch.Tensor]:
    return {**agent._policy_tensors(), **agent._trainer_tensors()}


def _assert_same(a: HDPO, b: HDPO) -> None:
    ours, theirs = _weights(a), _weights(b)
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        assert torch.equal(tensor, theirs[name]), name
    assert a._counters() == b._counters()
    assert a.num_timesteps == b.num_timesteps


def test_it_learns_close_to_the_best_base_stock_policy(toy: Toy) -> None:
    def base_stock(level: float) -> Any:
        def act(observation: Any, memory: Any, t: int) -> tuple[Any, None]:
            return torch.clamp(level - observation["on_hand"] - observation["coming"], 0.0, 20.0) / 10.0 - 1.0, None

        return act

    model = toy()
    scenario = model.scenario(torch.arange(500))
    rewards = [
        sum(float(m.outcome.reward.mean()) for m in unroll(model, scenario, base_stock(level))) / 12
        for level in np.arange(10.0, 30.0, 2.0)
    ]
    agent = HDPO(model, batch_size=128, learning_rate="cosine 0.02 0.001", dev_every=50, device="cpu")
    untrained = agent.mean_reward(range(500))
    assert agent.learn(128 * 12 * 150).mean_reward(range(500)) > max(rewards) - 0.15
    assert untrained < max(rewards) - 0.5


def test_the_gradient_is_the_finite_difference_of_the_loss(toy: Toy) -> None:
    torch.manual_seed(0)
    model = toy(horizon=6).native()
    scenario = model.scenario(torch.arange(16))
    policy = nn.Linear(2, 1).double()

    def loss() -> torch.Tensor:
        def act(o: Any, memory: Any, t: int) -> tuple[Any, None]:
            return 5.0 * nn.functional.softplus(policy(torch.cat([o["on_hand"], o["coming"]], 1).double())), None

        start = Course(model.initial(scenario, scenario.xp))
        (value, _), *more = pathwise_losses(model, scenario, act, start, range(6))
        assert not more
        return value

    loss().backward()
    step = 1e-6
    for parameter in policy.parameters():
        for index in range(parameter.numel()):
            flat = parameter.data.view(-1)
            middle = float(flat[index])
            values = []
            for shifted in (middle + step, middle - step):
                flat[index] = shifted
                values.append(loss().item())
            flat[index] = middle
            assert (values[0] - values[1]) / (2 * step) == pytest.approx(
                float(parameter.grad.view(-1)[index]), rel=1e-4
            )


def test_the_loss_is_minus_the_mean_reward_of_the_rollout(toy: Toy) -> None:
    model = toy().native()
    scenario = model.scenario(torch.arange(5))

    def act(observation: Any, memory: Any, t: int) -> tuple[Any, None]:
        return observation["on_hand"] * 0.5 + 1.0, None

    rewards = [float(m.outcome.reward.mean()) for m in unroll(model, scenario, act)]
    start = Course(model.initial(scenario, scenario.xp))
    for options, expected in [
        ({}, rewards),
        ({"skip": 4}, rewards[4:]),
        ({"truncate": 5}, rewards),
        ({"recompute": True}, rewards),
    ]:
        parts = [float(part) for part, _ in pathwise_losses(model, scenario, act, start, range(12), **options)]
        assert sum(parts) == pytest.approx(-np.mean(expected), rel=1e-6)
        assert len(parts) == (3 if "truncate" in options else 1)


@pytest.mark.parametrize("fields", [{"checkpoint_segments": True}, {"truncate": 12}, {"truncate": 100}])
def test_options_that_only_save_memory_leave_the_update_unchanged(toy: Toy, fields: dict[str, Any]) -> None:
    plain = HDPO(toy(), **SMALL).learn(2 * STEP)
    other = HDPO(toy(), **SMALL, **fields).learn(2 * STEP)
    torch.testing.assert_close(plain._weights.value, other._weights.value, rtol=1e-5, atol=1e-7)


def test_a_cut_changes_the_gradient(toy: Toy) -> None:
    plain = HDPO(toy(), **SMALL).learn(2 * STEP)
    cut = HDPO(toy(), **SMALL, truncate=4).learn(2 * STEP)
    assert not torch.allclose(plain._weights.value, cut._weights.value, atol=1e-4)


VARIANTS: list[dict[str, Any]] = [
    {},
    {"carry_over": True, "restart_every": 3},
    {"weight_average": 0.9, "learning_rate": "cosine 0.01 0.001"},
    {"train_worlds": 20},
    {"dev_every": 0},
]


@pytest.mark.parametrize("fields", VARIANTS, ids=str)
def test_an_interrupted_run_continues_to_the_last_bit(toy: Toy, tmp_path: Path, fields: dict[str, Any]) -> None:
    settings = {**SMALL, **fields}
    whole = HDPO(toy(), **settings).learn(20 * STEP)
    half = HDPO(toy(), **settings)
    half.learn(20 * STEP, callback=lambda agent, metrics: agent.iterations < 10, checkpoint=tmp_path)
    assert half.iterations == 10
    resumed = HDPO(toy(), **settings).learn(20 * STEP, checkpoint=tmp_path, resume=True)
    _assert_same(whole, resumed)
    loaded = HDPO.load(tmp_path, device="cpu", env=toy())
    _assert_same(whole, loaded)


def test_two_calls_learn_what_one_does(toy: Toy) -> None:
    _assert_same(HDPO(toy(), **SMALL).learn(20 * STEP), HDPO(toy(), **SMALL).learn(10 * STEP).learn(10 * STEP))


def test_the_seed_decides(toy: Toy) -> None:
    first, same, other = (HDPO(toy(), seed=s, **SMALL).learn(3 * STEP) for s in (1, 1, 2))
    _assert_same(first, same)
    assert not torch.equal(first._weights.value, other._weights.value)


def test_learning_leaves_the_global_generator_alone(toy: Toy) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    HDPO(toy(), **SMALL).learn(STEP)
    assert torch.equal(before, torch.get_rng_state())


def test_a_loaded_agent_acts_as_the_saved_one(toy: Toy, tmp_path: Path) -> None:
    agent = HDPO(toy(), **SMALL).learn(5 * STEP)
    agent.save(tmp_path)
    loaded = load_agent(tmp_path, device="cpu", env=toy())
    assert isinstance(loaded, HDPO)
    assert np.array_equal(agent.predict(OBSERVATION)[0], loaded.predict(OBSERVATION)[0])


def test_predict_mirrors_what_it_is_given(toy: Toy) -> None:
    agent = HDPO(toy(), **SMALL)
    single, state = agent.predict(OBSERVATION)
    batch, _ = agent.predict({name: np.stack([value] * 3) for name, value in OBSERVATION.items()})
    tensor, _ = agent.predict({name: torch.as_tensor(value)[None] for name, value in OBSERVATION.items()})
    assert (single.shape, single.dtype, state) == ((1,), np.float32, None)
    assert agent.model.action_space.contains(single)
    assert batch.shape == (3, 1)
    assert isinstance(tensor, torch.Tensor)
    assert tensor.shape == (1, 1)
    np.testing.assert_allclose(batch[0], single, atol=1e-6)
    np.testing.assert_allclose(tensor[0], single, atol=1e-6)


def test_predict_refuses_other_shapes(toy: Toy) -> None:
    agent = HDPO(toy(), **SMALL)
    with pytest.raises(ScenariumError, match="missing: coming"):
        agent.predict({"on_hand": np.zeros(1)})
    with pytest.raises(ScenariumError, match="shape"):
        agent.predict({"on_hand": np.zeros(2), "coming": np.zeros(2)})


class Remembering(nn.Module):
    """Orders the running mean of what it has seen."""

    recurrent = True

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(()))

    def forward(self, observation: Any, memory: Any) -> tuple[Any, Any]:
        memory = observation["on_hand"] if memory is None else 0.5 * memory + observation["on_hand"]
        return torch.nn.functional.softplus(self.gain * memory), memory


def test_a_policy_with_memory_trains_and_forgets_at_the_start_of_an_episode(toy: Toy, tmp_path: Path) -> None:
    agent = HDPO(toy(), Remembering(), **SMALL).learn(3 * STEP)
    assert agent._learner.gain.item() != 1.0  # type: ignore[operator,union-attr]
    first, memory = agent.predict(OBSERVATION)
    second, memory = agent.predict(OBSERVATION, memory)
    again, _ = agent.predict(OBSERVATION, memory, episode_start=np.array([True]))
    assert second != first
    assert again == first
    agent.save(tmp_path)
    with pytest.raises(ScenariumError, match="policy="):
        HDPO.load(tmp_path, env=toy())
    loaded = HDPO.load(tmp_path, env=toy(), device="cpu", policy=Remembering())
    assert loaded.predict(OBSERVATION)[0] == first


def test_a_policy_that_has_no_influence_is_refused(toy: Toy) -> None:
    class Deaf(nn.Linear):
        def forward(self, observation: Any) -> torch.Tensor:
            return super().forward(observation["on_hand"]).detach()

    class Zero(nn.Linear):
        def forward(self, observation: Any) -> torch.Tensor:
            return super().forward(observation["on_hand"]) * 0.0

    for policy in (Deaf(1, 1), Zero(1, 1)):
        with pytest.raises(ScenariumError, match="does not depend"):
            HDPO(toy(), policy, **SMALL).learn(STEP)


def test_it_starts_over_from_the_plateau_on_which_nothing_is_ordered(toy: Toy) -> None:
    class Stuck(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.level = nn.Parameter(torch.zeros(1))

        def forward(self, observation: Any) -> torch.Tensor:
            return torch.relu(self.level + 1.0).expand(len(observation["on_hand"]), 1)

    agent = HDPO(toy(), Stuck(), batch_size=8, dev_every=1, learning_rate=3.0, max_grad_norm=None, dev_worlds=4)
    agent._check_gradient(torch.tensor(1.0))
    agent._weights.copy_(torch.tensor([-5.0]))
    agent.learn(STEP)
    assert agent._restarts == 1
    assert agent._weights.value.item() == 0.0
    assert agent._rate() == pytest.approx(1.0)


def test_ctrl_c_saves_and_then_interrupts(toy: Toy, tmp_path: Path) -> None:
    def press(agent: Any, metrics: Any) -> None:
        if agent.iterations == 3:
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        HDPO(toy(), **SMALL).learn(20 * STEP, callback=press, checkpoint=tmp_path)
    assert signal.getsignal(signal.SIGINT) is before
    resumed = HDPO(toy(), **SMALL).learn(20 * STEP, checkpoint=tmp_path, resume=True)
    _assert_same(resumed, HDPO(toy(), **SMALL).learn(20 * STEP))


def test_checkpoints_are_kept_by_steps_and_by_time(toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    HDPO(toy(), **SMALL).learn(5 * STEP, callback=CheckpointCallback(tmp_path, 2 * STEP, keep_all=True))
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"step_{2 * STEP}", f"step_{4 * STEP}"]
    monkeypatch.setattr("scenarium.agents.core.base.SAVE_SECONDS", 0.0)

    def crash(agent: Any, metrics: Any) -> None:
        if agent.iterations == 3:
            raise OSError

    with pytest.raises(OSError):  # noqa: PT011
        HDPO(toy(), **SMALL).learn(20 * STEP, callback=crash, checkpoint=tmp_path / "own")
    resumed = HDPO(toy(), **SMALL).learn(20 * STEP, checkpoint=tmp_path / "own", resume=True)
    _assert_same(resumed, HDPO(toy(), **SMALL).learn(20 * STEP))


def test_an_eval_callback_measures_and_stops(toy: Toy, tmp_path: Path) -> None:
    callback = EvalCallback(2 * STEP, seeds=range(4), stop_at=-1e9, save_best=tmp_path)
    agent = HDPO(toy(), **SMALL).learn(20 * STEP, callback=[callback, lambda agent, metrics: None])
    assert [step for step, _ in callback.history] == [2 * STEP]
    assert agent.num_timesteps == 2 * STEP
    assert HDPO.load(tmp_path, env=toy()).mean_reward(range(4)) == pytest.approx(callback.history[0][1], rel=1e-6)


def test_a_log_holds_the_settings_and_the_curve(toy: Toy, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    HDPO(toy(), **SMALL).learn(20 * STEP, log_dir=tmp_path, progress_bar=True)
    assert json.loads((tmp_path / "settings.json").read_text())["config"]["batch_size"] == 8
    curves = EventAccumulator(str(tmp_path))
    curves.Reload()
    assert [point.step for point in curves.Scalars("train/mean_reward")] == [10 * STEP, 20 * STEP]


def test_a_read_only_observation_is_accepted(toy: Toy) -> None:
    agent = HDPO(toy(), **SMALL)
    locked = {name: value.copy() for name, value in OBSERVATION.items()}
    for value in locked.values():
        value.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert agent.predict(locked)[0] == agent.predict(OBSERVATION)[0]


@pytest.mark.slow
def test_a_compiled_step_gives_the_same_update() -> None:
    settings: dict[str, Any] = {**SMALL, "horizon": 6, "dev_every": 0}
    plain, compiled = (HDPO("InventoryNet-OneWarehouse-v0", compile=c, **settings).learn(8 * 6) for c in (False, True))
    torch.testing.assert_close(plain._weights.value, compiled._weights.value, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"learning_rat": 0.1}, "did you mean 'learning_rate'"),
        ({"batch_size": 0}, "batch_size must be"),
        ({"beta1": 1.0}, "beta1 must be"),
        ({"learning_rate": "cosin 1"}, "did you mean 'cosine'"),
        ({"skip": 12}, "below the horizon"),
        ({"policy": "mpl"}, "did you mean 'mlp'"),
        ({"policy_kwargs": {"hiden": [3]}}, "did you mean 'hidden'"),
        ({"policy_kwargs": {"activation": "sine"}}, "activation"),
        ({"device": "cudo"}, "device"),
        ({"config": {"carry_over": True, "train_worlds": 9}}, "carry_over"),
        ({"env_kwargs": {"n": 3}}, "env_kwargs"),
    ],
    ids=str,
)
def test_wrong_settings_are_refused_in_one_line(toy: Toy, arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ScenariumError, match=words) as caught:
        HDPO(toy(), **arguments)
    assert "\n" not in str(caught.value)


def test_discrete_actions_are_refused_with_the_agents_that_can(toy: Toy) -> None:
    with pytest.raises(ScenariumError, match="sb3_dqn"):
        HDPO(toy(discrete=True))


def test_whole_units_are_trained_on_fractions_and_evaluated_as_they_are() -> None:
    agent = HDPO("InventoryNet-OneStoreLost-v0", env_kwargs={"rounding": True}, **SMALL)
    agent.learn(agent._periods * 8)
    assert (agent._trained.rounding, agent.model.rounding) == (False, True)  # type: ignore[attr-defined]
    assert agent._first_norm


def test_a_checkpoint_of_another_problem_is_refused(toy: Toy, tmp_path: Path) -> None:
    HDPO("InventoryNet-OneStoreLost-v0", **SMALL).save(tmp_path)
    with pytest.raises(ScenariumError, match="was made on"):
        HDPO.load(tmp_path, env=toy())
    with pytest.raises(ScenariumError, match="env differs"):
        HDPO("InventoryNet-OneStoreBacklog-v0", **SMALL).learn(STEP, checkpoint=tmp_path, resume=True)


def test_a_config_object_stands_for_itself(toy: Toy) -> None:
    config = HDPOConfig(batch_size=3, dev_every=0)
    agent = HDPO(toy(), config=config, learning_rate=0.5)
    assert (agent.config.batch_size, agent.config.learning_rate) == (3, 0.5)
    assert HDPOConfig.from_mapping(agent.config.to_mapping()) == agent.config


def test_one_endless_gradient_is_skipped_and_many_in_a_row_stop_training(monkeypatch: pytest.MonkeyPatch) -> None:
    agent = HDPO("InventoryNet-OneStoreLost-v0", device="cpu", batch_size=4, horizon=12, dev_every=0).learn(48)
    honest = agent._weights.clip

    def endless(longest: float | None) -> torch.Tensor:
        agent._weights.gradient.fill_(torch.nan)
        return honest(longest)

    monkeypatch.setattr(agent._weights, "clip", endless)
    agent.learn(48)
    monkeypatch.setattr(agent._weights, "clip", honest)
    agent.learn(48)
    assert bool(agent._weights.value.isfinite().all())
    monkeypatch.setattr(agent._weights, "clip", endless)
    with pytest.raises(ScenariumError, match="20 gradients .* lower learning_rate"):
        agent.learn(48 * 30)
