"""ONNX policies: what is exported acts as the original, with memory and masks, and can be submitted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from torch import nn
from toy_graphs import make_graph, node, port, tensor, to_bytes
from toy_hostile import TASK

import scenarium
from scenarium.agents import HDPO
from scenarium.agents.sb3 import SB3PPO, SB3SAC
from scenarium.envs import ScenariumError, make_model
from scenarium.leaderboard.foreign import OnnxPolicy, export_onnx
from scenarium.leaderboard.store import ResultStore
from scenarium.leaderboard.submission import Signature, submit, verify

WORLDS = {"seeds": range(6), "periods": 8}


def sb3(kind: str, env_id: str) -> Any:
    import stable_baselines3

    env = gym.make(env_id)
    policy = "MultiInputPolicy" if isinstance(env.observation_space, gym.spaces.Dict) else "MlpPolicy"
    buffer = {"buffer_size": 100} if kind in ("SAC", "TD3", "DQN") else {}
    return getattr(stable_baselines3, kind)(policy, env, seed=1, device="cpu", **buffer)


@pytest.mark.parametrize(
    ("kind", "env_id"),
    [
        ("PPO", "InventoryNet-v0"),
        ("PPO", "AncillaryPricing-v0"),
        ("A2C", "Fishery-v0"),
        ("SAC", "Fishery-v0"),
        ("TD3", "InventoryNet-v0"),
        ("DQN", "AncillaryPricing-v0"),
    ],
)
def test_an_exported_sb3_model_predicts_the_same(kind: str, env_id: str, tmp_path: Path) -> None:
    model = sb3(kind, env_id)
    policy = OnnxPolicy(export_onnx(model, env_id, tmp_path / "policy_0.onnx"), env_id)
    env = gym.make(env_id)
    observation, _ = env.reset(seed=3)
    for _ in range(5):
        expected, _ = model.predict(observation, deterministic=True)
        found, _ = policy.predict(observation)
        np.testing.assert_allclose(found, expected, atol=1e-5)
        observation = env.step(found)[0]
    ours, theirs = (scenarium.evaluate(p, env_id, **WORLDS).returns for p in (policy, model))
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", [HDPO, SB3PPO, SB3SAC])
def test_an_exported_agent_earns_the_same(kind: Any, tmp_path: Path) -> None:
    agent = kind("Fishery-v0", seed=2, device="cpu")
    policy = OnnxPolicy(export_onnx(agent, "Fishery-v0", tmp_path / "p.onnx"), "Fishery-v0")
    ours, theirs = (scenarium.evaluate(p, "Fishery-v0", **WORLDS).returns for p in (policy, agent))
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


class Recurrent(nn.Module):
    """A gated recurrent unit with two numbers of memory beside."""

    def __init__(self) -> None:
        super().__init__()
        self.cell, self.head = nn.GRUCell(3, 5), nn.Linear(5, 2)

    def forward(self, observation: torch.Tensor, hidden: torch.Tensor, count: torch.Tensor) -> Any:
        hidden = self.cell(observation, hidden)
        return self.head(hidden).sigmoid() * 0.1, hidden, count + 1


def test_memory_is_carried_and_cleared(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module, states = Recurrent(), {"hidden": torch.zeros(5), "count": torch.zeros(2)}
    policy = OnnxPolicy(export_onnx(module, "Fishery-v0", tmp_path / "r.onnx", states), "Fishery-v0")
    seen = torch.rand(4, 3, 3, generator=torch.Generator().manual_seed(1))
    hidden, count, memory = torch.zeros(3, 5), torch.zeros(3, 2), None
    with torch.no_grad():
        for t in range(4):
            expected, hidden, count = module(seen[t], hidden, count)
            action, memory = policy.predict(seen[t], memory)
            torch.testing.assert_close(action, expected, atol=1e-6, rtol=0)
        assert memory["state_count"].tolist() == [[4.0, 4.0]] * 3
        _, memory = policy.predict(seen[0], memory, np.array([True, False, False]))
    assert memory["state_count"][:, 0].tolist() == [1.0, 5.0, 5.0]
    single, _ = policy.predict(seen[0, 0].numpy())
    assert single.shape == (2,)


def test_logits_are_turned_into_the_best_allowed_choice(tmp_path: Path) -> None:
    model = make_model("AncillaryPricing-v0")
    width, choices = model.observation_space.shape[0], int(model.action_space.n)
    table = [tensor("w", np.zeros((width, choices))), tensor("b", np.arange(choices))]
    nodes = [node("Gemm", ["observation", "w", "b"], ["logits"])]
    ports = [port("observation", ["batch", width])], [port("logits", ["batch", choices])]
    path = tmp_path / "p.onnx"
    path.write_bytes(to_bytes(make_graph(nodes, *ports, initializers=table)))
    policy, seen = OnnxPolicy(path, model), np.zeros((2, width), np.float32)
    assert policy.predict(seen)[0].tolist() == [choices - 1] * 2
    mask = np.ones((2, choices), bool)
    mask[1, choices - 3 :] = False
    assert policy.predict(seen, action_masks=mask)[0].tolist() == [choices - 1, choices - 4]


def test_a_graph_that_takes_the_mask_gets_it(tmp_path: Path) -> None:
    class Masked(nn.Module):
        def forward(self, observation: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            return mask.float() + 0.0 * observation.sum(-1, keepdim=True)

    model = make_model("AncillaryPricing-v0")
    policy = OnnxPolicy(export_onnx(Masked(), model, tmp_path / "m.onnx", action_mask=True), model)
    seen, mask = np.zeros((1, 39), np.float32), np.zeros((1, 9), bool)
    mask[0, 4] = True
    assert policy.predict(seen, action_masks=mask)[0].tolist() == [4]
    assert policy.predict(seen)[0].tolist() == [0]


def test_onnx_policies_are_submitted_and_made_again_in_another_process_and_chunk(tmp_path: Path) -> None:
    for seed in (0, 3):
        export_onnx(HDPO("Fishery-v0", seed=seed, device="cpu"), "Fishery-v0", tmp_path / f"policy_{seed}.onnx")
    store = ResultStore(tmp_path / "board")
    result = submit(tmp_path, TASK, store, Signature(authors=("Ada",), title="Foreign", track="known-model"))
    assert (result.summary.agent, result.summary.track, result.status) == ("onnx", "known-model", "verified")
    assert [run.training_seed for run in result.runs] == [0, 3]
    expected = scenarium.leaderboard.evaluation.evaluate_task(HDPO("Fishery-v0", seed=3, device="cpu"), TASK)
    np.testing.assert_allclose(result.runs[1].returns, expected.returns, rtol=1e-4)
    assert verify(store, TASK, "foreign") == ("foreign", 0.0, True)
    assert verify(store, TASK, "foreign", chunk=8).difference <= 1e-4


class Fixed(nn.Module):
    """A module whose code takes the number of worlds for a constant while it is traced."""

    def forward(self, observation: torch.Tensor) -> torch.Tensor:
        return observation[:, :2].reshape(len(observation), 2)


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (Fixed(), r"write x\.shape\[0\] or flatten\(1\) instead of len"),
        (object(), "cannot export object; it must be"),
        (nn.Linear(3, 4), r"output 'action' has shape \['batch', 4\], expected \['batch', 2\]"),
    ],
)
def test_what_cannot_be_exported(policy: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(ScenariumError, match=message):
        export_onnx(policy, "Fishery-v0", tmp_path / "p.onnx")
    assert not list(tmp_path.iterdir())


def test_a_model_of_another_problem_is_not_exported(tmp_path: Path) -> None:
    with pytest.raises(ScenariumError, match="observation_space is"):
        export_onnx(sb3("PPO", "Fishery-v0"), "InventoryNet-v0", tmp_path / "p.onnx")
    assert not list(tmp_path.iterdir())


def test_time_is_limited(tmp_path: Path) -> None:
    path = tmp_path / "p.onnx"
    path.write_bytes(to_bytes(make_graph()))
    with pytest.raises(ScenariumError, match="took more than 0 seconds"):
        OnnxPolicy(path, "Fishery-v0", seconds=0.0).predict(np.zeros(3, np.float32))
