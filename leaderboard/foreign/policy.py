"""A checked ONNX graph as a policy: the verb `predict`, for evaluation and for single worlds."""

from __future__ import annotations

import os
import time
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import torch
from gymnasium import spaces

from scenarium.agents.core.observations import as_action, as_batch, is_torch, reset_memory
from scenarium.agents.core.problem import resolve_model
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.model import Model
from scenarium.leaderboard.foreign.graph import MASK, NEXT, Graph, Port, choices, read_graph

_CPU = torch.device("cpu")


class OnnxPolicy:
    """A policy from an ONNX file, run by onnxruntime on one CPU thread.

    Args:
        path: The file; see `scenarium.leaderboard.foreign.graph` for names and shapes.
        env: Registered id or model it plays.
        seconds: Most time it may take in all its calls together.

    Attributes:
        model: The problem.
        masks: Whether it wants to be told which actions are allowed.

    Raises:
        ScenariumError: The graph is refused, or onnxruntime is not installed.
    """

    track: ClassVar[Literal["known-model", "model-free"]] = "model-free"
    masks = True

    def __init__(self, path: str | os.PathLike[str], env: str | Model, seconds: float = 3600.0) -> None:
        self.model = resolve_model(env)
        self._graph: Graph = read_graph(path, self.model)
        self._session = make_session(self._graph.data)
        self._left, self._limit = seconds, seconds

    @torch.no_grad()
    def predict(
        self,
        observation: Any,
        state: Any = None,
        episode_start: Any = None,
        deterministic: bool = True,
        action_masks: Any = None,
    ) -> tuple[Any, Any]:
        """The action for an observation.

        Args:
            observation: One observation or a batch (leading axis), arrays or tensors or dicts of them.
            state: Memory, as returned by the last call; None at the start.
            episode_start: bool [B] (or a bool): worlds whose memory is to be cleared.
            deterministic: For the sake of the interface; a graph has no exploration noise.
            action_masks: bool [B, n], which actions are allowed; None if all are.

        Returns:
            The action, NumPy for NumPy and torch for torch, single for single; and the memory, a dict of tensors.

        Raises:
            ScenariumError: The observation does not fit, the graph fails, or its time is up.
        """
        batch, single = as_batch(self.model.observation_space, observation, _CPU)
        parts = batch if isinstance(batch, dict) else {"observation": batch}
        count = len(next(iter(parts.values())))
        mask = None if action_masks is None else torch.as_tensor(action_masks).cpu().reshape(count, -1).numpy()
        ports = self._graph.ports
        feed = {port.name: parts[port.name].numpy().astype(port.dtype) for port in ports.observations}
        memory = reset_memory(state, episode_start) or {}
        for port in ports.states:
            known = memory.get(port.name)
            feed[port.name] = _zeros(port, count) if known is None else torch.as_tensor(known).numpy()
        if ports.mask is not None:
            shape = (count, *ports.mask.shape)
            feed[MASK] = (np.ones(shape) if mask is None else mask).astype(ports.mask.dtype)
        found = self._run(feed, count)
        action = self._action(found[0], mask)
        following = {port.name: torch.as_tensor(value) for port, value in zip(ports.states, found[1:], strict=True)}
        device = observation.device if isinstance(observation, torch.Tensor) else _CPU
        return as_action(self.model.action_space, action.to(device), single, not is_torch(observation)), (
            following or None
        )

    def _run(self, feed: dict[str, npt.NDArray[Any]], count: int) -> list[npt.NDArray[Any]]:
        ports = self._graph.ports
        wanted = [ports.output, *ports.states]
        names = [ports.output.name, *(NEXT + port.name for port in ports.states)]
        start = time.perf_counter()
        try:
            found: list[npt.NDArray[Any]] = self._session.run(names, feed)
        except Exception as error:  # onnxruntime's exceptions have no common public base
            raise ScenariumError(f"the ONNX policy failed: {' '.join(str(error).split())[:200]}") from None
        self._left -= time.perf_counter() - start
        if self._left < 0:
            raise ScenariumError(f"the ONNX policy took more than {self._limit:.0f} seconds")
        for port, value in zip(wanted, found, strict=True):
            if value.shape != (count, *port.shape):
                raise ScenariumError(f"output {port.name!r} has shape {value.shape}, expected {(count, *port.shape)}")
        return found

    def _action(self, output: npt.NDArray[Any], mask: npt.NDArray[Any] | None) -> torch.Tensor:
        space = self.model.action_space
        if self._graph.ports.output.name == "action":
            if isinstance(space, (spaces.Discrete, spaces.MultiDiscrete)):
                return torch.as_tensor(self._in_range(output))
            return torch.as_tensor(output.astype(np.float32))
        if mask is not None and isinstance(space, spaces.Discrete):
            output = np.where(mask, output, -np.inf)
        if isinstance(space, spaces.Discrete):
            return torch.as_tensor(output.argmax(-1) + int(space.start))
        sizes: npt.NDArray[Any] = space.nvec.ravel()  # type: ignore[attr-defined]
        parts = np.split(output, np.cumsum(sizes)[:-1], axis=-1)
        index = np.stack([part.argmax(-1) for part in parts], axis=-1)
        return torch.as_tensor(index.reshape(-1, *(space.shape or ())) + space.start)  # type: ignore[attr-defined]

    def _in_range(self, action: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        space: Any = self.model.action_space
        size = choices(space) if isinstance(space, spaces.Discrete) else space.nvec
        if (action < space.start).any() or (action >= space.start + size).any():
            raise ScenariumError(f"the ONNX policy chose an action outside {space}")
        return action.astype(np.int64)


def _zeros(port: Port, count: int) -> npt.NDArray[Any]:
    return np.zeros((count, *port.shape), dtype=port.dtype)


def make_session(data: bytes) -> Any:
    """A session of onnxruntime for a checked graph, on one CPU thread.

    Raises:
        ScenariumError: onnxruntime is not installed, or refuses the graph.
    """
    try:
        import onnxruntime
    except ImportError:
        raise ScenariumError("ONNX policies need the extra: pip install 'scenarium[onnx]'") from None
    options = onnxruntime.SessionOptions()
    # One thread, one order of operations: the same numbers on every run.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's exceptions have no common public base
        raise ScenariumError(f"onnxruntime refuses the graph: {' '.join(str(error).split())[:200]}") from None
