"""What the streaming agents share: one transition, one update, nothing stored.

Elsayed, Vasan and Mahmood, "Streaming Deep Reinforcement Learning Finally Works" (arXiv 2410.14606). Every step a
learner acts, sees what came of it, moves its weights along its eligibility trace, and forgets the transition. K
learners run as one batch; each has its own weights, traces, statistics, random numbers and lane, so a stack does what
K separate runs would do.

Three things happen at an episode's end, and they are not the same thing: a state is worth nothing beyond a
*termination* (or a time limit, where the problem says that one is a real end), while traces are cut and the running
sum behind the reward scale starts again after *any* end.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from scenarium.agents.core.base import Agent
from scenarium.agents.core.callbacks import Metrics
from scenarium.agents.core.checkpoint import under_prefix, with_prefix
from scenarium.agents.core.evaluation import derived_seeds
from scenarium.agents.core.foreign import ForeignModel
from scenarium.agents.core.observations import as_batch
from scenarium.agents.core.worlds import Worlds, make_worlds
from scenarium.agents.networks.features import FlatFeatures
from scenarium.agents.stream.config import StreamConfig
from scenarium.agents.stream.episodes import Episode, EpisodeLog
from scenarium.agents.stream.network import StackedMLP
from scenarium.agents.stream.normalize import RewardScale, Welford
from scenarium.agents.stream.obgd import ObGD
from scenarium.envs.core.errors import ScenariumError

_CPU = torch.device("cpu")
_WORLDS, _VALUE, _POLICY, _DRAWS, _NOISE = range(5)
"""Streams of a learner's seed."""
_HIDDEN = (32, 32)


