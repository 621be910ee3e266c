from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scenarium.agents import agent_entries, load_agent, make_agent
from scenarium.agents.core.registry import agent_class
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.registry import entries
from scenarium.envs.core.rollout import unroll

TINY: dict[str, dict[str, Any]] = {
    "hdpo": {"batch_size": 4, "horizon": 12, "dev_worlds": 2, "dev_horizon": 12, "dev_warm_up": 0, "dev_every": 2},
    "pqn": {"num_envs": 4, "steps": 4, "epochs": 1, "minibatches": 2},
    "pqn_rnn": {"num_envs": 4, "steps": 4, "window": 2, "epochs": 1, "minibatches": 2},
    "dqn": {"num_envs": 4, "steps": 4, "learning_starts": 16, "batch_size": 8, "updates": 1, "capacity": 200},
    "ra_dqn": {
        "num_envs": 4,
        "steps": 4,
        "learning_starts": 16,
        "batch_size": 8,
        "updates": 1,
        "capacity": 200,
        "slots": 2,
        "trajectories": 4,
        "acting_trajectories": 4,
        "span": 6,
        "slot_width": 8,
        "summary_width": 8,
        "key_width": 8,
    },
    "r2d2": {
        "num_envs": 4,
        "steps": 3,
        "window": 2,
        "burn_in": 1,
        "learning_starts": 4,
        "batch_size": 2,
        "updates": 1,
        "capacity": 20,
    },
    "ra_r2d2": {
        "num_envs": 4,
        "steps": 3,
        "window": 2,
        "burn_in": 1,
        "learning_starts": 4,
        "batch_size": 2,
        "updates": 1,
        "capacity": 20,
        "slots": 2,
        "trajectories": 4,
        "acting_trajectories": 4,
        "span": 3,
        "slot_width": 8,
        "summary_width": 8,
        "key_width": 8,
    },
    "two_level": {"num_envs": 4, "steps": 1, "minibatches": 2, "planner_rollout": 1, "planner_minibatches": 2},
    "sb3_ppo": {"num_envs": 2, "algorithm": {"n_steps": 8, "batch_size": 8, "n_epochs": 1}},
    "sb3_a2c": {"num_envs": 2},
    "sb3_sac": {"num_envs": 2, "algorithm": {"learning_starts": 8, "batch_size": 4, "buffer_size": 100}},
    "sb3_td3": {"num_envs": 2, "algorithm": {"learning_starts": 8, "batch_size": 4, "buffer_size": 100}},
    "sb3_dqn": {"num_envs": 2, "algorithm": {"learning_starts": 8, "batch_size": 4, "buffer_size": 100}},
}
REFUSALS = ("actions", "several roles", "no pathwise gradient")


def test_names_are_snake_case_and_classes_know_theirs() -> None:
    for name, entry in agent_entries().items():
        assert name == name.lower()
        assert entry.title
        assert agent_class(name).name == name
        assert agent_class(name).track in ("known-model", "model-free")


def test_an_unknown_agent_is_refused_with_the_nearest() -> None:
    with pytest.raises(ScenariumError, match="did you mean 'hdpo'"):
        make_agent("hdpoo", "InventoryNet-v0")


def test_listing_agents_imports_no_torch() -> None:
    code = "import sys; from scenarium.agents import agent_entries; agent_entries(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("env_id", list(entries()))
@pytest.mark.parametrize("name", list(agent_entries()))
def test_every_agent_learns_acts_and_comes_back_on_every_id_it_can_play(name: str, env_id: str, tmp_path: Path) -> None:
    try:
        agent = make_agent(name, env_id, device="cpu", env_kwargs=entries()[env_id].trial, **TINY.get(name, {}))
    except ScenariumError as error:
        if not any(words in str(error) for words in REFUSALS):
            raise
        pytest.skip(f"refused: {error}")
    agent.learn(40)
    assert agent.num_timesteps >= 40
    agent.save(tmp_path)
    loaded = load_agent(tmp_path, device="cpu")

    def act(observation: Any, memory: Any, t: int) -> tuple[Any, Any]:
        first, second = agent.predict(observation, memory), loaded.predict(observation, memory)
        assert np.array_equal(first[0], second[0])
        assert agent.model.action_space.contains(first[0])
        return first

    for moment in unroll(agent.model, agent.model.scenario(1), act, 3):
        assert np.isfinite(moment.outcome.reward)


_TRAIN = """
import hashlib, sys, torch
from scenarium.agents import HDPO
agent = HDPO("InventoryNet-OneStoreLost-v0", seed=3, device="cpu", batch_size=8, horizon=20, dev_every=2, dev_worlds=4)
agent.learn(8 * 20 * 4)
print(hashlib.sha256(agent._weights.value.detach().numpy().tobytes()).hexdigest())
"""


def test_two_processes_learn_the_same_weights() -> None:
    def run(salt: str) -> str:
        env = {**os.environ, "PYTHONHASHSEED": salt}
        return subprocess.run(
            [sys.executable, "-c", _TRAIN], check=True, capture_output=True, text=True, env=env
        ).stdout

    assert run("1") == run("2") != ""
