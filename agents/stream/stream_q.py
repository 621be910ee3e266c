"""Stream Q(lambda): off-policy control from one transition at a time (Elsayed et al., arXiv 2410.14606)."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from scenarium.agents.core.actions import ActionMap
from scenarium.agents.core.greedy import BranchGrid, chosen_value, greedy, masked_max, random_choice
from scenarium.agents.core.schedules import linear
from scenarium.agents.stream.agent import _DRAWS, _VALUE, StreamAgent
from scenarium.agents.stream.config import StreamQConfig
from scenarium.agents.stream.draws import Draws


class StreamQ(StreamAgent):
    """Q(lambda) with overshooting-bounded steps; see `StreamAgent`, and `StreamQConfig` for the fields.

        delta = r + gamma (1 - over) max_a' Q(s', a') - Q(s, a)

    with the present weights in both places, before the update along the trace of Q's gradients. Actions are Discrete,
    MultiDiscrete (the value of an action is the mean over its numbers' values), or a bounded Box through `levels` or a
    `menu`. Exploration is epsilon-greedy; forbidden choices are left out of the greedy choice, of the random one, and
    of the maximum.
    """

    name: ClassVar[str] = "stream_q"
    config_class = StreamQConfig
    config: StreamQConfig

    def _make_networks(self) -> None:
        c = self.config
        self._actions = ActionMap.of(self.model.action_space, c.levels, c.menu, self.device)
        self._grid = BranchGrid(self._actions.branches, self.device)
        branches, choices = self._grid.shape
        self._net, self._optimiser = self._network("value", _VALUE, branches * choices, c.kappa)
        self._draws = Draws(self.learner_seeds, _DRAWS, 1 + branches, self.device)
        self._epsilon = linear(c.epsilon_start, c.epsilon_end)
        self._offsets = torch.arange(branches, device=self.device) * choices
        self._strayed = torch.zeros(c.learners, dtype=torch.bool, device=self.device)

    def _stand(self, features: Tensor, mask: Tensor | None) -> None:
        self._pass = self._net.forward(features)
        self._allowed = self._grid.mask(mask)
        self._q = self._pass.output.reshape(-1, *self._grid.shape)

    def _decide(self, step: int) -> Tensor:
        self._choice, self._strayed = self._explore(self._q, self._allowed, step)
        return self._actions.decode(self._choice)

    def _explore(self, q: Tensor, allowed: Tensor | None, step: int) -> tuple[Tensor, Tensor]:
        """Epsilon-greedy choices [K, branches], and whether they are not the greedy ones [K]."""
        best = greedy(q, allowed)
        draws = self._draws.at(step)
        fraction = self.config.epsilon_fraction
        epsilon = self._epsilon(min(1.0, self.progress / fraction) if fraction else 1.0)
        random = random_choice(draws[:, 1:], self._grid.shape[1], allowed)
        choice = torch.where(draws[:, :1] < epsilon, random, best)
        return choice, (choice != best).any(1)

    def _learn(self, reward: Tensor, after: Tensor, mask: Tensor | None, going: Tensor, ended: Tensor) -> Tensor:
        future = self._net.forward(after).output.reshape(-1, *self._grid.shape)
        delta = reward + going * masked_max(future, self._grid.mask(mask)) - chosen_value(self._q, self._choice)
        if self.config.trace_cut == "watkins":
            self._optimiser.cut(self._strayed)
            self._update(delta, ended)
        else:
            self._update(delta, ended | self._strayed)
        return delta

    def _update(self, delta: Tensor, cut: Tensor) -> None:
        """Adds the gradient of Q(s, a) to the trace and moves the weights."""
        share = torch.zeros_like(self._pass.output)
        share.scatter_(1, self._choice + self._offsets, 1.0 / self._grid.shape[0])
        self._optimiser.accumulate(self._net.backward(self._pass, share))
        self._optimiser.step(delta, cut)

    def _values(self, learner: int, features: Tensor, mask: Tensor | None) -> Tensor:
        return masked_max(self._play(learner, features), self._grid.mask(mask))

    def _play(self, learner: int, features: Tensor) -> Tensor:
        return self._net.play(learner, features).reshape(-1, *self._grid.shape)

    def _act(
        self, observation: Any, memory: Any, deterministic: bool, mask: Tensor | None = None
    ) -> tuple[Tensor, Any]:
        features, memory = self._frozen(observation, memory)
        q, allowed = self._play(self.acting, features), self._grid.mask(mask)
        choice = greedy(q, allowed)
        if not deterministic:
            draws = self._numbers(len(q), 1 + q.shape[1])
            random = random_choice(draws[:, 1:], q.shape[2], allowed)
            choice = torch.where(draws[:, :1] < self._epsilon(1.0), random, choice)
        return self._actions.decode(choice), memory