class StreamAgent(Agent):
    """Base of the streaming agents; see `Agent` for the arguments and the config class for the fields.

    The network is always a perceptron with LayerNorm and LeakyReLU on the flattened observation (Discrete entries
    one-hot, Dict entries joined in the order of the space); ``policy_kwargs={"hidden": [128, 128]}`` sets its widths.

    Attributes:
        acting: The learner that `predict` and `value` use, 0 by default.
        episodes: Episodes finished in the last iteration.
    """

    track: ClassVar[Literal["known-model", "model-free"]] = "model-free"
    foreign: ClassVar[bool] = True
    masks: ClassVar[bool] = True
    config: StreamConfig

    def _check_problem(self) -> None:
        if len(self.model.roles) > 1 or self.model.roles[0].count is not None:
            raise ScenariumError(f"{self.name} trains lone agents; this problem has several roles or a team")
        if self.config.time_feature and self.model.horizon >= 1 << 31:
            raise ScenariumError("time_feature needs an environment with a time limit")

    def _build(self, policy: str | nn.Module) -> None:
        if policy != "mlp":
            raise ScenariumError(
                f"{self.name} has a network of its own; use policy='mlp' and policy_kwargs hidden=[...]"
            )
        c = self.config
        self.learner_seeds = [self.seed + k for k in range(c.learners)]
        self.acting = 0
        noise = int(derived_seeds(self.seed, _NOISE, 0, 1, _CPU)[0])
        self._noise = torch.Generator(self.device).manual_seed(noise)
        self._flat = FlatFeatures(self.model.observation_space)
        size = self._flat.size
        self._statistics = Welford(c.learners, size, self.device)
        self._rewards = RewardScale(c.learners, c.gamma, self.device)
        self._inputs = size + int(c.time_feature)
        self._age = torch.zeros(c.learners, device=self.device)
        self._features = torch.zeros(c.learners, self._inputs, device=self.device)
        self._mask: Tensor | None = None
        self._observation: Any = None
        self._log = EpisodeLog(c.learners)
        self.episodes: list[Episode] = []
        self._worlds: Worlds | None = None
        self._saved_worlds: dict[str, Tensor] | None = None
        self._error: Tensor | None = None
        self._networks: dict[str, tuple[StackedMLP, ObGD]] = {}
        self._make_networks()

    def _network(self, name: str, stream: int, outputs: int, kappa: float) -> tuple[StackedMLP, ObGD]:
        """One stacked network and its optimiser, kept and saved under a name."""
        c = self.config
        unknown = sorted(set(self.policy_kwargs) - {"hidden"})
        if unknown:
            raise ScenariumError(f"policy 'mlp' of {self.name} takes hidden=[...], not {unknown[0]}")
        sizes = (self._inputs, *self.policy_kwargs.get("hidden", _HIDDEN), outputs)
        seeds = [int(derived_seeds(seed, stream, 0, 1, _CPU)[0]) for seed in self.learner_seeds]
        network = StackedMLP(sizes, seeds, self.device, c.sparsity, c.exact_sparsity)
        self._networks[name] = network, ObGD(network, c.alpha, kappa, c.gamma * c.trace, c.beta)
        return self._networks[name]

    # What an agent implements -----------------------------------------------------------------------------------

    @abstractmethod
    def _make_networks(self) -> None:
        """Makes networks and whatever else depends on the action space."""

    @abstractmethod
    def _stand(self, features: Tensor, mask: Tensor | None) -> None:
        """Takes in where the learners now are, with the present weights."""

    @abstractmethod
    def _decide(self, step: int) -> Tensor:
        """The environment's actions [K, ...] where the learners are."""

    @abstractmethod
    def _learn(self, reward: Tensor, after: Tensor, mask: Tensor | None, going: Tensor, ended: Tensor) -> Tensor:
        """One update of all learners; returns their errors delta [K].

        Args:
            reward: Scaled rewards [K].
            after: Features of what was seen after the step (before a reset) [K, n].
            mask: Choices allowed there, bool [K, choices], or None.
            going: gamma where there is a future to be valued, else 0, float32 [K].
            ended: Whether the episode ended, bool [K].
        """

    @abstractmethod
    def _values(self, learner: int, features: Tensor, mask: Tensor | None) -> Tensor:
        """What states [B] are worth to a learner, in scaled rewards."""

    # One step ---------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def _iterate(self) -> Metrics:
        if self._worlds is None:
            self._start()
        learners = self.config.learners
        left = self._run_start + self._run_total - self.num_timesteps
        for _ in range(min(self.config.steps_per_iteration, -(-left // learners))):
            self._step(self.num_timesteps // learners)
            self.num_timesteps += learners
        self.episodes = self._log.drain()
        metrics: dict[str, Any] = {}
        if self._error is not None:
            metrics["absolute_error"] = self._error.abs().mean()
        if self.episodes:
            metrics["episode_return"] = sum(e.total for e in self.episodes) / len(self.episodes)
            metrics["episode_length"] = sum(e.length for e in self.episodes) / len(self.episodes)
        return metrics

    def _step(self, step: int) -> None:
        assert self._worlds is not None
        played = self._worlds.step(self._decide(step))
        ended = played.terminated | played.truncated
        self._log.add(played.reward, ended)
        reward = self._rewards(played.reward, ended) if self.config.scale_rewards else played.reward
        over = ended if self._worlds.time_limit_is_terminal else played.terminated
        self._age += 1.0
        after = self._see(played.final_observation)
        going = over.logical_not().mul(self.config.gamma)
        self._error = self._learn(reward, after, played.final_mask, going, ended)
        self._observation = played.observation
        # Looking at the flags would stall a GPU's queue; there every step sees a reset, which changes nothing.
        if self.device.type != "cpu" or bool(ended.any()):
            self._age.mul_(~ended)
            after = torch.where(ended.unsqueeze(1), self._see(played.observation, ended), after)
        self._features, self._mask = after, played.mask
        self._stand(after, played.mask)

    def _see(self, observation: Any, lanes: Tensor | None = None) -> Tensor:
        """Features of an observation, after it has been added to the statistics (of these lanes, if not of all)."""
        flat: Tensor = self._flat(observation)
        if self.config.normalize_observations:
            sample = flat.double()
            self._statistics.update(sample, lanes)
            flat = self._statistics.centred(sample)
        return self._with_time(flat, self._age)

    def _with_time(self, features: Tensor, age: Tensor) -> Tensor:
        if not self.config.time_feature:
            return features
        time = (age - 1.0).clamp(min=0.0) / self.model.horizon - 0.5  # the first step repeats the start
        return torch.cat([features, time.unsqueeze(1)], 1)

    # Lanes ------------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        """Makes the lanes, and goes on from the saved ones or starts new episodes."""
        self._worlds = make_worlds(self.model, self.config.learners, self.device)
        saved, self._saved_worlds = self._saved_worlds, None
        played = self._worlds.load(saved) if saved else None
        if played is None:
            self._begin_episodes()
            return
        self._observation, self._mask = played.observation, played.mask
        self._stand(self._features, self._mask)

    def _begin_episodes(self) -> None:
        assert self._worlds is not None
        first = self.num_timesteps == 0 and isinstance(self.model, ForeignModel)
        seed = self.seed if first else int(derived_seeds(self.seed, _WORLDS, self.num_timesteps, 1, _CPU)[0])
        played = self._worlds.reset(seed)
        self._age.zero_()
        self._log.restart()
        self._rewards.restart()
        everyone = torch.ones(self.config.learners, dtype=torch.bool, device=self.device)
        for _, optimiser in self._networks.values():
            optimiser.cut(everyone)
        self._observation, self._mask = played.observation, played.mask
        self._features = self._see(played.observation)
        self._stand(self._features, self._mask)

    # Acting -----------------------------------------------------------------------------------------------------

    def _frozen(self, observation: Any, memory: Any) -> tuple[Tensor, Any]:
        """Features by the acting learner's statistics, which stay as they are; the memory counts steps."""
        flat = self._flat(observation)
        if self.config.normalize_observations:
            flat = self._statistics.centred_by(self.acting, flat)
        if not self.config.time_feature:
            return flat, None
        age = torch.zeros(len(flat), device=self.device) if memory is None else memory.to(self.device)
        return self._with_time(flat, age), age + 1.0

    def _numbers(self, count: int, width: int, gaussian: bool = False) -> Tensor:
        """Random numbers [count, width] for acting with exploration: uniform, or standard normal."""
        make = torch.randn if gaussian else torch.rand
        return make((count, width), generator=self._noise, device=self.device)

    @torch.no_grad()
    def value(self, observation: Any, state: Any = None, action_masks: Any = None) -> Tensor:
        """What the acting learner thinks states are worth: expected discounted sums of unscaled rewards.

        Q and SARSA answer for the greedy action, AC and TD for the policy they follow.

        Args:
            observation: One observation or a batch, as for `predict`.
            state: Memory as for `predict`; it counts steps where there is a time feature.
            action_masks: As for `predict`.

        Returns:
            float32 [B], with B = 1 for a single observation.
        """
        batch, single = as_batch(self.model.observation_space, observation, self.device)
        mask = None if action_masks is None else torch.as_tensor(action_masks, device=self.device)
        mask = mask[None] if mask is not None and single else mask
        values = self._values(self.acting, self._frozen(batch, state)[0], mask)
        return values * self._rewards.deviation(self.acting).float() if self.config.scale_rewards else values

    # Files ------------------------------------------------------------------------------------------------------

    def _policy_tensors(self) -> dict[str, Tensor]:
        tensors = {name: network.flat for name, (network, _) in self._networks.items()}
        tensors |= with_prefix("observations", self._statistics.tensors())
        return tensors | with_prefix("rewards", self._rewards.tensors())

    def _load_policy(self, policy: Mapping[str, Tensor]) -> None:
        for name, (network, _) in self._networks.items():
            if policy[name].shape != network.flat.shape:
                shapes = f"{tuple(policy[name].shape)}, not {tuple(network.flat.shape)}"
                raise RuntimeError(f"weights {name!r} have shape {shapes}")
            network.flat.copy_(policy[name])
        self._statistics.load(under_prefix("observations", policy))
        self._rewards.load(under_prefix("rewards", policy))

    def _trainer_tensors(self) -> dict[str, Tensor]:
        tensors = {"features": self._features, "age": self._age}
        for name, (_, optimiser) in self._networks.items():
            tensors |= with_prefix(name, optimiser.tensors())
        saved = self._worlds.tensors() if self._worlds is not None else self._saved_worlds or {}
        return tensors | with_prefix("worlds", saved) | with_prefix("log", self._log.tensors())

    def _load_tensors(self, policy: Mapping[str, Tensor], trainer: Mapping[str, Tensor]) -> None:
        self._load_policy(policy)
        self._features, self._age = trainer["features"].clone(), trainer["age"].clone()
        for name, (_, optimiser) in self._networks.items():
            optimiser.load(under_prefix(name, trainer), *self._marks[name])
        self._log.load(under_prefix("log", trainer))
        self._saved_worlds, self._worlds = under_prefix("worlds", trainer), None

    def _counters(self) -> dict[str, Any]:
        marks = {name: [optimiser.steps, optimiser.scale] for name, (_, optimiser) in self._networks.items()}
        return {"acting": self.acting, "optimisers": marks}

    def _load_counters(self, counters: Mapping[str, Any]) -> None:
        self.acting = int(counters["acting"])
        self._marks: dict[str, Any] = counters["optimisers"]
