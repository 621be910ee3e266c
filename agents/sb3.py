"""Stable-Baselines3 with the verbs of this suite, and with files that execute nothing.

Algorithms and their networks are Stable-Baselines3's own. What is different: worlds come as one batched environment, a
saved agent is JSON and safetensors instead of a pickle, and loading rebuilds the algorithm from the registry and fills
in the weights. Learning can go on from such a file, starting with an empty replay buffer.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor, nn

from scenarium.agents.core.base import Agent
from scenarium.agents.core.callbacks import Metrics
from scenarium.agents.core.checkpoint import under_prefix, with_prefix
from scenarium.agents.core.config import Config
from scenarium.agents.core.evaluation import derived_seeds
from scenarium.agents.core.schedules import parse_schedule
from scenarium.agents.networks import ENCODERS, build_encoder, encoder_arguments
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.model import Model

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm
    from stable_baselines3.common.vec_env import VecEnv


def _bounded(space: spaces.Space[Any]) -> bool:
    return isinstance(space, spaces.Box) and space.is_bounded()


def _rescaled(venv: VecEnv) -> VecEnv:
    """Worlds whose bounded actions are taken from [-1, 1].

    A new policy's actions are normal around 0 with deviation 1, which is the middle of that range, and an edge or worse
    of any other; the off-policy algorithms rescale on their own, and then have nothing left to do.
    """
    from stable_baselines3.common.vec_env import VecEnvWrapper

    class Rescaled(VecEnvWrapper):
        def __init__(self, inner: VecEnv) -> None:
            space = inner.action_space
            super().__init__(inner, action_space=spaces.Box(-1.0, 1.0, space.shape, np.float32))
            self._low, self._half = space.low, (space.high - space.low) / 2.0  # type: ignore[attr-defined]

        def step_async(self, actions: Any) -> None:
            self.venv.step_async(self._low + (np.clip(actions, -1.0, 1.0) + 1.0) * self._half)

        def step_wait(self) -> Any:
            return self.venv.step_wait()

        def reset(self) -> Any:
            return self.venv.reset()

    return Rescaled(venv)


def _extractor() -> type[Any]:
    """The class of Stable-Baselines3 around one of our encoders."""
    from stable_baselines3.common.torch_layers import BaseFeaturesExtractor

    class Extractor(BaseFeaturesExtractor):
        def __init__(self, observation_space: spaces.Space[Any], encoder: Callable[[], nn.Module]) -> None:
            made: Any = encoder()
            super().__init__(observation_space, made.size)
            self.encoder = made

        def forward(self, observations: Any) -> Tensor:
            features: Tensor = self.encoder(observations)
            return features

    return Extractor


_OPTIMISERS = ("policy.optimizer", "actor.optimizer", "critic.optimizer", "ent_coef_optimizer")


@dataclass(frozen=True)
class SB3Config(Config):
    """Settings shared by the Stable-Baselines3 agents."""

    num_envs: int = 16
    """Worlds played side by side, at least 1."""

    learning_rate: float | str | None = None
    """Step size: a number or a schedule such as "linear 0.0003"; None takes the algorithm's default."""

    gamma: float | None = None
    """Discount factor in [0, 1]; None takes the algorithm's default, 0.99."""

    algorithm: Mapping[str, Any] | None = None
    """Further arguments of the Stable-Baselines3 class by name, such as ``{"n_steps": 256}``."""

    def __post_init__(self) -> None:
        self._check("num_envs", lambda v: int(v) == v and v >= 1, "a whole number of at least 1")
        self._check("gamma", lambda v: 0.0 <= v <= 1.0, "in [0, 1]")
        if self.learning_rate is not None:
            parse_schedule(self.learning_rate)


