"""PQN: a parallelised Q-network that learns online, without replay buffer and target network.

Gallici, Fellows, Ellis, Pou, Masmitja, Foerster and Martin, "Simplifying Deep Temporal Difference Learning"
(arXiv 2407.04811). Many worlds are played under one epsilon-greedy policy; the rollout's lambda-returns are regressed
on for a few epochs; then the next rollout is played. Normalised hidden layers keep this stable.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from scenarium.agents.core.callbacks import Metrics
from scenarium.agents.core.greedy import chosen_value
from scenarium.agents.core.returns import lambda_returns, next_values
from scenarium.agents.core.values import ValueAgent
from scenarium.agents.core.worlds import Played
from scenarium.agents.pqn.config import PQNConfig
from scenarium.agents.pqn.rollout import Rollout, stack_rollout
from scenarium.envs.core.tree import tree_map


class PQN(ValueAgent):
    """Online Q-learning on many worlds; see `Agent` for the arguments and `PQNConfig` for the fields.

    `policy` is "mlp" (its keyword arguments are those of `QNetwork`), or a module from batched observations to values
    [B, branches, choices], which may be flat. See `ValueAgent` for Box actions and teams.
    """

    name: ClassVar[str] = "pqn"
    config_class = PQNConfig
    config: PQNConfig

    def _build(self, policy: str | nn.Module) -> None:
        super()._build(policy)
        self._targets_now = self._ready(self._targets)

    # Pure functions of tensors, compiled where asked for ------------------------------------------------------------

    def _targets(self, rollout: Rollout) -> Tensor:
        """Lambda-returns [T, N]."""
        flags = rollout.terminated, rollout.truncated
        after = next_values(rollout.value[1:], rollout.final, *flags, self._limit_is_terminal)
        return lambda_returns(rollout.reward, after, flags[0] | flags[1], self.config.gamma, self.config.trace)

    def _loss(self, seen: Any, index: Tensor, targets: Tensor) -> Tensor:
        """Half the mean squared error; the half matters for where the gradient is clipped."""
        return 0.5 * (chosen_value(self.network(seen), index) - targets).square().mean()

    # One iteration --------------------------------------------------------------------------------------------------

    def _iterate(self) -> Metrics:
        c = self.config
        if self._played is None:
            self._begin()
        rollout = self._collect()
        targets = self._targets_now(rollout)
        measured = self._improve(rollout, targets)
        metrics = self._metrics(rollout.reward, rollout.terminated | rollout.truncated, measured)
        self.num_timesteps += c.num_envs * c.steps
        return metrics

    @torch.no_grad()
    def _collect(self) -> Rollout:
        """Plays `steps` periods under the present weights, whose values are kept for the targets."""
        c = self.config
        assert self._worlds is not None
        assert self._played is not None
        lanes, branches = self._worlds.num_envs, self._grid.shape[0]
        uniforms = torch.rand((c.steps, lanes, 1 + branches), generator=self._generator, device=self.device)
        epsilon = torch.full((), self._epsilon(), device=self.device)
        rows: list[tuple[Any, ...]] = []
        seen, mask = self._sight(self._played.observation), self._grid.mask(self._played.mask)
        for t in range(c.steps):
            index, value = self._choose_now(seen, mask, uniforms[t], epsilon)
            played = self._worlds.step(self._actions.decode(index))
            final = self._final_value(played)
            rows.append(
                (seen, index, c.reward_scale * played.reward, played.terminated, played.truncated, value, final)
            )
            seen, mask = self._sight(played.observation), self._grid.mask(played.mask)
        self._played = played
        return stack_rollout(rows, self._value_now(seen, mask))

    def _final_value(self, played: Played) -> Tensor | None:
        """Greedy value [N] of what was seen before a reset, where a lane may have been truncated."""
        if not self._may_bootstrap(played.truncated):
            return None
        return self._value_now(self._sight(played.final_observation), self._grid.mask(played.final_mask))  # type: ignore[no-any-return]

    def _improve(self, rollout: Rollout, targets: Tensor) -> Tensor:
        """Epochs of gradient steps; returns mean loss and gradient length [2]."""
        c = self.config
        rates = self._step_sizes(c.epochs * c.minibatches)
        self.network.train()
        parts = self._minibatches(rollout, targets)
        measured = [self._learner.update(rate, *part) for rate, part in zip(rates, parts, strict=True)]
        self.network.eval()
        return torch.stack(measured).mean(0)

    def _minibatches(self, rollout: Rollout, targets: Tensor) -> Iterator[tuple[Any, ...]]:
        c = self.config
        data = tree_map(lambda leaf: leaf.flatten(0, 1), (rollout.seen, rollout.choice, targets))
        for _ in range(c.epochs):
            order = torch.randperm(targets.numel(), generator=self._generator, device=self.device)
            shuffled = tree_map(lambda leaf: leaf[order], data)  # noqa: B023 (used at once)
            size = targets.numel() // c.minibatches
            for first in range(0, targets.numel(), size):
                yield tree_map(lambda leaf: leaf[first : first + size], shuffled)  # noqa: B023
