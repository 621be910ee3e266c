"""Writing an ONNX policy from a Stable-Baselines3 model, an agent of this suite, or any torch module."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor, nn

from scenarium.agents.core.base import Agent
from scenarium.agents.core.problem import resolve_model
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.files import write_atomic
from scenarium.envs.core.model import Model
from scenarium.leaderboard.foreign.graph import MASK, NEXT, STATE, Graph, check_graph, choices, needs_onnx
from scenarium.leaderboard.foreign.policy import make_session

OPSET = 17


def export_onnx(
    policy: Any,
    env: str | Model,
    path: str | os.PathLike[str],
    states: Mapping[str, Tensor] | None = None,
    action_mask: bool = False,
) -> Path:
    """Writes a policy as an ONNX graph that the leaderboard accepts, acting without exploration.

    Args:
        policy: A Stable-Baselines3 model (PPO, A2C, SAC, TD3, DQN), a feed-forward agent of this suite, or a module.
            A module is called with the batched observation (a tensor, or a dict of tensors), then the memory tensors,
            then the mask, as far as there are any. It returns actions [B, ...], or logits [B, n] where actions are
            discrete; with memory a tuple of that and the next memory tensors.
        env: Registered id or model it plays.
        path: Where the graph goes; ends in ``.onnx``.
        states: Memory a module starts with, by name, each [...] without a batch axis. It starts at zero when it is
            played, whatever is given here; only names, shapes and types count.
        action_mask: Whether a module also takes the mask, bool [B, n].

    Returns:
        The path.

    Raises:
        ScenariumError: The policy cannot be exported, or what came out would not be accepted.
    """
    needs_onnx()
    model = resolve_model(env)
    module = _module(policy, model)
    memory = {STATE + name.removeprefix(STATE): value for name, value in (states or {}).items()}
    flat = _Flat(module, model, len(memory), action_mask).eval()
    zeros = {name: torch.zeros(2, *value.shape, dtype=value.dtype) for name, value in memory.items()}
    inputs = {**_example(model), **zeros}
    if action_mask:
        inputs[MASK] = torch.ones(2, choices(model.action_space), dtype=torch.bool)
    target = Path(path)
    data = _traced(flat, inputs, [_output_name(flat, inputs, model), *(NEXT + name for name in memory)])
    _check_batch(flat, inputs, check_graph(data, target.name, model))
    return write_atomic(target, data)


class _Flat(nn.Module):
    """A module whose inputs are a flat list of tensors, as a graph's are."""

    def __init__(self, inner: nn.Module, model: Model, memory: int, mask: bool) -> None:
        super().__init__()
        self.inner, self.memory, self.mask = inner, memory, mask
        space = model.observation_space
        self.keys = list(space.spaces) if isinstance(space, spaces.Dict) else None

    def forward(self, *tensors: Tensor) -> Any:
        seen = len(self.keys) if self.keys else 1
        observation = dict(zip(self.keys, tensors[:seen], strict=True)) if self.keys else tensors[0]
        return self.inner(observation, *tensors[seen:])


class _SB3(nn.Module):
    """The deterministic action of a Stable-Baselines3 policy, in the environment's range."""

    def __init__(self, policy: Any) -> None:
        super().__init__()
        self.policy = policy

    def forward(self, observation: Any) -> Tensor:
        action: Tensor = self.policy._predict(observation, deterministic=True)
        space = self.policy.action_space
        if isinstance(space, spaces.Box):
            low, high = torch.as_tensor(space.low), torch.as_tensor(space.high)
            if self.policy.squash_output:
                action = low + 0.5 * (action + 1.0) * (high - low)
            action = torch.minimum(torch.maximum(action, low), high)
        return action