class SB3Runner(Agent):
    """One algorithm of Stable-Baselines3; see `Agent` for the arguments and `SB3Config` for the fields.

    `policy` is "mlp" (MultiInputPolicy where observations are dicts); its keyword arguments are those of the policy
    class, such as ``net_arch=[64, 64]``. "image" and "shared", for portfolios, put an encoder of `agents.networks`
    before that as features extractor; its keyword arguments, such as ``channels=[8, 16, 32]``, go to it.
    """

    track: ClassVar[Literal["known-model", "model-free"]] = "model-free"
    config_class = SB3Config
    config: SB3Config
    algorithm_name: ClassVar[str]
    actions: ClassVar[tuple[type[spaces.Space[Any]], ...]]

    def _check_problem(self) -> None:
        if len(self.model.roles) > 1 or self.model.roles[0].count is not None:
            raise ScenariumError(f"{self.name} trains one lone agent; this problem has several roles")
        if not isinstance(self.model.action_space, self.actions):
            wanted = " or ".join(kind.__name__ for kind in self.actions)
            hint = (
                "; use action_mode='integer' or the discretising wrapper" if self.actions == (spaces.Discrete,) else ""
            )
            raise ScenariumError(f"{self.name} needs {wanted} actions, got {self.model.action_space}{hint}")

    def _build(self, policy: str | nn.Module) -> None:
        if policy != "mlp" and policy not in ENCODERS:
            takes = f"policy='mlp' only, and {' or '.join(map(repr, ENCODERS))} for portfolios"
            raise ScenariumError(f"{self.name} takes {takes} (settings in policy_kwargs), got {self.policy_name!r}")
        self._algorithm = self._make(self._venv())

    def _venv(self) -> VecEnv:
        from scenarium.envs.core.sb3 import make_vec_env

        venv = make_vec_env(self.model, self.config.num_envs, seed=self._hashed_seed(), device=str(self.device))
        return _rescaled(venv) if _bounded(self.model.action_space) else venv

    def _hashed_seed(self) -> int:
        """A seed for Stable-Baselines3, which takes 32 bits and counts worlds on from it.

        Hashed, so that training worlds are not the 0, 1, 2, ... that somebody evaluates on.
        """
        return int(derived_seeds(self.seed, 0, 0, 1, torch.device("cpu"))[0]) % 2**32

    def _make(self, venv: VecEnv) -> BaseAlgorithm:
        policy = "MultiInputPolicy" if isinstance(self.model.observation_space, spaces.Dict) else "MlpPolicy"
        arguments: dict[str, Any] = {**(self.config.algorithm or {}), "policy_kwargs": self._sb3_policy_kwargs()}
        if self.config.learning_rate is not None:
            schedule = parse_schedule(self.config.learning_rate)
            arguments["learning_rate"] = lambda remaining: schedule(1.0 - remaining)
        if self.config.gamma is not None:
            arguments["gamma"] = self.config.gamma
        try:
            algorithm: BaseAlgorithm = _algorithm_class(self.algorithm_name)(
                policy,
                venv,
                seed=self._hashed_seed(),
                device=str(self.device),
                **arguments,
            )
        except TypeError as error:
            raise ScenariumError(f"{self.algorithm_name}: {error}") from None
        return algorithm

    def _sb3_policy_kwargs(self) -> dict[str, Any]:
        """Arguments of the policy class, the features extractor among them where there is a named one."""
        if self.policy_name not in ENCODERS:
            return dict(self.policy_kwargs)
        inner = encoder_arguments(self.policy_name)
        own = {name: value for name, value in self.policy_kwargs.items() if name in inner}
        rest = {name: value for name, value in self.policy_kwargs.items() if name not in inner}
        extractor = {"encoder": lambda: build_encoder(self.policy_name, self.model, **own)}
        return {**rest, "features_extractor_class": _extractor(), "features_extractor_kwargs": extractor}

    def _iterate(self) -> Metrics:
        raise NotImplementedError("Stable-Baselines3 has a learning loop of its own")

    def _train(self, go_on: Callable[[Metrics], bool]) -> None:
        left = self._run_start + self._run_total - self.num_timesteps
        if left > 0:
            callback = _bridge(self, go_on)
            self._algorithm.learn(left, callback=callback, reset_num_timesteps=False)
            self.num_timesteps = self._algorithm.num_timesteps

    def _act(
        self, observation: Any, memory: Any, deterministic: bool, mask: Tensor | None = None
    ) -> tuple[Tensor, Any]:
        policy = self._algorithm.policy
        policy.set_training_mode(False)
        action = policy._predict(observation, deterministic=deterministic)
        space = self.model.action_space
        if isinstance(space, spaces.Box):
            low, high = (torch.as_tensor(bound, device=action.device) for bound in (space.low, space.high))
            if _bounded(space):
                action = low + 0.5 * (action + 1.0) * (high - low)
            action = torch.minimum(torch.maximum(action, low), high)
        return action, memory

    def _policy_tensors(self) -> dict[str, Tensor]:
        return dict(self._algorithm.policy.state_dict())

    def _trainer_tensors(self) -> dict[str, Tensor]:
        tensors: dict[str, Tensor] = {}
        for name in _OPTIMISERS:
            optimiser = _attribute(self._algorithm, name)
            for index, state in (optimiser.state_dict()["state"] if optimiser else {}).items():
                tensors |= with_prefix(f"{name}.{index}", {key: torch.as_tensor(value) for key, value in state.items()})
        entropy = getattr(self._algorithm, "log_ent_coef", None)
        return tensors if entropy is None else {**tensors, "log_ent_coef": entropy}

    @classmethod
    def from_policy(
        cls,
        model: Model,
        policy: Mapping[str, Any],
        config: Mapping[str, Any],
        tensors: Mapping[str, Tensor],
        device: str | torch.device = "cpu",
    ) -> Self:
        """As `Agent.from_policy`; worlds and buffers, which acting does not need, are as small as can be."""
        algorithm = {**(config.get("algorithm") or {})}
        for name in ("n_steps", "batch_size", "buffer_size", "learning_starts"):
            algorithm.pop(name, None)
        if "buffer_size" in inspect.signature(_algorithm_class(cls.algorithm_name).__init__).parameters:
            algorithm["buffer_size"] = 2
        return super().from_policy(model, policy, {**config, "num_envs": 1, "algorithm": algorithm}, tensors, device)

    def _load_policy(self, policy: Mapping[str, Tensor]) -> None:
        self._algorithm.policy.load_state_dict(policy)

    def _load_tensors(self, policy: Mapping[str, Tensor], trainer: Mapping[str, Tensor]) -> None:
        self._load_policy(policy)
        for name in _OPTIMISERS:
            optimiser, saved = _attribute(self._algorithm, name), under_prefix(name, trainer)
            if optimiser and saved:
                indices = sorted({int(key.split(".")[0]) for key in saved})
                state = {index: under_prefix(str(index), saved) for index in indices}
                optimiser.load_state_dict({**optimiser.state_dict(), "state": state})
        if "log_ent_coef" in trainer:
            with torch.no_grad():
                self._algorithm.log_ent_coef.copy_(trainer["log_ent_coef"])  # type: ignore[attr-defined]
        self._algorithm.num_timesteps = self.num_timesteps


