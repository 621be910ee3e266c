"""What agents with retrieval share: what they retrieve from while acting, kept until the weights move."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from scenarium.agents.core.checkpoint import under_prefix, with_prefix
from scenarium.agents.core.learner import Learner
from scenarium.agents.core.values import ValueAgent
from scenarium.agents.retrieval.store import Windows
from scenarium.agents.retrieval.summariser import Summaries

_ACTING = 4
"""Stream of the agent's seed."""


class Lookup(ValueAgent):
    """Mixin: trajectories for acting are drawn and summarised once, and again after gradient steps.

    They are saved with the policy, so that a loaded one decides as the one that was saved.
    """

    config: Any

    def _build(self, policy: str | nn.Module) -> None:
        super()._build(policy)
        self._windows: Windows | None = None
        self._summaries: Summaries | None = None
        self._playing = False

    def _make_learner(self) -> Learner:
        c, parts = self.config, [self.network.trunk(), self.network.retrieval]
        return Learner(parts, self._loss, c.max_grad_norm, False, type(self).optimizer)

    def _drawn_windows(self, count: int, generator: torch.Generator) -> Windows | None:
        """Trajectories to act with; None where nothing was recorded yet."""
        raise NotImplementedError

    def acting_windows(self) -> Windows | None:
        """The trajectories that acting retrieves from; None where nothing was recorded yet."""
        if self._windows is None:
            generator = torch.Generator(self.device)
            generator.manual_seed(self._hashed_seed(_ACTING, self._learner.steps))
            self._windows = self._drawn_windows(self.config.acting_trajectories, generator)
        return self._windows

    @torch.no_grad()
    def acting_summaries(self) -> Summaries | None:
        """Their summaries by the weights at hand."""
        if self._summaries is None:
            windows = self.acting_windows()
            if windows is not None:
                self._summaries = self._summarised(windows, self.network, 1)[0]
        return self._summaries

    def _summarised(self, windows: Windows, network: Any, groups: int) -> tuple[Summaries, Tensor, Tensor]:
        """What queries look at, and the summaries of past and future that it was made from."""
        past, future = network.summarise(windows)
        return network.summariser.summaries(past, future, windows, groups, self.config.gamma), past, future

    def _retrieval_losses(self, cost: Tensor, past: Tensor, future: Tensor, windows: Windows) -> Tensor:
        """What the bottleneck let through and predictions from the summaries, weighted."""
        c, loss = self.config, cost.new_zeros(())
        if c.bottleneck_weight:
            loss = loss + c.bottleneck_weight * cost
        if c.auxiliary_weight:
            loss = loss + c.auxiliary_weight * self.network.summariser.auxiliary(past, future, windows, c.gamma)
        return loss

    def _acting_noise(self, count: int) -> Tensor | None:
        """Noise of slots and codes [1 + rounds, count, K, slot width], where acting has any."""
        c = self.config
        if not c.sample_acting:
            return None
        shape = (1 + c.rounds, count, c.slots, c.slot_width)
        return torch.randn(shape, generator=self._noise, device=self.device)

    @contextmanager
    def _at_play(self) -> Iterator[None]:
        """While it plays to learn, lanes are in episodes that they may not look at."""
        self._playing = True
        try:
            yield
        finally:
            self._playing = False

    def _forget(self) -> None:
        """What was summarised for acting is of weights that have moved on."""
        self._windows = self._summaries = None

    # Files --------------------------------------------------------------------------------------------------------

    def _policy_tensors(self) -> dict[str, Tensor]:
        windows = self.acting_windows()
        kept = {} if windows is None else with_prefix("windows", windows._asdict())
        return {**with_prefix("network", super()._policy_tensors()), **kept}

    def _load_policy(self, policy: Mapping[str, Tensor]) -> None:
        super()._load_policy(under_prefix("network", policy))
        kept = under_prefix("windows", policy)
        self._forget()
        if kept:
            self._windows = Windows(**{name: part.to(self.device) for name, part in kept.items()})
