from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from scenarium.agents import SB3DQN, SB3PPO, SB3SAC
from scenarium.agents.sb3 import SB3Runner
from scenarium.envs.core.errors import ScenariumError

ENV = "InventoryNet-OneStoreLost-v0"
PPO = {"num_envs": 2, "algorithm": {"n_steps": 8, "batch_size": 8, "n_epochs": 1}, "device": "cpu"}
OFF = {"num_envs": 2, "algorithm": {"learning_starts": 8, "batch_size": 4, "buffer_size": 100}, "device": "cpu"}
CASES: list[tuple[type[SB3Runner], dict[str, Any]]] = [
    (SB3PPO, PPO),
    (SB3SAC, OFF),
    (SB3DQN, {**OFF, "env_kwargs": {"action_mode": "integer"}}),
]


@pytest.mark.parametrize(("kind", "settings"), CASES)
def test_it_acts_as_stable_baselines_does(kind: type[SB3Runner], settings: dict[str, Any]) -> None:
    agent = kind(ENV, **settings).learn(40)
    rng = np.random.default_rng(0)
    spaces = agent.model.observation_space.spaces  # type: ignore[attr-defined]
    batch = {name: rng.uniform(0, 20, (6, *space.shape)).astype(np.float32) for name, space in spaces.items()}
    np.testing.assert_allclose(
        agent.predict(batch)[0], agent._algorithm.predict(batch, deterministic=True)[0], atol=1e-6
    )


@pytest.mark.parametrize(("kind", "settings"), CASES)
def test_a_loaded_agent_has_weights_and_optimiser_and_goes_on(
    kind: type[SB3Runner], settings: dict[str, Any], tmp_path: Path
) -> None:
    agent = kind(ENV, **settings).learn(40)
    agent.save(tmp_path)
    loaded = kind.load(tmp_path, device="cpu")
    mine, theirs = ({**a._policy_tensors(), **a._trainer_tensors()} for a in (agent, loaded))
    assert mine.keys() == theirs.keys()
    assert any(".exp_avg" in name for name in mine)
    for name, tensor in mine.items():
        assert torch.equal(tensor, theirs[name]), name
    before = loaded.num_timesteps
    loaded.learn(16)
    assert before + 16 <= loaded.num_timesteps < before + 40
    assert any(not torch.equal(tensor, mine[name]) for name, tensor in loaded._policy_tensors().items())


def test_the_seed_decides() -> None:
    runs = [SB3PPO(ENV, seed=seed, **PPO).learn(32)._policy_tensors() for seed in (1, 1, 2)]
    name = "action_net.weight"
    assert torch.equal(runs[0][name], runs[1][name])
    assert not torch.equal(runs[0][name], runs[2][name])


def test_it_trains_on_other_worlds_than_the_first_numbers() -> None:
    agent = SB3PPO(ENV, **PPO)
    agent.learn(16)
    assert agent._algorithm.env is not None
    assert int(agent._algorithm.env.envs.seeds.min()) > 10**5  # type: ignore[attr-defined]


def test_a_callback_stops_it() -> None:
    agent = SB3PPO(ENV, **PPO).learn(1000, callback=lambda agent, metrics: agent.num_timesteps < 20)
    assert agent.num_timesteps == 20


def test_what_it_cannot_do_is_refused_in_one_line() -> None:
    for make, words in [
        (lambda: SB3DQN(ENV), "action_mode='integer'"),
        (lambda: SB3PPO(ENV, torch.nn.Linear(1, 1)), "policy='mlp' only"),
        (lambda: SB3PPO(ENV, algorithm={"n_stepz": 3}), "n_stepz"),
        (lambda: SB3PPO(ENV, gamma=1.5), "gamma must be"),
    ]:
        with pytest.raises(ScenariumError, match=words) as caught:
            make()
        assert "\n" not in str(caught.value)


def test_a_new_policy_acts_in_the_middle_of_the_range_and_not_at_its_edge() -> None:
    agent = SB3PPO("Fishery-v0", device="cpu", num_envs=2)
    action, _ = agent.predict(agent.model.observation_space.sample())
    np.testing.assert_allclose(action, 0.5, atol=0.1)


def test_the_worlds_play_what_the_policy_means() -> None:
    """-1 and 1 in the algorithm's eyes are the ends of the problem's own range."""
    agent = SB3PPO("Fishery-v0", device="cpu", num_envs=2)
    venv = agent._venv()
    venv.reset()
    _, _, _, infos = venv.step(np.array([[-1.0, -1.0], [1.0, -1.0]], np.float32))
    taken = [float(info["harvest_x"]) for info in infos]
    assert taken[0] == 0.0
    assert taken[1] > 0.4
