"""What agents share that choose by action values: choices, exploration, worlds, and acting."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import torch
from gymnasium import spaces
from torch import Tensor, nn

from scenarium.agents.core.accelerate import accelerated
from scenarium.agents.core.actions import ActionMap
from scenarium.agents.core.adam import radam_rates
from scenarium.agents.core.base import Agent
from scenarium.agents.core.callbacks import Metrics
from scenarium.agents.core.checkpoint import under_prefix, with_prefix
from scenarium.agents.core.evaluation import derived_seeds
from scenarium.agents.core.greedy import BranchGrid, greedy, masked_max, random_choice
from scenarium.agents.core.learner import Learner, Rates
from scenarium.agents.core.returns import finished_returns
from scenarium.agents.core.schedules import parse_schedule
from scenarium.agents.core.value_config import ValueConfig
from scenarium.agents.core.worlds import Played, Worlds, make_worlds
from scenarium.agents.networks import ENCODERS
from scenarium.agents.networks.encoded import encoded_values
from scenarium.agents.networks.values import OwnNetwork, QNetwork
from scenarium.envs.core.errors import ScenariumError, unknown_name
from scenarium.envs.core.tree import tree_map

_WORLDS, _INIT, _STEP, _NOISE = range(4)
"""Streams of the agent's seed."""