def _algorithm_class(name: str) -> type[Any]:
    import stable_baselines3

    found: type[Any] = getattr(stable_baselines3, name)
    return found


def _attribute(owner: Any, path: str) -> Any:
    for part in path.split("."):
        owner = getattr(owner, part, None)
    return owner


def _bridge(agent: SB3Runner, go_on: Callable[[Metrics], bool]) -> Any:
    """A Stable-Baselines3 callback that passes on to ours after every step of the batch of worlds."""
    from stable_baselines3.common.callbacks import BaseCallback

    class Bridge(BaseCallback):
        def _on_step(self) -> bool:
            agent.num_timesteps = self.num_timesteps
            agent.iterations += 1
            rewards = self.locals.get("rewards")
            return go_on({} if rewards is None else {"mean_reward": float(np.mean(rewards))})

    return Bridge()


class SB3PPO(SB3Runner):
    """Proximal policy optimisation (Schulman et al., 2017)."""

    name: ClassVar[str] = "sb3_ppo"
    algorithm_name = "PPO"
    actions = (spaces.Box, spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)


class SB3A2C(SB3Runner):
    """Advantage actor-critic (Mnih et al., 2016)."""

    name: ClassVar[str] = "sb3_a2c"
    algorithm_name = "A2C"
    actions = (spaces.Box, spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)


class SB3SAC(SB3Runner):
    """Soft actor-critic (Haarnoja et al., 2018)."""

    name: ClassVar[str] = "sb3_sac"
    algorithm_name = "SAC"
    actions = (spaces.Box,)


class SB3TD3(SB3Runner):
    """Twin delayed policy gradient (Fujimoto et al., 2018)."""

    name: ClassVar[str] = "sb3_td3"
    algorithm_name = "TD3"
    actions = (spaces.Box,)


class SB3DQN(SB3Runner):
    """Deep Q-network (Mnih et al., 2015)."""

    name: ClassVar[str] = "sb3_dqn"
    algorithm_name = "DQN"
    actions = (spaces.Discrete,)
