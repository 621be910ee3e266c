"""The verbs every baseline has: predict, act, save, load."""

from __future__ import annotations

import inspect
import json
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from torch import Tensor

from scenarium.agents.core.observations import as_action, as_batch, is_torch, reset_memory
from scenarium.agents.core.problem import describe_model, resolve_model, restore_model
from scenarium.envs.core.errors import ScenariumError, unknown_name
from scenarium.envs.core.files import read_json, write_atomic
from scenarium.envs.core.model import Model
from scenarium.envs.core.namespace import torch_namespace
from scenarium.envs.core.rollout import Act
from scenarium.envs.core.scenario import Scenario
from scenarium.envs.core.tree import tree_leaves

FILE, FORMAT = "baseline.json", 1
_CPU = torch.device("cpu")


class Baseline(ABC):
    """A policy that is known, not learnt, bound to one problem.

    Args:
        env: Registered id, a model, or an unwrapped environment of the suite.
        env_kwargs: Keyword arguments of the id.
        **parameters: Those of the policy; what is left out is computed, or looked up where it was tuned.

    Attributes:
        name: Name in the registry and on the command line.
        track: "known-model": the policy rests on the problem's parameters.
        deterministic: The same observation and memory always give the same action.
        clairvoyant: It sees the future of its world; act through `act_on`.
        parameters: What decides the policy, as plain JSON data; passing it to the class gives the same policy.

    Raises:
        ScenariumError: The environment or a parameter is unknown or invalid, or the policy cannot play the problem.
    """

    name: ClassVar[str]
    track: ClassVar[Literal["known-model", "model-free"]] = "known-model"
    deterministic: ClassVar[bool] = True
    clairvoyant: ClassVar[bool] = False
    parameters: dict[str, Any]

    def __init__(self, env: Any, *, env_kwargs: Mapping[str, Any] | None = None, **parameters: Any) -> None:
        self.model = resolve_model(env, env_kwargs)
        self._placed: dict[tuple[str, str], Tensor] = {}
        accepted = inspect.signature(self._configure).parameters
        for key in parameters:
            if key not in accepted:
                raise unknown_name(f"parameter of {self.name}:", key, accepted)
        self._check()
        self.parameters = self._configure(**parameters)

    # What a baseline implements ---------------------------------------------------------------------------------

    def _check(self) -> None:  # noqa: B027 (some play everything)
        """Raises where the policy cannot play the model."""

    @abstractmethod
    def _configure(self) -> dict[str, Any]:
        """Takes the parameters as keyword arguments, and returns them resolved, as plain data."""

    @abstractmethod
    def _act(self, observation: Any, memory: Any) -> tuple[Tensor, Any]:
        """Batched tensors to a batch of actions of `model.native()`, and the memory."""

    # Acting -----------------------------------------------------------------------------------------------------

    @cached_property
    def native(self) -> Model:
        """The same problem with actions in natural units, which are those of `act`."""
        return self.model.native()

    @torch.no_grad()
    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: bool = True
    ) -> tuple[Any, Any]:
        """The action for an observation, in the model's own action space.

        Args:
            observation: One observation or a batch (leading axis), arrays or tensors or dicts of them.
            state: Memory, as returned by the last call; None at the start.
            episode_start: bool [B] (or a bool): worlds whose memory is to be cleared.
            deterministic: For the sake of the interface; baselines have no exploration noise.

        Returns:
            The action, NumPy for NumPy and torch for torch, single for single; and the memory.

        Raises:
            ScenariumError: The observation does not fit the observation space, or the policy is clairvoyant.
        """
        batch, single = as_batch(self.model.observation_space, observation, _device_of(observation))
        action, memory = self._act(batch, reset_memory(state, episode_start))
        encoded = self.model.encode(action, torch_namespace(str(action.device)))
        return as_action(self.model.action_space, encoded, single, not is_torch(observation)), memory

    @torch.no_grad()
    def act(self, observation: Any, memory: Any, t: int) -> tuple[Any, Any]:
        """The action in natural units, for `unroll` on `native`; arguments as there."""
        batch, single = as_batch(self.model.observation_space, observation, _device_of(observation))
        action, memory = self._act(batch, memory)
        if is_torch(observation):
            return (action[0] if single else action), memory
        return as_action(self.native.action_space, action, single, True), memory

    def act_on(self, scenario: Scenario) -> Act:
        """The policy on the worlds of a scenario; the same as `act`, except for clairvoyant policies."""
        return self.act

    def _on(self, device: torch.device, name: str, values: Any) -> Tensor:
        """Numbers as a float tensor on a device, built once per name."""
        key = (name, str(device))
        if key not in self._placed:
            self._placed[key] = torch.as_tensor(np.asarray(values, dtype=np.float32), device=device)
        return self._placed[key]

    # Files ------------------------------------------------------------------------------------------------------

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Writes name, problem and parameters to a folder, as one JSON file."""
        data = {
            "format": FORMAT,
            "baseline": self.name,
            "problem": describe_model(self.model),
            "parameters": self.parameters,
        }
        write_atomic(Path(folder) / FILE, json.dumps(data, indent=2))

    @classmethod
    def load(cls, folder: str | os.PathLike[str], env: Any = None) -> Self:
        """Reads a baseline from a folder.

        Args:
            folder: Where it was saved.
            env: The problem, where it cannot be made from the saved id and keyword arguments.

        Raises:
            ScenariumError: Nothing readable there, another baseline, or another problem.
        """
        data = read_saved(folder)
        if data["baseline"] != cls.name:
            raise ScenariumError(f"{folder} holds the baseline {data['baseline']!r}, not {cls.name!r}")
        return cls(restore_model(data["problem"], env), **data["parameters"])


def read_saved(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """The JSON file of a saved baseline.

    Raises:
        ScenariumError: It is missing, damaged or of another format.
    """
    path = Path(folder) / FILE
    data = read_json(path, "baseline", FORMAT)
    fields = {"baseline": str, "problem": dict, "parameters": dict}
    if not all(isinstance(data.get(key), kind) for key, kind in fields.items()):
        raise ScenariumError(f"{path} is damaged: it needs {', '.join(fields)}")
    return data


def _device_of(observation: Any) -> torch.device:
    return next((leaf.device for leaf in tree_leaves(observation) if isinstance(leaf, Tensor)), _CPU)
