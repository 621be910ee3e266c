"""Stream SARSA(lambda): on-policy control from one transition at a time (Elsayed et al., arXiv 2410.14606)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from scenarium.agents.core.greedy import chosen_value
from scenarium.agents.stream.stream_q import StreamQ


class StreamSARSA(StreamQ):
    """SARSA(lambda): as `StreamQ`, but the next state counts by the action that is really taken there.

        delta = r + gamma (1 - over) Q(s', a') - Q(s, a)

    a' is drawn before the update and played after it; only an episode's end cuts the trace, so `trace_cut` has no
    effect.
    """

    name: ClassVar[str] = "stream_sarsa"

    def _make_networks(self) -> None:
        super()._make_networks()
        learners = self.config.learners
        self._next = torch.zeros(learners, self._grid.shape[0], dtype=torch.int64, device=self.device)
        self._fresh = torch.ones(learners, dtype=torch.bool, device=self.device)

    def _begin_episodes(self) -> None:
        super()._begin_episodes()
        self._fresh = torch.ones_like(self._fresh)

    def _decide(self, step: int) -> Tensor:
        """What was drawn when the state was first seen; a new draw where an episode has just begun."""
        self._at, self._choice = step, self._next
        if self.device.type != "cpu" or bool(self._fresh.any()):
            begun, _ = self._explore(self._q, self._allowed, step)
            self._choice = torch.where(self._fresh.unsqueeze(1), begun, self._next)
        return self._actions.decode(self._choice)

    def _learn(self, reward: Tensor, after: Tensor, mask: Tensor | None, going: Tensor, ended: Tensor) -> Tensor:
        future = self._net.forward(after).output.reshape(-1, *self._grid.shape)
        self._next, _ = self._explore(future, self._grid.mask(mask), self._at + 1)
        delta = reward + going * chosen_value(future, self._next) - chosen_value(self._q, self._choice)
        self._update(delta, ended)
        self._fresh = ended
        return delta

    def _trainer_tensors(self) -> dict[str, Tensor]:
        return {**super()._trainer_tensors(), "next": self._next, "fresh": self._fresh}

    def _load_tensors(self, policy: Mapping[str, Tensor], trainer: Mapping[str, Tensor]) -> None:
        super()._load_tensors(policy, trainer)
        self._next, self._fresh = trainer["next"].clone(), trainer["fresh"].clone()
