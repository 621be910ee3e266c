"""HDPO: hindsight differentiable policy optimisation.

Alvo, Russo, Kanoria and Lee, "Deep Reinforcement Learning for Inventory Networks: Toward Reliable Policy
Optimization" (arXiv 2306.11246). The exogenous scenario of every training world is known in hindsight and the
transition is differentiable, so the exact gradient of the sample cost with respect to the policy's weights is one
backward pass through the unrolled model. Adam follows it.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor, nn

from scenarium.agents.core.base import Agent
from scenarium.agents.core.callbacks import Metrics
from scenarium.agents.core.checkpoint import under_prefix, with_prefix
from scenarium.agents.core.evaluation import derived_seeds, world_rewards
from scenarium.agents.core.schedules import parse_schedule
from scenarium.agents.core.weights import FlatWeights
from scenarium.agents.hdpo.compiled import CompiledModel
from scenarium.agents.hdpo.config import HDPOConfig
from scenarium.agents.hdpo.pathwise import Course, pathwise_losses
from scenarium.agents.networks import build_policy
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.namespace import torch_namespace
from scenarium.envs.core.rollout import Act, unroll
from scenarium.envs.core.scenario import Scenario
from scenarium.envs.core.tree import tree_leaves, tree_map

_TRAIN, _DEV, _INIT, _STEP = range(4)
"""Streams of the agent's seed."""
_ADAM = ("exp_avg", "exp_avg_sq", "step")
_ADAPTED_PERIODS = 4
_VANISHED = 1e-3
_IDLE_TOLERANCE = 0.01
_PATIENCE = 20
"""Gradients in a row that may be without end before training gives up."""


