"""Two-level training: workers and planner of the tax game learn at the same time, each side against the other.

Zheng et al., "The AI Economist: Taxation policy design via two-level deep multiagent reinforcement learning" (Science
Advances 8, 2022, arXiv 2108.02755). In phase one workers learn without taxes, while the cost of labor rises from
nothing to all of it. In phase two the planner learns too, under a cap on tax rates that rises to 100 percent, and the
workers go on learning under its schedules. The paper's sides learn by PPO; here both are Q-networks that learn online
from many worlds, as in PQN (Gallici et al., arXiv 2407.04811): workers share one, the planner's has a branch of 22
levels for each bracket.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from scenarium.agents.core.base import Agent
from scenarium.agents.core.callbacks import Metrics
from scenarium.agents.core.checkpoint import under_prefix, with_prefix
from scenarium.agents.core.evaluation import derived_seeds
from scenarium.agents.core.greedy import greedy
from scenarium.agents.core.schedules import parse_schedule
from scenarium.agents.networks.values import QNetwork
from scenarium.agents.two_level.config import TwoLevelConfig
from scenarium.agents.two_level.guide import Guide
from scenarium.agents.two_level.lanes import Lanes, Step
from scenarium.agents.two_level.learner import Side, Taught
from scenarium.agents.two_level.phases import Stage, stage
from scenarium.agents.two_level.planning import PlannerSide, levels_to_rates
from scenarium.agents.two_level.ship import grid_weights
from scenarium.envs.core.embedded import WithPolicies
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.tax.actions import LEVELS, WORKER_ACTIONS
from scenarium.envs.tax.compass import CompassWorld, planner_scale, worker_scale
from scenarium.envs.tax.model import PLANNER, WORKER, TaxWorld
from scenarium.envs.tax.observe import planner_fields
from scenarium.envs.tax.trained import TrainedWorkers, Weights

_WORLDS, _INIT, _STEP = range(3)
"""Streams of the agent's seed."""


