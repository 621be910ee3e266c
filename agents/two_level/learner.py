"""One side of the game as it learns: a Q-network, its exploration and its lambda-returns, as in PQN."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from scenarium.agents.core.greedy import BranchGrid, chosen_value, greedy, masked_max, random_choice
from scenarium.agents.core.learner import Learner
from scenarium.agents.core.returns import lambda_returns
from scenarium.agents.core.schedules import Schedule, constant
from scenarium.agents.networks.values import QNetwork


@dataclass(frozen=True)
class Taught:
    """How a side learns.

    Attributes:
        gamma: Discount factor by step of this side.
        trace: Lambda of the returns.
        epochs: Passes over a rollout.
        minibatches: Parts of a pass.
        reward_scale: Factor on rewards.
        learning_rate: Over the progress of a phase.
        max_grad_norm: Longest gradient.
        temperature: Of the softmax policy, in scaled rewards; 0 for a greedy one.
        memory: Share of the log-probability of a choice that is added to its reward.
        imitation_rate: Step size while imitating.
    """

    gamma: float
    trace: float
    epochs: int
    minibatches: int
    reward_scale: float
    learning_rate: Schedule
    max_grad_norm: float | None
    temperature: float = 0.0
    memory: float = 0.0
    imitation_rate: float = 0.0


class Choice(NamedTuple):
    """What a side chose.

    Attributes:
        picked: int64 [N, branches].
        value: What what was seen is worth [N].
        log: Log-probability of the choice times the temperature [N]; 0 for a greedy side.
    """

    picked: Tensor
    value: Tensor
    log: Tensor


class Side:
    """Workers who share a network, or the planner.

    A greedy side is plain PQN. With a temperature tau the policy is softmax(Q / tau), what a state is worth is
    tau log sum exp(Q / tau), and the targets are those of Munchausen reinforcement learning (Vieillard, Pietquin and
    Geist, NeurIPS 2020): a share of tau log pi is added to the reward. This keeps each policy near the one before and
    widens the gaps between actions, which here are tiny beside the noise of the returns.

    Args:
        network: Its Q-network, on its device.
        branches: Choices of each branch of its action; one branch where there is a temperature.
        taught: How it learns.
        device: Where tensors are.

    Attributes:
        network: Values of prepared observations.
        grid: Places of the values.
        imitating: Whether the choices noted are a teacher's, to be learnt as they are.
    """

    def __init__(self, network: QNetwork, branches: tuple[int, ...], taught: Taught, device: torch.device) -> None:
        self.network, self.taught = network, taught
        self.grid = BranchGrid(branches, device)
        self.imitating = False
        self._learner = Learner(network, self._loss, taught.max_grad_norm, False)
        self._rows: list[tuple[Tensor, ...]] = []

    def _loss(self, seen: Tensor, index: Tensor, targets: Tensor, mask: Tensor) -> Tensor:
        """Half the mean squared error; of the state's worth, and the teacher's likelihood, while imitating."""
        values = self.network(seen)
        if not self.imitating:
            return 0.5 * (chosen_value(values, index) - targets).square().mean()
        worth, tau = self.worth(values, mask), self.taught.temperature
        unlikely = (worth - chosen_value(values, index)) / tau
        return unlikely.mean() + 0.5 * (worth - targets).square().mean()

    @torch.no_grad()
    def values(self, observation: Tensor) -> Tensor:
        """Values [N, branches, choices] of raw observations [N, features]."""
        values: Tensor = self.network(self.network.prepare(observation))
        return values

    def worth(self, values: Tensor, mask: Tensor) -> Tensor:
        """What states are worth under this side's policy [N], but for random choices."""
        tau = self.taught.temperature
        if tau == 0.0:
            return masked_max(values, mask)
        return tau * torch.where(mask, values / tau, -torch.inf).logsumexp(-1)[:, 0]

    @torch.no_grad()
    def choose(self, observation: Tensor, mask: Tensor, uniforms: Tensor, epsilon: float | Tensor) -> Choice:
        """Choices that are random with probability epsilon, branch by branch.

        Args:
            observation: [N, features].
            mask: bool [N, branches, choices].
            uniforms: In [0, 1), [N, branches, 2 + choices], or only two with a greedy side: whether to explore, what
                to play then, and the luck of each choice.
            epsilon: Probability of a random choice.
        """
        values, tau = self.values(observation), self.taught.temperature
        luck = -(-uniforms[..., 2:].clamp_min(1e-9).log()).log() if tau else 0.0
        best = greedy(values + tau * luck, mask)
        mixed = random_choice(uniforms[..., 1], self.grid.shape[1], mask)
        index = torch.where(uniforms[..., 0] < epsilon, mixed, best)
        worth = self.worth(values, mask)
        log = chosen_value(values, index) - worth if tau else torch.zeros_like(worth)
        return Choice(index, worth, log)

    def note(self, observation: Tensor, choice: Choice, reward: Tensor, ended: Tensor, mask: Tensor) -> None:
        """Keeps a step for the next `improve`: rewards [N], bool [N], and the mask [N, branches, choices]."""
        prepared = self.network.prepare(observation)
        self._rows.append((prepared, choice.picked, reward * self.taught.reward_scale, ended, *choice[1:], mask))

    def __len__(self) -> int:
        return len(self._rows)

    def improve(self, last: Tensor, generator: torch.Generator, progress: float) -> Tensor:
        """Learns from the steps kept, and forgets them; returns mean loss and gradient length [2].

        Args:
            last: What is worth what is seen after the last step [N].
            generator: For the order of the samples.
            progress: Of the phase, for the learning rate.
        """
        seen, index, reward, ended, value, log, mask = (torch.stack(part) for part in zip(*self._rows, strict=True))
        self._rows = []
        targets = self._targets(reward, ended, torch.cat([value, last[None]]), log)
        data = [part.flatten(0, 1) for part in (seen, index, targets, mask)]
        self.network.train()
        measured = [
            self._learner.update(rate, *(part[rows] for part in data))
            for rate, rows in zip(self._rates(progress), self._orders(targets.numel(), generator), strict=True)
        ]
        self.network.eval()
        return torch.stack(measured).mean(0)

    def _targets(self, reward: Tensor, ended: Tensor, value: Tensor, log: Tensor) -> Tensor:
        """Lambda-returns [T, N] of the choices, or while imitating of the states."""
        after, c = torch.where(ended, 0.0, value[1:]), self.taught
        if self.imitating:
            return lambda_returns(reward, after, ended, c.gamma, c.trace)
        # Written for what states are worth, whose next step is entered with its own log-probability taken off.
        return lambda_returns(reward - (1.0 - c.memory) * log, after, ended, c.gamma, c.trace) + log

    def _orders(self, count: int, generator: torch.Generator) -> list[Tensor]:
        device = generator.device
        passes = [torch.randperm(count, generator=generator, device=device) for _ in range(self.taught.epochs)]
        return [rows for order in passes for rows in order.chunk(self.taught.minibatches)]

    def _rates(self, progress: float) -> Tensor:
        schedule = constant(self.taught.imitation_rate) if self.imitating else self.taught.learning_rate
        return self._learner.rates(schedule, progress, progress, self.taught.epochs * self.taught.minibatches)

    # Files --------------------------------------------------------------------------------------------------------

    @property
    def gradient_steps(self) -> int:
        """How many so far."""
        return self._learner.steps

    def tensors(self) -> dict[str, Tensor]:
        """What going on learning needs beyond the network: the optimiser and the steps kept."""
        stacked = [torch.stack(part) for part in zip(*self._rows, strict=True)]
        return {**self._learner.tensors(), **{f"rows.{i}": part for i, part in enumerate(stacked)}}

    def load(self, tensors: Mapping[str, Tensor], gradient_steps: int) -> None:
        """Takes back what `tensors` gave."""
        self._learner.load(tensors)
        self._learner.steps = gradient_steps
        count = sum(name.startswith("rows.") for name in tensors)
        parts = [tensors[f"rows.{i}"].unbind() for i in range(count)]
        self._rows = list(zip(*parts, strict=True))