class _Agent(nn.Module):
    """The action of an agent of this suite."""

    def __init__(self, agent: Agent) -> None:
        super().__init__()
        self.agent = agent
        inner = getattr(getattr(agent, "_algorithm", None), "policy", None)
        # Networks that the tracer can see become weights of the graph.
        self.networks = nn.ModuleList(part for part in (*vars(agent).values(), inner) if isinstance(part, nn.Module))

    def forward(self, observation: Any) -> Tensor:
        action, memory = self.agent._act(observation, None, True, None)
        if memory is not None:
            raise ScenariumError(f"{self.agent.name} has a memory here; submit its run folder instead")
        return action


def _module(policy: Any, model: Model) -> nn.Module:
    if isinstance(policy, nn.Module):
        return policy
    if isinstance(policy, Agent):
        return _Agent(policy)
    inner = getattr(policy, "policy", None)
    if isinstance(inner, nn.Module) and callable(getattr(inner, "_predict", None)):
        _check_spaces(policy, model)
        inner.train(False)
        return _SB3(inner.to("cpu"))
    wanted = "a Stable-Baselines3 model, an agent of this suite or a torch module"
    raise ScenariumError(f"cannot export {type(policy).__name__}; it must be {wanted}")


def _check_spaces(policy: Any, model: Model) -> None:
    for kind in ("observation_space", "action_space"):
        theirs, ours = getattr(policy, kind), getattr(model, kind)
        if theirs != ours:
            raise ScenariumError(f"the model's {kind} is {theirs}; {model.env_id or 'the problem'} has {ours}")


def _example(model: Model) -> dict[str, Tensor]:
    space = model.observation_space
    named = dict(space.spaces) if isinstance(space, spaces.Dict) else {"observation": space}
    return {name: torch.as_tensor(part.sample())[None].expand(2, *(part.shape or ())) for name, part in named.items()}


def _output_name(flat: nn.Module, inputs: Mapping[str, Tensor], model: Model) -> str:
    with torch.no_grad():
        found = flat(*inputs.values())
    first = found[0] if isinstance(found, (tuple, list)) else found
    discrete = isinstance(model.action_space, (spaces.Discrete, spaces.MultiDiscrete))
    return "logits" if discrete and first.is_floating_point() else "action"


def _check_batch(flat: nn.Module, inputs: Mapping[str, Tensor], graph: Graph) -> None:
    """Plays the graph with another number of worlds: tracing may have taken that of the example for a constant."""
    wider = {name: torch.cat([value, value[:1]]) for name, value in inputs.items()}
    with torch.no_grad():
        found = flat(*wider.values())
    expected = found[0] if isinstance(found, (tuple, list)) else found
    feed = {name: value.numpy() for name, value in wider.items() if name in graph.inputs}
    try:
        (given,) = make_session(graph.data).run([graph.ports.output.name], feed)
        same = given.shape == tuple(expected.shape) and np.allclose(given, expected.numpy(), rtol=1e-4, atol=1e-5)
    except Exception:  # onnxruntime's exceptions have no common public base
        same = False
    if not same:
        raise ScenariumError(
            "the policy acts differently as ONNX: its code fixes the batch while it is traced; "
            "write x.shape[0] or flatten(1) instead of len(x)"
        )


def _traced(flat: nn.Module, inputs: Mapping[str, Tensor], outputs: list[str]) -> bytes:
    stream = io.BytesIO()
    names = [*inputs, *outputs]
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # tracing warns of Python branches on shapes, which the problem fixes
        try:
            torch.onnx.export(
                flat,
                tuple(inputs.values()),
                stream,  # type: ignore[arg-type]
                input_names=list(inputs),
                output_names=outputs,
                dynamic_axes={name: {0: "batch"} for name in names},
                opset_version=OPSET,
                # The tracing exporter needs nothing beyond torch; the newer one needs onnxscript.
                dynamo=False,
            )
        except ScenariumError:
            raise
        except Exception as error:  # whatever an operator without a translation raises
            raise ScenariumError(f"the policy cannot be written as ONNX: {str(error).splitlines()[0]}") from None
    return stream.getvalue()