class TwoLevel(Agent):
    """Learns the planner's schedules and the workers they are for; see `Agent` and `TwoLevelConfig`.

    The environment is the planner's view of the tax game. The workers in it are replaced by ones that learn;
    `predict` is the planner's. `joint` gives the planner's view with the workers that learned.
    `policy` is "mlp"; its keyword arguments are those of `QNetwork`, for both sides.

    Attributes:
        workers: The side of the workers.
        planner: The side of the planner.
        world: The game they learn in.
    """

    name: ClassVar[str] = "two_level"
    track: ClassVar[Literal["known-model", "model-free"]] = "model-free"
    config_class = TwoLevelConfig
    config: TwoLevelConfig

    def _check_problem(self) -> None:
        game = getattr(self.model, "model", None)
        if not (isinstance(self.model, WithPolicies) and isinstance(game, TaxWorld) and self.model.role == PLANNER):
            raise ScenariumError("two_level's actions are tax rates: it takes the planner's view of the tax game")
        if game.parameters.period % self.config.steps:
            raise ScenariumError(f"steps {self.config.steps} must divide the tax period of {game.parameters.period}")
        self._rates_as = game.rates
        self.world = CompassWorld.like(game, "levels")

    def _build(self, policy: str | nn.Module) -> None:
        if policy != "mlp":
            raise ScenariumError(f"two_level takes policy='mlp', got {policy!r}")
        c, p = self.config, self.world.parameters
        networks = self._networks()
        rates = [parse_schedule(rate) for rate in (c.learning_rate, c.planner_learning_rate)]
        taught = Taught(
            c.gamma, c.trace, c.epochs, c.minibatches, c.reward_scale, rates[0], c.max_grad_norm,
            c.temperature, c.memory, c.imitation_rate,
        )  # fmt: skip
        self.workers = Side(networks[0], (WORKER_ACTIONS,), taught, self.device)
        taught = Taught(
            c.planner_gamma, c.planner_trace, c.planner_epochs, c.planner_minibatches, c.planner_reward_scale, rates[1],
            c.max_grad_norm,
        )  # fmt: skip
        self.planner = Side(networks[1], (LEVELS,) * len(p.cutoffs), taught, self.device)
        self._planning = PlannerSide(self.planner, c.num_envs, self.device)
        self._generator = torch.Generator(self.device).manual_seed(self._hashed_seed(_STEP))
        self._guide = Guide(self.world)
        self._lanes = Lanes(self.world, c.num_envs, self.device)
        self._begun = False
        self._first: dict[str, Tensor] = {}  # the workers' network as phase one left it

    def _networks(self) -> list[QNetwork]:
        """Of the workers and of the planner; the seed decides their weights."""
        scales = worker_scale(self.world.parameters), planner_scale(self.world.parameters)
        brackets = len(self.world.parameters.cutoffs)
        shapes = (1, WORKER_ACTIONS), (brackets, LEVELS)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self._hashed_seed(_INIT))
            return [
                QNetwork(role.observation_space, shape, scale, **self.policy_kwargs).to(self.device).eval()
                for role, shape, scale in zip(self.world.roles, shapes, scales, strict=True)
            ]

    # One iteration --------------------------------------------------------------------------------------------------

    def _iterate(self) -> Metrics:
        c, now = self.config, stage(self.config, self.progress)
        if not self._begun:
            self._lanes.start(self._hashed_seed(_WORLDS))
            self._begun = True
        metrics: dict[str, Any] = {"phase": now.phase, "labor_scale": now.labor_scale, "rate_cap": now.rate_cap}
        self.workers.imitating = now.imitating
        if now.phase == 2 and not self._first:
            self._first = {name: part.clone() for name, part in self.workers.network.state_dict().items()}
        seen, mask = self._lanes.look()
        levels = self._decide(seen[PLANNER], now, metrics)
        finished: list[Tensor] = []
        for _ in range(c.steps):
            step = self._play(seen[WORKER], mask[WORKER], levels, now)
            levels = torch.zeros_like(levels)
            finished.append(torch.where(step.ended[:, None], step.final, torch.nan))
            seen, mask = self._lanes.look()
        flat, allowed = seen[WORKER].flatten(0, 1), mask[WORKER].flatten(0, 1)[:, None]
        last = self.workers.worth(self.workers.values(flat), allowed)
        measured = self.workers.improve(last, self._generator, now.done)
        produced, equality = torch.cat(finished).nanmean(0)
        self.num_timesteps += c.num_envs * c.steps
        return {**metrics, "loss": measured[0], "gradient_norm": measured[1], "epsilon": now.epsilon,
                "productivity": produced, "equality": equality}  # fmt: skip

    def _play(self, seen: Tensor, mask: Tensor, levels: Tensor, now: Stage) -> Step:
        """One period, noted by both sides."""
        lanes, agents = mask.shape[:2]
        flat, allowed = seen.flatten(0, 1), mask.flatten(0, 1)[:, None]
        shape = (lanes * agents, 1, 2 + WORKER_ACTIONS)
        uniforms = torch.rand(shape, generator=self._generator, device=self.device)
        choice = self.workers.choose(flat, allowed, uniforms, now.epsilon)
        action = choice.picked.reshape(lanes, agents)
        if now.imitating:
            taught = self._guide.actions(self._lanes, mask)
            choice = choice._replace(picked=taught.reshape(-1, 1))
            led = torch.arange(lanes, device=self.device) % 2 < 2 * now.led
            action = torch.where(led[:, None], taught, action)
        step = self._lanes.step(action, levels, now.labor_scale)
        self.workers.note(flat, choice, step.reward.flatten(), step.ended.repeat_interleave(agents), allowed)
        self._planning.saw(step.welfare, step.ended)
        return step

    def _decide(self, seen: Tensor, now: Stage, metrics: dict[str, Any]) -> Tensor:
        """The planner's levels now: to keep the rates, but at the start of a tax period in phase two."""
        lanes, branches = len(seen), self.planner.grid.shape[0]
        first = int(self._lanes.time[0]) % self.world.parameters.period == 0
        if now.phase == 1 or not first:
            return torch.zeros((lanes, branches), dtype=torch.int64, device=self.device)
        uniforms = torch.rand((lanes, branches, 2), generator=self._generator, device=self.device)
        levels = self._planning.decide(seen, now.rate_cap, uniforms, now.planner_epsilon)
        if len(self.planner) >= self.config.planner_rollout:
            measured = self._planning.improve(self._generator, now.done)
            metrics["planner_loss"] = measured[0]
        metrics["planner_epsilon"] = now.planner_epsilon
        return levels

    def _hashed_seed(self, stream: int) -> int:
        return int(derived_seeds(self.seed, stream, 0, 1, torch.device("cpu"))[0])

    # Acting and files -----------------------------------------------------------------------------------------------

    def _act(
        self, observation: Any, memory: Any, deterministic: bool, mask: Tensor | None = None
    ) -> tuple[Tensor, Any]:
        levels = greedy(self.planner.values(observation))
        if self._rates_as == "levels":
            return levels, memory
        return levels_to_rates(levels, self._rates_before(observation)), memory

    def _rates_before(self, observation: Tensor) -> Tensor:
        start = 0
        for name, length in planner_fields(self.world.parameters):
            if name == "rates":
                break
            start += length
        return observation[:, start : start + length]

    def weights(self, phase: int = 2) -> Weights:
        """The workers' network on the grid of `TrainedWorkers`, as it is or as phase one left it.

        Raises:
            ScenariumError: The network has normalised inputs or other layers than that of `TrainedWorkers`, or phase
                one is not over.
        """
        return grid_weights(self.network(phase))

    def network(self, phase: int = 2) -> QNetwork:
        """The workers' network, as it is or (phase 1) as phase one left it.

        Raises:
            ScenariumError: Phase one is not over.
        """
        if phase == 2:
            return self.workers.network
        if not self._first:
            raise ScenariumError("phase one of this run is not over; its workers are the present ones, phase=2")
        network = self._networks()[0]
        network.load_state_dict(self._first)
        return network

    def joint(self) -> WithPolicies:
        """The planner's view with the workers that learned, in the environment's own rates and objective."""
        game = CompassWorld.like(self.world, self._rates_as)
        workers = TrainedWorkers(game, self.weights(), self.config.temperature)
        return WithPolicies(game, PLANNER, {WORKER: workers}, every=game.parameters.period)

    def _policy_tensors(self) -> dict[str, Tensor]:
        sides = {"workers": self.workers, "planner": self.planner}
        now = {k: v for name, side in sides.items() for k, v in with_prefix(name, side.network.state_dict()).items()}
        return {**now, **with_prefix("first", self._first)}

    def _trainer_tensors(self) -> dict[str, Tensor]:
        parts = {"workers": self.workers.tensors(), "planner": self.planner.tensors()}
        parts |= {"planning": self._planning.tensors()}
        if self._begun:
            parts["lanes"] = self._lanes.tensors()
        flat = {k: v for name, part in parts.items() for k, v in with_prefix(name, part).items()}
        return {"generator": self._generator.get_state(), **flat}

    def _counters(self) -> dict[str, Any]:
        return {"gradient_steps": [self.workers.gradient_steps, self.planner.gradient_steps]}

    def _load_counters(self, counters: Mapping[str, Any]) -> None:
        self._gradient_steps = [int(count) for count in counters["gradient_steps"]]

    def _load_policy(self, policy: Mapping[str, Tensor]) -> None:
        self.workers.network.load_state_dict(under_prefix("workers", policy))
        self.planner.network.load_state_dict(under_prefix("planner", policy))
        self._first = under_prefix("first", policy)

    def _load_tensors(self, policy: Mapping[str, Tensor], trainer: Mapping[str, Tensor]) -> None:
        self._load_policy(policy)
        for name, side, steps in zip(
            ("workers", "planner"), (self.workers, self.planner), self._gradient_steps, strict=True
        ):
            side.load(under_prefix(name, trainer), steps)
        self._planning.load(under_prefix("planning", trainer))
        self._generator.set_state(trainer["generator"].cpu())
        lanes = under_prefix("lanes", trainer)
        if lanes:
            self._lanes.load(lanes)
            self._begun = True
