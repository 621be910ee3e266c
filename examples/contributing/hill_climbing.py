"""A new agent in under a hundred lines: keep a random step of the policy's weights if it earns more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from scenarium.agents.core.base import Agent
from scenarium.agents.core.callbacks import Metrics
from scenarium.agents.core.config import Config
from scenarium.agents.core.evaluation import derived_seeds
from scenarium.agents.core.registry import AgentEntry, register_agent
from scenarium.agents.networks import build_policy


@dataclass(frozen=True)
class HillClimbingConfig(Config):
    """Settings of hill climbing."""

    worlds: int = 64
    """Worlds on which old and new weights are compared, at least 1."""

    spread: float = 0.03
    """Standard deviation of a step, positive."""

    def __post_init__(self) -> None:
        self._check("worlds", lambda v: int(v) == v and v >= 1, "a whole number of at least 1")
        self._check("spread", lambda v: v > 0, "positive")


class HillClimbing(Agent):
    """Random search on the weights of any policy; old and new play the same worlds (common random numbers)."""

    name: ClassVar[str] = "hill_climbing"
    track: ClassVar[Literal["known-model", "model-free"]] = "model-free"
    config_class = HillClimbingConfig
    config: HillClimbingConfig

    def _build(self, policy: str | nn.Module) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            built = policy if isinstance(policy, nn.Module) else build_policy(policy, self.model.native())
        self.policy = built.to(self.device)
        self._draws = torch.Generator().manual_seed(self.seed)

    @torch.no_grad()
    def _iterate(self) -> Metrics:
        seeds = derived_seeds(self.seed, 0, self.iterations * self.config.worlds, self.config.worlds, self.device)
        old = parameters_to_vector(self.policy.parameters())
        before = self.mean_reward(seeds)
        step = self.config.spread * torch.randn(old.shape, generator=self._draws).to(self.device)
        vector_to_parameters(old + step, self.policy.parameters())
        after = self.mean_reward(seeds)
        if after < before:
            vector_to_parameters(old, self.policy.parameters())
        self.num_timesteps += 2 * self.config.worlds * self.model.horizon
        return {"reward": max(before, after)}

    def _act(self, observation: Any, memory: Any, deterministic: bool, mask: Any = None) -> tuple[Tensor, Any]:
        return self._encode(self.policy(observation)), memory

    def _policy_tensors(self) -> dict[str, Tensor]:
        return self.policy.state_dict()

    def _trainer_tensors(self) -> dict[str, Tensor]:
        return {"draws": self._draws.get_state()}

    def _load_policy(self, policy: Mapping[str, Tensor]) -> None:
        self.policy.load_state_dict(dict(policy))

    def _load_tensors(self, policy: Mapping[str, Tensor], trainer: Mapping[str, Tensor]) -> None:
        self._load_policy(policy)
        self._draws.set_state(trainer["draws"].cpu())


register_agent(AgentEntry("hill_climbing", "hill_climbing:HillClimbing", "Random search on the policy's weights"))
