"""R2D2: recurrent Q-learning from prioritised replay of sequences.

Kapturowski, Ostrovski, Quan, Munos and Dabney, "Recurrent Experience Replay in Distributed Reinforcement Learning"
(ICLR 2019), in one process. Sequences overlap and keep the memory that they were played with; their first steps only
renew it. Targets are lambda-returns, as in the retrieval paper's agent.
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
from scenarium.agents.core.greedy import chosen_value
from scenarium.agents.core.learner import Rates
from scenarium.agents.core.memory import RecurrentValueAgent
from scenarium.agents.core.returns import lambda_returns, next_values
from scenarium.agents.core.sequences import Sequence
from scenarium.agents.networks.values import RecurrentQNetwork
from scenarium.agents.retrieval.config import R2D2Config
from scenarium.agents.retrieval.losses import bootstrap, rescaled, restored, sequence_priority
from scenarium.agents.retrieval.replay import SequenceReplay
from scenarium.envs.core.errors import ScenariumError


class R2D2(RecurrentValueAgent):
    """Recurrent Q-learning from replay; see `Agent` for the arguments and `R2D2Config` for the fields.

    `policy` is "mlp": the hidden layers, then the recurrent unit. `predict` takes and returns its memory.
    """

    name: ClassVar[str] = "r2d2"
    config_class = R2D2Config
    optimizer: ClassVar[Rates] = staticmethod(adam_rates)
    config: R2D2Config

    def _build(self, policy: str | nn.Module) -> None:
        super()._build(policy)
        if self.config.compile:
            raise ScenariumError(f"{self.name} is not compiled; use compile=False")
        self._target = copy.deepcopy(self.network).requires_grad_(False).eval()
        self._replay = self._empty_replay()
        self._errors: Tensor

    def _empty_replay(self) -> SequenceReplay:
        c = self.config
        return SequenceReplay(c.capacity, c.num_envs * (self._team or 1), c.steps, self.device)

    def _begin(self) -> None:
        super()._begin()
        self._replay.restart()

    # Pure functions of tensors ------------------------------------------------------------------------------------

    def _loss(self, seq: Sequence, weight: Tensor, *others: Any) -> Tensor:
        """Half the weighted mean squared error after the burn-in; the last step is only bootstrapped from."""
        values, target, final, extra = self._both_values(seq, *others)
        trained = seq.each(lambda part: part[self.config.burn_in :])
        with torch.no_grad():
            targets = self._sequence_targets(trained, values.detach(), target, final)
        errors = chosen_value(values[:-1], trained.choice[:-1]) - targets
        self._errors = errors.detach()
        return 0.5 * (weight * errors.square()).mean() + extra

    def _both_values(self, seq: Sequence, *others: Any) -> tuple[Tensor, Tensor, Tensor | None, Tensor]:
        """What the loss is made of.

        Returns:
            Values after the burn-in of the online and the target network [T, n, branches, choices], the target's of
            what was seen before resets [T - 1, n, ...], and what else is to be minimised.
        """
        hidden = self._burnt_in(seq, self.network)
        values = self.network.values(hidden)
        with torch.no_grad():
            after = self._burnt_in(seq, self._target)
            trained = seq.each(lambda part: part[self.config.burn_in :])
            final = None
            if self._may_bootstrap(trained.truncated[:-1]):
                last = self._after(trained.choice[:-1], {"hidden": after[:-1]})["last"]
                driven = self._target.drive(trained.final[:-1], last)
                final = self._target.values(self._target.remember(driven, after[:-1]))
            return values, self._target.values(after), final, values.new_zeros(())

    def _burnt_in(self, seq: Sequence, network: RecurrentQNetwork) -> Tensor:
        """Memories after each step but the first `burn_in` [T, n, width], which gradients do not reach."""
        count = self.config.burn_in
        if not count:
            hidden: Tensor = self._unrolled(seq, network)
            return hidden
        with torch.no_grad():
            front = seq.each(lambda part: part[:count])
            memory = self._unrolled(front, network)[-1]
            memory = torch.where((front.terminated | front.truncated)[-1][:, None], 0.0, memory)
        hidden = self._unrolled(seq.each(lambda part: part[count:])._replace(hidden=memory[None]), network)
        return hidden

    def _sequence_targets(self, seq: Sequence, online: Tensor, target: Tensor, final: Tensor | None) -> Tensor:
        """Rescaled lambda-returns [T - 1, n]."""
        c, flags = self.config, (seq.terminated[:-1], seq.truncated[:-1])
        following = bootstrap(target, online, seq.mask)[1:]
        last = None
        if final is not None:
            last = bootstrap(final, None, None if seq.final_mask is None else seq.final_mask[:-1])
        if c.rescale:
            following, last = restored(following), None if last is None else restored(last)
        after = next_values(following, last, *flags, self._limit_is_terminal)
        returns = lambda_returns(seq.reward[:-1], after, flags[0] | flags[1], c.gamma, c.trace)
        return rescaled(returns) if c.rescale else returns

    # One iteration ------------------------------------------------------------------------------------------------

    def _improve_on(self, sequence: Sequence) -> Tensor:
        c = self.config
        self._replay.add(sequence)
        if self._replay.added < c.learning_starts:
            return torch.zeros(2, device=self.device)
        self.network.train()
        measured = []
        for rate in self._step_sizes(c.updates):
            where, seq, weight, episode = self._replay.draw(c.batch_size, c.priority, c.importance, self._generator)
            measured.append(self._learner.update(rate, seq, weight, *self._others(seq, episode)))
            self._replay.rank(where, sequence_priority(self._errors, c.priority_mix))
            if self._learner.steps % c.target_period == 0:
                self._target.load_state_dict(self.network.state_dict())
        self.network.eval()
        return torch.stack(measured).mean(0)

    def _others(self, seq: Sequence, episode: Tensor) -> tuple[Any, ...]:
        """Further arguments of the loss."""
        return ()

    def _iterate(self) -> Metrics:
        return {**super()._iterate(), "sequences": float(self._replay.filled)}

    # Files --------------------------------------------------------------------------------------------------------

    def _trainer_tensors(self) -> dict[str, Tensor]:
        tensors = {**super()._trainer_tensors(), **with_prefix("target", self._target.state_dict())}
        if self.config.keep_replay:
            tensors |= with_prefix("replay", self._replay.tensors())
        return tensors

    def _load_tensors(self, policy: Mapping[str, Tensor], trainer: Mapping[str, Tensor]) -> None:
        super()._load_tensors(policy, trainer)
        self._target.load_state_dict(under_prefix("target", trainer))
        self._replay = self._empty_replay()
        kept = under_prefix("replay", trainer)
        if kept:
            self._replay.load(kept)
