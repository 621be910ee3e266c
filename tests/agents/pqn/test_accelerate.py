"""Compiled functions and replayed graphs do what the plain ones do."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from toy_tank import TankModel

from scenarium.agents import PQN, PQNRNN
from scenarium.agents.core.accelerate import Compiled, GraphReplay
from scenarium.envs.core.errors import ScenariumError

SMALL: dict[str, Any] = {
    "num_envs": 4, "steps": 4, "epochs": 1, "minibatches": 2, "levels": 3,
    "policy_kwargs": {"hidden": (8,), "norm_input": False},
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("agent_class", [PQN, PQNRNN])
def test_compiled_learning_equals_plain_learning(agent_class: Any) -> None:
    plain, compiled = (
        agent_class(TankModel(5), device="cpu", **SMALL, compile=flag).learn(2 * 24) for flag in (False, True)
    )
    for name, tensor in plain.policy_tensors().items():
        assert torch.allclose(tensor, compiled.policy_tensors()[name], atol=1e-5), name


def test_a_failure_to_compile_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    class BackendError(RuntimeError):
        pass

    BackendError.__module__ = "torch._dynamo.exc"

    def fails(*arguments: Any) -> None:
        raise BackendError("no C++ compiler\nand a long story")

    monkeypatch.setattr(torch, "compile", lambda function, **kwargs: fails)
    with pytest.raises(ScenariumError, match="use compile=False: no C") as caught:
        Compiled(lambda x: x)(torch.ones(1))
    assert "\n" not in str(caught.value)


def test_an_error_of_the_function_itself_stays_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "compile", lambda function, **kwargs: function)
    with pytest.raises(ZeroDivisionError):
        Compiled(lambda x: x / 0)(1)


@pytest.mark.cuda
def test_a_replayed_graph_reads_new_arguments_and_changes_what_it_holds() -> None:
    total = torch.zeros(3, device="cuda")

    def function(x: Any, mask: Any) -> Any:
        total.add_(x["a"])
        return x["a"] * 2, mask

    replay = GraphReplay(function)
    for i in range(8):
        double, nothing = replay({"a": torch.full((3,), float(i), device="cuda")}, None)
        assert double.tolist() == [2.0 * i] * 3
        assert nothing is None
    assert total.tolist() == [28.0] * 3


@pytest.mark.cuda
@pytest.mark.parametrize("agent_class", [PQN, PQNRNN])
def test_learning_on_cuda_with_graphs_equals_learning_without(agent_class: Any) -> None:
    plain, graphs = (
        agent_class(TankModel(5), device="cuda", **SMALL, compile=flag).learn(8 * 24) for flag in (False, True)
    )
    for name, tensor in plain.policy_tensors().items():
        assert torch.allclose(tensor, graphs.policy_tensors()[name], atol=1e-4), name
