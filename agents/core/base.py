"""The verbs every agent has: learn, predict, save, load."""

from __future__ import annotations

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import torch
from torch import Tensor, nn

from scenarium.agents.core import checkpoint as files
from scenarium.agents.core.callbacks import CallbackLike, CallbackList, CheckpointCallback, Metrics
from scenarium.agents.core.config import Config
from scenarium.agents.core.evaluation import seed_tensor, world_rewards
from scenarium.agents.core.interrupt import deferred_interrupt
from scenarium.agents.core.logging import RunLogger
from scenarium.agents.core.observations import as_action, as_batch, is_torch, reset_memory
from scenarium.agents.core.problem import describe_model, pick_device, resolve_model, restore_model
from scenarium.agents.core.settings import resolve_settings
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.files import write_atomic
from scenarium.envs.core.model import Model
from scenarium.envs.core.namespace import torch_namespace
from scenarium.envs.core.rollout import MaskedAct

SAVE_SECONDS = 120.0
"""Wall-clock time between the checkpoints that `learn` writes on its own."""


class Agent(ABC):
    """An agent bound to one problem.

    Args:
        env: Registered id, a model, or an unwrapped environment of the suite; agents with `foreign` also take any
            other Gymnasium id, environment, or function that makes one.
        policy: Policy name, or an `nn.Module` that maps batched observations to actions.
        config: A complete config, or a mapping of config fields; presets of the environment fill what a mapping leaves.
        seed: Fixes everything random: initial weights, training worlds, exploration.
        device: "auto" (CUDA where there is one), "cpu", "cuda", ...
        env_kwargs: Keyword arguments of the id.
        policy_kwargs: Keyword arguments of the named policy, over those of the preset.
        **config_fields: Config fields by name, over everything else.

    Attributes:
        name: Name in the registry and on the command line.
        track: "known-model" (uses the model's transition) or "model-free" (samples only).
        config_class: The config dataclass.
        foreign: Whether it also learns on Gymnasium environments that are not of this suite.
        masks: Whether it honours action masks.
        num_timesteps: Environment steps learnt from so far: worlds times periods.
        iterations: Iterations so far.

    Raises:
        ScenariumError: The environment, policy or a field is unknown or cannot be used by this agent.
    """

    name: ClassVar[str]
    track: ClassVar[Literal["known-model", "model-free"]]
    config_class: ClassVar[type[Config]]
    foreign: ClassVar[bool] = False
    masks: ClassVar[bool] = False

    def __init__(
        self,
        env: Any,
        policy: str | nn.Module = "mlp",
        *,
        config: Config | Mapping[str, Any] | None = None,
        seed: int = 0,
        device: str | torch.device = "auto",
        env_kwargs: Mapping[str, Any] | None = None,
        policy_kwargs: Mapping[str, Any] | None = None,
        **config_fields: Any,
    ) -> None:
        self.model = resolve_model(env, env_kwargs, self.foreign)
        self.device = pick_device(device)
        self.seed = int(seed)
        self.policy_name = policy if isinstance(policy, str) else "custom"
        self.config, self.policy_kwargs = resolve_settings(
            self, config, policy_kwargs or {}, config_fields, self.policy_name
        )
        self.num_timesteps = self.iterations = 0
        self._run_start, self._run_total = 0, 1
        self._logger: RunLogger | None = None
        self._check_problem()
        self._build(policy)

    # What an agent implements -----------------------------------------------------------------------------------

    @abstractmethod
    def _build(self, policy: str | nn.Module) -> None:
        """Makes networks and optimiser; the seed decides all of it."""

    @abstractmethod
    def _iterate(self) -> Metrics:
        """One iteration: collects, updates, adds to `num_timesteps`, and returns what it measured."""

    @abstractmethod
    def _act(
        self, observation: Any, memory: Any, deterministic: bool, mask: Tensor | None = None
    ) -> tuple[Tensor, Any]:
        """Batched tensors to a batch of actions of the model's own action space; `mask` says which are allowed."""

    @abstractmethod
    def _policy_tensors(self) -> dict[str, Tensor]:
        """What acting needs."""

    @abstractmethod
    def _trainer_tensors(self) -> dict[str, Tensor]:
        """What going on learning needs, beyond the counters."""

    @abstractmethod
    def _load_policy(self, policy: Mapping[str, Tensor]) -> None:
        """Takes back what `_policy_tensors` gave; enough to act."""

    @abstractmethod
    def _load_tensors(self, policy: Mapping[str, Tensor], trainer: Mapping[str, Tensor]) -> None:
        """Takes back what the two methods above gave."""

    def _check_problem(self) -> None:  # noqa: B027 (most agents play everything)
        """Raises where the agent cannot play the model."""

    def _counters(self) -> dict[str, Any]:
        """Plain numbers beyond those of the base class that going on learning needs."""
        return {}

    def _load_counters(self, counters: Mapping[str, Any]) -> None:  # noqa: B027
        """Takes back what `_counters` gave."""

    # Learning ---------------------------------------------------------------------------------------------------

    @property
    def progress(self) -> float:
        """How much of the present call of `learn` is done, 0 to 1; schedules are functions of it."""
        return (self.num_timesteps - self._run_start) / self._run_total

    def learn(
        self,
        total_timesteps: int,
        callback: CallbackLike = None,
        progress_bar: bool = False,
        log_dir: str | os.PathLike[str] | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        resume: bool = False,
    ) -> Self:
        """Learns for at least this many environment steps (whole iterations).

        Args:
            total_timesteps: Environment steps: worlds times periods.
            callback: A callback, a function ``(agent, metrics)``, or a list; returning False stops.
            progress_bar: Show one.
            log_dir: Folder for TensorBoard's files, and ``settings.json`` with everything resolved.
            checkpoint: Folder in which the agent is saved at the end, when interrupted by Ctrl-C, and about every two
                minutes, so that a crash costs no more than that.
            resume: Finish the interrupted call instead of starting a new one: `total_timesteps` then counts from where
                that call began, and a fresh agent first takes over the checkpoint, if there is one.

        Returns:
            The agent.

        Raises:
            KeyboardInterrupt: On Ctrl-C, after the iteration was finished and the checkpoint written.
        """
        self._set_budget(total_timesteps, checkpoint if resume else None, resume)
        callbacks = CallbackList(callback)
        if checkpoint is not None:
            callbacks.callbacks.append(CheckpointCallback(checkpoint, seconds=SAVE_SECONDS))
        if log_dir is not None:
            write_atomic(Path(log_dir) / "settings.json", json.dumps(self._header(), indent=2))
        self._logger = RunLogger(log_dir, self._run_start + self._run_total, self.num_timesteps, progress_bar)
        with deferred_interrupt() as interrupted:
            try:
                callbacks.on_start(self)
                self._train(lambda metrics: self._between(metrics, callbacks) and not interrupted())
                self._finish()
                callbacks.on_end(self)
            finally:
                self._logger.close()
                self._logger = None
            if checkpoint is not None:
                self.save(checkpoint)
            if interrupted():
                raise KeyboardInterrupt
        return self

    def _set_budget(self, steps: int, checkpoint: str | os.PathLike[str] | None, resume: bool) -> None:
        if steps < 1:
            raise ScenariumError(f"total_timesteps must be at least 1, got {steps}")
        if checkpoint is not None and self.iterations == 0 and files.has_checkpoint(checkpoint):
            self._restore(checkpoint)
        self._run_start = self._run_start if resume else self.num_timesteps
        self._run_total = int(steps)

    def _train(self, go_on: Any) -> None:
        """Iterates until the budget is used or `go_on(metrics)` is false."""
        while self.num_timesteps < self._run_start + self._run_total:
            metrics = self._iterate()
            self.iterations += 1
            if not go_on(metrics):
                return

    def _finish(self) -> None:  # noqa: B027
        """Called after the last iteration of `learn`."""

    def _between(self, metrics: Metrics, callbacks: CallbackList) -> bool:
        if self._logger is not None:
            self._logger.advance(self.num_timesteps)
            if self._logger.active and self.iterations % 10 == 0:
                self._logger.scalars({f"train/{name}": value for name, value in metrics.items()}, self.num_timesteps)
        return callbacks.on_iteration(self, metrics)

    def log(self, name: str, value: float) -> None:
        """Writes a number to the run's log, if it has one."""
        if self._logger is not None:
            self._logger.scalars({name: value}, self.num_timesteps)

    # Acting -----------------------------------------------------------------------------------------------------

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
            state: Memory of a recurrent policy, as returned by the last call; None at the start.
            episode_start: bool [B] (or a bool): worlds whose memory is to be cleared.
            deterministic: Without exploration noise, for agents that have any.
            action_masks: bool, which actions are allowed; None if all are. Only agents with `masks` look at it.

        Returns:
            The action, NumPy for NumPy and torch for torch, single for single; and the memory.

        Raises:
            ScenariumError: The observation does not fit the observation space.
        """
        batch, single = as_batch(self.model.observation_space, observation, self.device)
        mask = None if action_masks is None else torch.as_tensor(action_masks, device=self.device)
        mask = mask[None] if mask is not None and single else mask
        action, memory = self._act(batch, reset_memory(state, episode_start), deterministic, mask)
        return as_action(self.model.action_space, action, single, not is_torch(observation)), memory

    def mean_reward(self, seeds: Sequence[int] | Tensor, periods: int | None = None, warm_up: int = 0) -> float:
        """Mean reward per period on given worlds of the exact model."""

        def act(observation: Any, memory: Any, t: int, mask: Any) -> tuple[Any, Any]:
            return self._act(observation, memory, True, mask)

        worlds = seed_tensor(seeds, self.device)
        return float(world_rewards(self.model, MaskedAct(act), worlds, periods, warm_up).mean())

    def _encode(self, action: Tensor) -> Tensor:
        """A native action in the model's own action space."""
        encoded: Tensor = self.model.encode(action, torch_namespace(str(action.device)))
        return encoded

    # Files ------------------------------------------------------------------------------------------------------

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Writes the agent to a folder: JSON and safetensors, nothing that executes.

        Raises:
            ScenariumError: The folder is a file, or the config holds a function.
        """
        files.write_checkpoint(folder, self._header(), self._policy_tensors(), self._trainer_tensors())

    @classmethod
    def load(
        cls,
        folder: str | os.PathLike[str],
        device: str | torch.device = "auto",
        env: Any = None,
        policy: nn.Module | None = None,
    ) -> Self:
        """Reads an agent from a folder.

        Args:
            folder: Where it was saved.
            device: As for the class.
            env: The environment, where the saved one cannot be made from its id.
            policy: The module, where the saved one was passed as a module: its weights are filled in.

        Raises:
            ScenariumError: A file is missing or damaged, it holds another agent, or the environment has changed.
        """
        header = files.read_header(folder)
        if header.get("agent") != cls.name:
            raise ScenariumError(f"{folder} holds agent {header.get('agent')!r}, not {cls.name!r}; use load_agent")
        try:
            name, kwargs = header["policy"]["name"], header["policy"]["kwargs"]
            if name == "custom" and policy is None:
                raise ScenariumError(f"{folder} holds a policy of your own; pass the module as policy=")
            model = restore_model(header["env"], env)
            config = cls.config_class.from_mapping(header["config"])
            agent = cls(
                model, policy or name, config=config, seed=header["seed"], device=device, policy_kwargs=kwargs
            )  # fmt: skip
        except (KeyError, TypeError) as error:
            raise ScenariumError(f"{Path(folder) / files.CONFIG} is damaged: {error}") from None
        agent._restore(folder, header)
        return agent

    @classmethod
    def from_policy(
        cls,
        model: Model,
        policy: Mapping[str, Any],
        config: Mapping[str, Any],
        tensors: Mapping[str, Tensor],
        device: str | torch.device = "cpu",
    ) -> Self:
        """Rebuilds an agent that can act from plain data and tensors, as a submission holds them.

        Args:
            model: The problem it is to play.
            policy: ``{"name": ..., "kwargs": {...}}``.
            config: All fields of the config.
            tensors: The policy's tensors.
            device: Torch device.

        Raises:
            ScenariumError: The data or the tensors do not fit the agent.
        """
        settings = cls.config_class.from_mapping(config)
        name, kwargs = str(policy.get("name", "mlp")), dict(policy.get("kwargs") or {})
        agent = cls(model, name, config=settings, device=device, policy_kwargs=kwargs)
        try:
            agent._load_policy(tensors)
        except (KeyError, RuntimeError) as error:
            raise ScenariumError(f"the tensors do not fit this {cls.name}: {str(error).splitlines()[0]}") from None
        return agent

    def describe(self) -> dict[str, Any]:
        """Agent, environment, policy, config and seed as plain data, as a checkpoint and a submission carry them."""
        return self._header()

    def policy_tensors(self) -> dict[str, Tensor]:
        """The tensors acting needs, as a submission carries them."""
        return self._policy_tensors()

    def _header(self) -> dict[str, Any]:
        own = {"num_timesteps": self.num_timesteps, "iterations": self.iterations}
        run = {"run_start": self._run_start, "run_total": self._run_total}
        return {
            "agent": self.name,
            "env": describe_model(self.model),
            "policy": {"name": self.policy_name, "kwargs": self.policy_kwargs},
            "config": self.config.to_mapping(),
            "seed": self.seed,
            "counters": {**own, **run, **self._counters()},
        }

    def _restore(self, folder: str | os.PathLike[str], header: Mapping[str, Any] | None = None) -> None:
        if header is None:
            header = files.read_header(folder)
            self._refuse_other_run(folder, header)
        counters = header["counters"]
        self.num_timesteps, self.iterations = int(counters["num_timesteps"]), int(counters["iterations"])
        self._run_start, self._run_total = int(counters["run_start"]), int(counters["run_total"])
        self._load_counters(counters)
        tensors = [files.read_tensors(folder, name, str(self.device)) for name in (files.POLICY, files.TRAINER)]
        try:
            self._load_tensors(*tensors)
        except (KeyError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise ScenariumError(f"the tensors in {folder} do not fit this agent: {reason}") from None

    def _refuse_other_run(self, folder: str | os.PathLike[str], header: Mapping[str, Any]) -> None:
        mine = json.loads(json.dumps(self._header()))
        for key in ("agent", "env", "policy", "config", "seed"):
            if mine[key] != header.get(key):
                raise ScenariumError(f"cannot resume from {folder}: its {key} differs from this agent's")