class HDPO(Agent):
    """Gradients of the mean reward through the model; see `Agent` for the arguments and `HDPOConfig` for the fields.

    Training unrolls ``model.relaxed().native()``; development evaluations, and everything reported, play the exact
    model. `policy` may be any module from batched observations to native actions; one with ``recurrent = True`` takes
    and returns ``(action, memory)``, with memory None at the start. A relaxed model whose actions are not those of the
    exact one (weights on a menu of prices) turns them into native ones by `Model.decide`.
    """

    name: ClassVar[str] = "hdpo"
    track: ClassVar[Literal["known-model", "model-free"]] = "known-model"
    config_class = HDPOConfig
    config: HDPOConfig

    def _check_problem(self) -> None:
        if len(self.model.roles) > 1 or self.model.roles[0].count is not None:
            raise ScenariumError("hdpo trains one lone agent; this problem has several roles")
        self._trained = self.model.relaxed().native()

    def _build(self, policy: str | nn.Module) -> None:
        c = self.config
        with self._random(_INIT, 0):
            self._learner = (
                build_policy(policy, self._trained, **self.policy_kwargs) if isinstance(policy, str) else policy
            )
        self._learner = self._learner.to(self.device)
        shared: dict[int, Any] = {id(model): model for model in (self.model, self._trained)}
        self.policy = copy.deepcopy(self._learner, shared).requires_grad_(False).eval()
        self._weights = FlatWeights(self._learner)
        fused = self.device.type in ("cpu", "cuda")
        self._adam = torch.optim.Adam([self._weights.value], lr=0.0, betas=(c.beta1, c.beta2), fused=fused)
        self._schedule = parse_schedule(c.learning_rate)
        self._periods = c.horizon or self.model.horizon
        if c.skip >= self._periods:
            raise ScenariumError(f"skip must be below the horizon {self._periods}, got {c.skip}")
        if c.carry_over and self.model.terminates:
            raise ScenariumError("carry_over needs worlds that do not end early")
        if c.carry_over and getattr(self._learner, "recurrent", False):
            raise ScenariumError("carry_over needs a policy without memory")
        self._stepped: Any = CompiledModel(self._trained) if c.compile else self._trained
        self._module: Any = torch.compile(self._learner) if c.compile else self._learner
        self._initial = self._weights.value.detach().clone()
        self._average = self._initial.clone()
        self._best: float | None = None
        self._extremes: list[float] | None = None
        self._first_norm: float | None = None
        self._restarts = self._endless = 0
        self._carried: tuple[Scenario, Course, int] | None = None
        self._behind = False

    # One iteration ----------------------------------------------------------------------------------------------

    def _iterate(self) -> Metrics:
        if self.iterations == 0:
            self._warm_normaliser()
        scenario, course, first = self._worlds()
        seen: dict[int, Any] = {}
        with self._random(_STEP, self.iterations):
            loss, course = self._backward(scenario, course, first, seen)
        norm = self._weights.clip(self.config.max_grad_norm)
        self._check_gradient(norm)
        # A long unroll of a wild policy can overflow once; a step of nothing loses less than the run.
        self._weights.gradient.copy_(torch.where(norm.isfinite(), self._weights.gradient, 0.0))
        self._update()
        for observation in seen.values():
            self._learner.adapt(observation)  # type: ignore[operator]
        if self.config.carry_over:
            self._carried = (scenario, course.detached(), first + self._periods)
        self.num_timesteps += self.config.batch_size * self._periods
        metrics: dict[str, Any] = {"mean_reward": -loss, "gradient_norm": norm, "learning_rate": self._rate()}
        if self.config.dev_every and (self.iterations + 1) % self.config.dev_every == 0:
            metrics["dev_mean_reward"] = self._develop(norm)
        return metrics

    def _backward(self, scenario: Scenario, course: Course, first: int, seen: dict[int, Any]) -> tuple[Tensor, Course]:
        c = self.config
        self._weights.gradient.zero_()
        self._learner.train()
        loss = torch.zeros((), device=self.device)
        periods = range(first, first + self._periods)
        parts = pathwise_losses(
            self._stepped, scenario, self._training_act(first, seen), course, periods,
            skip=c.skip, truncate=c.truncate, recompute=c.checkpoint_segments,
        )  # fmt: skip
        for part, after in parts:
            if part.requires_grad:
                part.backward()  # type: ignore[no-untyped-call]
            loss, course = loss + part.detach(), after
        return loss, course

    def _training_act(self, first: int, seen: dict[int, Any]) -> Act:
        """The policy as trained, noting some observations for its normaliser."""
        adapts = getattr(self._learner, "normalizer", None) is not None
        every = max(1, self._periods // _ADAPTED_PERIODS)
        module, recurrent = self._module, getattr(self._learner, "recurrent", False)

        def act(observation: Any, memory: Any, t: int) -> tuple[Any, Any]:
            if adapts and (t - first) % every == 0:
                seen[t] = tree_map(lambda leaf: leaf.detach(), observation)
            return module(observation, memory) if recurrent else (module(observation), None)

        return act

    def _update(self) -> None:
        self._adam.param_groups[0]["lr"] = self._rate()
        self._adam.step()
        if self.config.weight_average:
            # The window grows with training, so that the first weights are soon forgotten.
            decay = min(self.config.weight_average, (1 + self.iterations) / (10 + self.iterations))
            self._average.lerp_(self._weights.value.detach(), 1.0 - decay)
        self._behind = True

    def _rate(self) -> float:
        return self._schedule(self.progress) / 3.0**self._restarts

    def _check_gradient(self, norm: Tensor) -> None:
        if self._first_norm is None:
            self._first_norm = float(norm)
            if not 0.0 < self._first_norm < math.inf:
                raise ScenariumError(
                    f"the first gradient has length {self._first_norm}: the reward does not depend on the policy"
                )
        elif self.device.type == "cpu" or self.iterations % 50 == 0:
            self._endless = 0 if math.isfinite(float(norm)) else self._endless + 1
            if self._endless >= _PATIENCE:
                at = f"{_PATIENCE} gradients up to iteration {self.iterations} were not finite"
                raise ScenariumError(f"{at}; lower learning_rate, or set truncate")

    # Worlds -----------------------------------------------------------------------------------------------------

    def _worlds(self) -> tuple[Scenario, Course, int]:
        """The worlds of this iteration, where they stand, and the first period."""
        if self._carried is not None and self.iterations % self.config.restart_every:
            return self._carried
        scenario = self._trained.scenario(self._train_seeds())
        return scenario, Course(self._trained.initial(scenario, scenario.xp)), 0

    def _train_seeds(self) -> Tensor:
        batch, pool, i = self.config.batch_size, self.config.train_worlds, self.iterations
        if self.config.carry_over:
            i -= i % self.config.restart_every
        if pool is None:
            return derived_seeds(self.seed, _TRAIN, i * batch, batch, self.device)
        if batch > pool:
            raise ScenariumError(f"batch_size {batch} must not exceed train_worlds {pool}")
        each = pool // batch
        epoch, part = divmod(i, each)
        order = derived_seeds(self.seed, _STEP, epoch * pool, pool, self.device).argsort()
        chosen: Tensor = derived_seeds(self.seed, _TRAIN, 0, pool, self.device)[
            order[part * batch : (part + 1) * batch]
        ]
        return chosen

    def _warm_normaliser(self) -> None:
        """Statistics of the first policy's observations, before any gradient relies on them."""
        if getattr(self._learner, "normalizer", None) is None:
            return
        scenario = self._trained.scenario(
            derived_seeds(self.seed, _TRAIN, 0, min(256, self.config.batch_size), self.device)
        )
        act, seen = self._training_act(0, {}), {}
        with torch.no_grad():
            for moment in unroll(self._trained, scenario, act, self._periods):
                seen[moment.t] = moment.observation
            for observation in seen.values():
                self._learner.adapt(observation)  # type: ignore[operator]

    @contextmanager
    def _random(self, stream: int, number: int) -> Iterator[None]:
        """The generator of torch, for policies that draw, as a function of seed, stream and number only."""
        cuda = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices=cuda):
            torch.manual_seed(int(derived_seeds(self.seed, stream, number, 1, torch.device("cpu"))[0]))
            yield

    # Choosing weights -------------------------------------------------------------------------------------------

    def _develop(self, norm: Tensor) -> float:
        """Evaluates the present weights on the development worlds and keeps the better of them and the best."""
        before = {name: tensor.clone() for name, tensor in self.policy.state_dict().items()}
        self._show_present()
        value = self._dev_value(lambda observation, memory, t: self._act(observation, memory, True))
        if self._on_plateau(value, norm):
            self._start_over()
        if self._best is None or value > self._best:
            self._best = value
        else:
            self.policy.load_state_dict(before)
        return value

    def _dev_value(self, act: Act) -> float:
        c = self.config
        seeds = derived_seeds(self.seed, _DEV, 0, c.dev_worlds, self.device)
        return float(world_rewards(self.model, act, seeds, c.dev_horizon, c.dev_warm_up).mean())

    def _show_present(self) -> None:
        """Gives the acting policy the present (averaged) weights."""
        self._behind = False
        if not self.config.weight_average:
            self.policy.load_state_dict(self._learner.state_dict())
            return
        live = self._weights.value.detach().clone()
        self._weights.copy_(self._average)
        self.policy.load_state_dict(self._learner.state_dict())
        self._weights.copy_(live)

    def _on_plateau(self, value: float, norm: Tensor) -> bool:
        """Whether the policy does no better than the lowest or highest action and has lost its gradient."""
        if self._restarts >= self.config.plateau_restarts or float(norm) > _VANISHED * (self._first_norm or 0.0):
            return False
        if self._extremes is None:
            self._extremes = self._values_of_extremes()
        return any(abs(value - extreme) <= _IDLE_TOLERANCE * abs(extreme) for extreme in self._extremes)

    def _values_of_extremes(self) -> list[float]:
        """What always taking the lowest action brings, and always the highest, where they are finite."""
        space: Any = self._trained.action_space
        values = []
        for bound in (space.low, space.high):
            if np.isfinite(bound).all():
                action = torch.as_tensor(bound, device=self.device)
                fixed = self._encode(action.expand(self.config.dev_worlds, *action.shape))
                values.append(self._dev_value(_always(fixed)))
        return values

    def _start_over(self) -> None:
        self._restarts += 1
        self._weights.copy_(self._initial)
        self._average.copy_(self._initial)
        self._adam.state.clear()

    def _finish(self) -> None:
        if self.config.dev_every and self.progress >= 1.0 and self.iterations % self.config.dev_every:
            self._develop(torch.tensor(math.inf))
        elif self._best is None:
            self._show_present()

    # Acting and files -------------------------------------------------------------------------------------------

    def _act(
        self, observation: Any, memory: Any, deterministic: bool, mask: Tensor | None = None
    ) -> tuple[Tensor, Any]:
        if self._behind and self._best is None:
            self._show_present()
        if getattr(self.policy, "recurrent", False):
            action, memory = self.policy(observation, memory)
            return self._encode(action), memory
        return self._encode(self.policy(observation)), None

    def _encode(self, action: Tensor) -> Tensor:
        return super()._encode(self._trained.decide(action, torch_namespace(str(action.device))))

    def _policy_tensors(self) -> dict[str, Tensor]:
        if self._best is None:
            self._show_present()
        return dict(self.policy.state_dict())

    def _trainer_tensors(self) -> dict[str, Tensor]:
        tensors = {
            "initial": self._initial,
            "average": self._average,
            **with_prefix("learner", self._learner.state_dict()),
        }
        state = self._adam.state.get(self._weights.value, {})
        tensors |= with_prefix("adam", {name: state[name] for name in _ADAM if name in state})
        if self._carried is not None:
            leaves = {str(i): leaf for i, leaf in enumerate(tree_leaves(self._carried[1].state))}
            tensors |= with_prefix("carried", leaves)
        return tensors

    def _load_policy(self, policy: Mapping[str, Tensor]) -> None:
        self.policy.load_state_dict(policy)

    def _load_tensors(self, policy: Mapping[str, Tensor], trainer: Mapping[str, Tensor]) -> None:
        self._load_policy(policy)
        self._learner.load_state_dict(under_prefix("learner", trainer))
        self._initial.copy_(trainer["initial"])
        self._average.copy_(trainer["average"])
        adam = under_prefix("adam", trainer)
        if adam:
            self._adam.state[self._weights.value] = {**adam, "step": adam["step"].to(self._weights.value.device)}
        self._load_carried(under_prefix("carried", trainer))

    def _load_carried(self, leaves: Mapping[str, Tensor]) -> None:
        if not leaves:
            return
        self.iterations -= 1
        scenario = self._trained.scenario(self._train_seeds())
        self.iterations += 1
        numbered = iter(leaves[str(i)] for i in range(len(leaves)))
        state = tree_map(lambda _: next(numbered), self._trained.initial(scenario, scenario.xp))
        done = (self.iterations - 1) % self.config.restart_every + 1
        self._carried = (scenario, Course(state), done * self._periods)

    def _counters(self) -> dict[str, Any]:
        return {"best": self._best, "first_norm": self._first_norm, "restarts": self._restarts}

    def _load_counters(self, counters: Mapping[str, Any]) -> None:
        self._best, self._first_norm = counters["best"], counters["first_norm"]
        self._restarts = int(counters["restarts"])
        self._behind = True


def _always(action: Tensor) -> Act:
    return lambda observation, memory, t: (action, None)
