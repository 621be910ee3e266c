"""PQN with memory: a gated recurrent unit, trained on short sequences that begin in the last rollout.

Gallici et al. (arXiv 2407.04811), the recurrent variant. Differences from PQN without memory: minibatches are worlds
with their whole sequence, never single steps; the targets are computed anew in every minibatch from the values of the
weights at hand; and each sequence begins with the last steps of the rollout before, in the state they were played with.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import torch
from torch import Tensor

from scenarium.agents.core.greedy import chosen_value, masked_max
from scenarium.agents.core.memory import RecurrentValueAgent
from scenarium.agents.core.returns import lambda_returns, next_values
from scenarium.agents.core.sequences import Sequence
from scenarium.agents.pqn.config import PQNRNNConfig


class PQNRNN(RecurrentValueAgent):
    """PQN whose values depend on all that was seen and done; see `PQNRNNConfig` for the fields.

    `policy` is "mlp": the hidden layers, then the recurrent unit. `predict` takes and returns its memory.
    """

    name: ClassVar[str] = "pqn_rnn"
    config_class = PQNRNNConfig
    config: PQNRNNConfig

    def _loss(self, seq: Sequence) -> Tensor:
        """Half the mean squared error over all steps but the last, whose value is only bootstrapped from."""
        hidden = self._unrolled(seq)
        values = self.network.values(hidden)
        with torch.no_grad():
            targets = self._sequence_targets(seq, hidden.detach(), values.detach())
        return 0.5 * (chosen_value(values[:-1], seq.choice[:-1]) - targets).square().mean()

    def _sequence_targets(self, seq: Sequence, hidden: Tensor, values: Tensor) -> Tensor:
        flags = seq.terminated[:-1], seq.truncated[:-1]
        following = masked_max(values, seq.mask)[1:]
        final = self._final_values(seq, hidden) if self._may_bootstrap(flags[1]) else None
        after = next_values(following, final, *flags, self._limit_is_terminal)
        c = self.config
        return lambda_returns(seq.reward[:-1], after, flags[0] | flags[1], c.gamma, c.trace)

    def _improve_on(self, sequence: Sequence) -> Tensor:
        c = self.config
        rates = self._step_sizes(c.epochs * c.minibatches)
        self.network.train()
        parts = self._lane_batches(sequence)
        measured = [self._learner.update(rate, part) for rate, part in zip(rates, parts, strict=True)]
        self.network.eval()
        return torch.stack(measured).mean(0)

    def _lane_batches(self, sequence: Sequence) -> Iterator[Sequence]:
        c, lanes = self.config, sequence.reward.shape[1]
        for _ in range(c.epochs):
            order = torch.randperm(lanes, generator=self._generator, device=self.device)
            for rows in order.chunk(c.minibatches):
                yield sequence.each(lambda part: part[:, rows])  # noqa: B023 (used at once)