class ValueAgent(Agent):
    """Plays many worlds under one epsilon-greedy policy; see `Agent` for the arguments.

    Box actions are chosen from `levels` or a `menu`; an action with several numbers has a branch for each, whose values
    are averaged (Seyde et al., ICLR 2023). Agents of a team share one network and learn independently of each other.

    Attributes:
        optimizer: Step sizes of the optimiser, rectified Adam's or Adam's.
        network: From prepared observations to values [B, branches, choices].
    """

    track: ClassVar[Literal["known-model", "model-free"]] = "model-free"
    foreign: ClassVar[bool] = True
    masks: ClassVar[bool] = True
    optimizer: ClassVar[Rates] = staticmethod(radam_rates)
    config: ValueConfig
    network: Any

    def _check_problem(self) -> None:
        if len(self.model.roles) > 1:
            names = ", ".join(role.name for role in self.model.roles)
            raise ScenariumError(f"{self.name} trains one role; fix all but one of {names} with WithPolicies")

    def _build(self, policy: str | nn.Module) -> None:
        c, role = self.config, self.model.roles[0]
        self._team = role.count
        self._actions = ActionMap.of(role.action_space, c.levels, c.menu, self.device)
        self._grid = BranchGrid(self._actions.branches, self.device)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self._hashed_seed(_INIT))
            self.network = self._network(policy).to(self.device).eval()
        self._learner = self._make_learner()
        self._rate = parse_schedule(c.learning_rate)
        self._generator = torch.Generator(self.device).manual_seed(self._hashed_seed(_STEP))
        self._noise = torch.Generator(self.device).manual_seed(self._hashed_seed(_NOISE))
        self._worlds: Worlds | None = None
        self._played: Played | None = None
        self._returns = torch.zeros(c.num_envs * (self._team or 1), device=self.device)
        self._choose_now, self._value_now = self._ready(self._choose), self._ready(self._value)

    def _make_learner(self) -> Learner:
        c = self.config
        return Learner(self.network, self._loss, c.max_grad_norm, c.compile, type(self).optimizer)

    def _ready(self, function: Any) -> Any:
        return accelerated(function, self.device) if self.config.compile else function

    def _network(self, policy: str | nn.Module) -> nn.Module:
        if isinstance(policy, nn.Module):
            return OwnNetwork(policy, self._grid.shape)
        if policy in ENCODERS:
            return encoded_values(policy, self.model, self._grid.shape, self.policy_kwargs)
        return self._named_network(QNetwork, policy)

    def _named_network(self, kind: type[QNetwork], policy: str) -> nn.Module:
        if policy != "mlp":
            raise ScenariumError(f"{self.name} takes policy='mlp' or a module, got {policy!r}")
        known = [name for name in inspect.signature(kind).parameters if name not in ("space", "shape", "scale")]
        for argument in self.policy_kwargs:
            if argument not in known:
                raise unknown_name("argument of policy 'mlp':", argument, known)
        scale = getattr(self.model, "observation_scale", None)
        return self._make_network(kind, self.model.roles[0].observation_space, self._grid.shape, scale)

    def _make_network(self, kind: type[QNetwork], space: Any, shape: tuple[int, int], scale: Any) -> nn.Module:
        """A network of this kind from observation space, shape of the values and scale of the observations."""
        return kind(space, shape, scale, **self.policy_kwargs)

    # Pure functions of tensors, compiled where asked for ------------------------------------------------------------

    def _choose(self, seen: Any, mask: Tensor | None, uniforms: Tensor, epsilon: Tensor) -> tuple[Tensor, Any]:
        """Epsilon-greedy choices [N, branches] and greedy values [N]; `uniforms` [N, 1 + branches]."""
        values = self._evaluate(seen)
        mixed = random_choice(uniforms[:, 1:], self._grid.shape[1], mask)
        explore = uniforms[:, :1] < epsilon
        return torch.where(explore, mixed, greedy(values, mask)), masked_max(values, mask)

    def _evaluate(self, seen: Any) -> Tensor:
        """Values [B, branches, choices] of prepared observations, for acting."""
        values: Tensor = self.network(seen)
        return values

    def _value(self, seen: Any, mask: Tensor | None) -> Tensor:
        return masked_max(self._evaluate(seen), mask)

    def _loss(self, *minibatch: Any) -> Tensor:
        """The loss, 0-dim, of a minibatch."""
        raise NotImplementedError

    # Playing --------------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        """Starts new worlds; resumed learning gets other ones than a fresh one."""
        if self._worlds is None:
            self._worlds = make_worlds(self.model, self.config.num_envs, self.device, self.config.episode)
        self._played = self._worlds.reset(self._hashed_seed(_WORLDS, self.iterations))
        self._returns.zero_()

    def _metrics(self, reward: Tensor, ended: Tensor, measured: Tensor) -> Metrics:
        reward = reward / self.config.reward_scale
        finished, self._returns = finished_returns(reward, ended, self._returns)
        return {
            "mean_reward": reward.mean(), "episode_return": finished, "loss": measured[0],
            "gradient_norm": measured[1], "epsilon": self._epsilon(),
        }  # fmt: skip

    def _sight(self, observation: Any) -> Any:
        return self.network.prepare(observation)

    def _may_bootstrap(self, truncated: Tensor) -> bool:
        # Reading the flags would stall a GPU's queue and break a compiled function; there the value is always computed.
        looks = self.device.type == "cpu" and not self.config.compile
        return not self._limit_is_terminal and (not looks or bool(truncated.any()))

    @property
    def _limit_is_terminal(self) -> bool:
        own = self.config.time_limit_is_terminal
        if own is not None:
            return own
        return self.model.time_limit_is_terminal and self.config.episode is None

    # Schedules and seeds --------------------------------------------------------------------------------------------

    def _epsilon(self) -> float:
        """Probability of a random action in this rollout."""
        c = self.config
        done = min(1.0, self.progress / c.epsilon_fraction) if c.epsilon_fraction else 1.0
        return c.epsilon_start * (1.0 - done) + c.epsilon_end * done

    def _step_sizes(self, steps: int) -> Tensor:
        after = self.progress + self.config.num_envs * self.config.steps / self._run_total
        return self._learner.rates(self._rate, self.progress, after, steps)

    def _hashed_seed(self, stream: int, number: int = 0) -> int:
        return int(derived_seeds(self.seed, stream, number, 1, torch.device("cpu"))[0])

    # Acting and files -----------------------------------------------------------------------------------------------

    def _act(
        self, observation: Any, memory: Any, deterministic: bool, mask: Tensor | None = None
    ) -> tuple[Tensor, Any]:
        observation, mask, shape = self._lanes(observation, mask)
        index, memory = self._pick(self._sight(observation), memory, self._grid.mask(mask), deterministic)
        action = self._actions.decode(index)
        return action.reshape(*shape, *action.shape[1:]), memory

    def _pick(self, seen: Any, memory: Any, mask: Tensor | None, deterministic: bool) -> tuple[Tensor, Any]:
        """Choices [B, branches] and the memory after them."""
        best = greedy(self._evaluate(seen), mask)
        return (best if deterministic else self._explored(best, mask)), memory

    def _explored(self, best: Tensor, mask: Tensor | None) -> Tensor:
        """Choices with the exploration of the end of training."""
        uniforms = torch.rand((len(best), 1 + best.shape[1]), generator=self._noise, device=self.device)
        mixed = random_choice(uniforms[:, 1:], self._grid.shape[1], mask)
        return torch.where(uniforms[:, :1] < self.config.epsilon_end, mixed, best)

    def _lanes(self, observation: Any, mask: Tensor | None) -> tuple[Any, Tensor | None, tuple[int, ...]]:
        """A team's observations [B, agents, ...] as lanes, and the shape that the lanes came from."""
        space = self.model.roles[0].observation_space
        leaf, shape = observation, space.shape
        if isinstance(space, spaces.Dict):
            name, part = next(iter(space.spaces.items()))
            leaf, shape = observation[name], part.shape
        mask = None if mask is None else mask.reshape(-1, sum(self._actions.branches))
        if leaf.ndim == len(shape or ()) + 1:
            return observation, mask, (len(leaf),)
        return tree_map(lambda one: one.flatten(0, 1), observation), mask, tuple(leaf.shape[:2])

    def _policy_tensors(self) -> dict[str, Tensor]:
        return dict(self.network.state_dict())

    def _trainer_tensors(self) -> dict[str, Tensor]:
        own = {"generator": self._generator.get_state(), "returns": self._returns}
        worlds = {} if self._worlds is None else self._worlds.tensors()
        return {**own, **self._learner.tensors(), **with_prefix("worlds", worlds)}

    def _counters(self) -> dict[str, Any]:
        return {"gradient_steps": self._learner.steps}

    def _load_counters(self, counters: Mapping[str, Any]) -> None:
        self._learner.steps = int(counters["gradient_steps"])

    def _load_policy(self, policy: Mapping[str, Tensor]) -> None:
        self.network.load_state_dict(policy)

    def _load_tensors(self, policy: Mapping[str, Tensor], trainer: Mapping[str, Tensor]) -> None:
        self._load_policy(policy)
        self._learner.load(trainer)
        self._generator.set_state(trainer["generator"].cpu())
        self._returns.copy_(trainer["returns"])
        worlds = under_prefix("worlds", trainer)
        if worlds:
            self._worlds = make_worlds(self.model, self.config.num_envs, self.device, self.config.episode)
            self._played = self._worlds.load(worlds)
