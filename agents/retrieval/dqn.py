"""DQN: Q-learning from replay, with a target network.

Mnih et al., "Human-level control through deep reinforcement learning" (Nature 2015), with double Q-learning (van
Hasselt, Guez and Silver, AAAI 2016) and Huber's loss. It learns from what it plays, or from recorded episodes alone.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from scenarium.agents.core.adam import adam_rates
from scenarium.agents.core.callbacks import Metrics
from scenarium.agents.core.checkpoint import under_prefix, with_prefix
from scenarium.agents.core.learner import Rates
from scenarium.agents.core.values import ValueAgent
from scenarium.agents.data.dataset import Dataset
from scenarium.agents.retrieval.config import DQNConfig
from scenarium.agents.retrieval.losses import bootstrap, conservative_loss, one_step_targets, td_loss
from scenarium.agents.retrieval.store import Store, Transitions
from scenarium.envs.core.errors import ScenariumError


class DQN(ValueAgent):
    """Q-learning from replay; see `Agent` for the arguments and `DQNConfig` for the fields.

    `policy` is "mlp" (its keyword arguments are those of `QNetwork`), or a module from batched observations to values
    [B, branches, choices], which may be flat. With `dataset` it plays nothing: `learn` then counts the steps that would
    have been played between its gradient steps.
    """

    name: ClassVar[str] = "dqn"
    config_class = DQNConfig
    optimizer: ClassVar[Rates] = staticmethod(adam_rates)
    config: DQNConfig

    def _build(self, policy: str | nn.Module) -> None:
        super()._build(policy)
        self._target = copy.deepcopy(self.network).requires_grad_(False).eval()
        self._store: Store | None = None

    # Pure functions of tensors ------------------------------------------------------------------------------------

    def _loss(self, batch: Transitions) -> Tensor:
        """Huber's loss of one-step targets."""
        with torch.no_grad():
            targets = self._targets(batch, self._target(batch.after), self._next_values(batch))
        return self._value_loss(self.network(batch.seen), batch, targets)

    def _value_loss(self, values: Tensor, batch: Transitions, targets: Tensor) -> Tensor:
        """Huber's loss, and the conservative one where it has a weight."""
        c = self.config
        loss = td_loss(values, batch.choice, targets, c.huber)
        if c.conservative == 0.0:
            return loss
        return loss + c.conservative * conservative_loss(values, batch.choice, self._grid.mask(None))

    def _next_values(self, batch: Transitions) -> Tensor | None:
        """Values of the online network, without dropout and the like, for what was seen next; None if not double."""
        if not self.config.double:
            return None
        self.network.eval()
        values: Tensor = self.network(batch.after)
        self.network.train()
        return values

    def _targets(self, batch: Transitions, target: Tensor, online: Tensor | None) -> Tensor:
        after = bootstrap(target, online, batch.after_mask)
        return one_step_targets(batch.reward, after, batch.ended, self.config.gamma)

    # One iteration ------------------------------------------------------------------------------------------------

    def _iterate(self) -> Metrics:
        c = self.config
        store = self._memory()
        metrics: Metrics = {} if c.dataset is not None else self._play(store)
        if c.dataset is not None or store.added * store.lanes >= c.learning_starts:
            measured = self._improve(store)
            metrics = {**metrics, "loss": measured[0], "gradient_norm": measured[1]}
        self.num_timesteps += c.num_envs * c.steps
        return metrics

    def _memory(self) -> Store:
        """What is learnt from: the dataset, or what was played."""
        if self._store is None:
            c = self.config
            lanes = c.num_envs * (self._team or 1)
            self._store = (
                Store(lanes, -(-c.capacity // lanes), self.device) if c.dataset is None else self._read(c.dataset)
            )
        if self.config.dataset is None and self._played is None:
            self._begin()
            self._store.restart()
        return self._store

    def _read(self, folder: str) -> Store:
        data = Dataset.load(folder)
        try:
            return Store.of(
                data, self._sight, self._actions.encode, self._grid.mask, self.config.reward_scale,
                self._limit_is_terminal, self.device,
            )  # fmt: skip
        except (RuntimeError, KeyError, TypeError) as error:
            raise ScenariumError(f"the dataset in {folder} is of another problem: {error}") from None

    @torch.no_grad()
    def _play(self, store: Store) -> Metrics:
        c = self.config
        assert self._worlds is not None
        assert self._played is not None
        shape = (c.steps, store.lanes, 1 + self._grid.shape[0])
        uniforms = torch.rand(shape, generator=self._generator, device=self.device)
        epsilon = torch.full((), self._epsilon(), device=self.device)
        rewards, ends = [], []
        seen, mask = self._sight(self._played.observation), self._grid.mask(self._played.mask)
        for t in range(c.steps):
            index, _ = self._choose_now(seen, mask, uniforms[t], epsilon)
            self._played = played = self._worlds.step(self._actions.decode(index))
            last = played.terminated | played.truncated
            reward = c.reward_scale * played.reward
            after_mask = self._grid.mask(played.final_mask)
            if after_mask is not None:
                after_mask = after_mask.expand(store.lanes, *self._grid.shape)
            store.add({
                "seen": seen, "choice": index, "reward": reward, "after": self._sight(played.final_observation),
                "after_mask": after_mask, "ended": last if self._limit_is_terminal else played.terminated, "last": last,
            })  # fmt: skip
            rewards.append(reward)
            ends.append(last)
            seen, mask = self._sight(played.observation), self._grid.mask(played.mask)
        return self._metrics(torch.stack(rewards), torch.stack(ends), torch.zeros(2, device=self.device))

    def _improve(self, store: Store) -> Tensor:
        """Gradient steps; returns mean loss and gradient length [2]."""
        rates = self._step_sizes(self.config.updates)
        self.network.train()
        measured = []
        for rate in rates:
            measured.append(self._learner.update(rate, *self._draw(store)))
            if self._learner.steps % self.config.target_period == 0:
                self._target.load_state_dict(self.network.state_dict())
        self.network.eval()
        return torch.stack(measured).mean(0)

    def _draw(self, store: Store) -> tuple[Any, ...]:
        """A minibatch: the arguments of the loss."""
        return (store.transitions(store.rows(None, self.config.batch_size, self._generator)),)

    # Files --------------------------------------------------------------------------------------------------------

    def _trainer_tensors(self) -> dict[str, Tensor]:
        tensors = {**super()._trainer_tensors(), **with_prefix("target", self._target.state_dict())}
        if self._store is not None and self.config.dataset is None and self.config.keep_replay:
            tensors |= with_prefix("store", self._store.tensors())
        return tensors

    def _load_tensors(self, policy: Mapping[str, Tensor], trainer: Mapping[str, Tensor]) -> None:
        super()._load_tensors(policy, trainer)
        self._target.load_state_dict(under_prefix("target", trainer))
        kept = under_prefix("store", trainer)
        self._store = None
        if kept:
            self._memory_of(kept)

    def _memory_of(self, kept: Mapping[str, Tensor]) -> None:
        lanes = self.config.num_envs * (self._team or 1)
        self._store = Store(lanes, -(-self.config.capacity // lanes), self.device)
        self._store.load(kept)
