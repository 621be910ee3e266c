"""Stream TD(lambda): predicting from one transition at a time (Elsayed et al., arXiv 2410.14606)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from scenarium.agents.core.actions import ActionMap
from scenarium.agents.core.greedy import BranchGrid, random_choice
from scenarium.agents.stream.agent import _DRAWS, _VALUE, StreamAgent
from scenarium.agents.stream.config import StreamConfig
from scenarium.agents.stream.draws import Draws
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.tree import tree_map

_ACTS = 0x7D
"""Stream of the seed from which random actions outside learning are drawn."""


class StreamTD(StreamAgent):
    """TD(lambda) prediction: what states are worth under a given policy; see `StreamAgent` and `StreamConfig`.

        delta = r + gamma (1 - over) V(s') - V(s)

    The policy is the one passed to `follow`; without it, actions are uniformly random. `value` answers what states are
    worth; `predict` gives the policy's own actions, as every agent's does (random ones by the place in the batch and
    the step that the memory counts, so that they can be repeated). To predict a signal instead of a problem's
    rewards, pass a `Signal`.
    """

    name: ClassVar[str] = "stream_td"
    config_class = StreamConfig

    def _make_networks(self) -> None:
        self._policy: Any = None
        self._expects_policy = False
        self._memory: Any = None
        self._net, self._optimiser = self._network("value", _VALUE, 1, self.config.kappa)
        self._one = torch.ones(self.config.learners, 1, device=self.device)
        self._random = _RandomActions(self.model.action_space, self.device)
        self._draws = Draws(self.learner_seeds, _DRAWS, self._random.draws, self.device, self._random.gaussian)

    def follow(self, policy: Any) -> Self:
        """Sets the policy whose values are predicted, and returns the agent.

        Args:
            policy: An agent, a baseline, a Stable-Baselines3 model, or any object with
                ``predict(observation, state, episode_start, deterministic)`` on NumPy batches. It is not saved: after
                `load` it has to be given again. Its memory, if it has any, is not saved either.

        Raises:
            ScenariumError: It has no `predict`.
        """
        if not callable(getattr(policy, "predict", None)):
            raise ScenariumError(f"follow needs an object with predict, got {type(policy).__name__}")
        self._policy, self._memory, self._expects_policy = policy, None, True
        return self

    def _stand(self, features: Tensor, mask: Tensor | None) -> None:
        self._pass, self._allowed = self._net.forward(features), mask

    def _decide(self, step: int) -> Tensor:
        if self._expects_policy:
            action, self._memory = self._followed(self._observation, self._memory, self._age == 0.0, self._allowed)
            return action
        return self._random(self._draws.at(step), self._allowed)

    def _followed(
        self, observation: Any, memory: Any, started: Tensor | None, mask: Tensor | None
    ) -> tuple[Tensor, Any]:
        if self._policy is None:
            raise ScenariumError("the policy this agent follows is not saved with it; pass it to follow()")
        seen = tree_map(lambda leaf: leaf.cpu().numpy(), observation)
        start = None if started is None else started.cpu().numpy()
        masks = (
            {} if mask is None or not getattr(self._policy, "masks", False) else {"action_masks": mask.cpu().numpy()}
        )
        action, memory = self._policy.predict(seen, state=memory, episode_start=start, deterministic=True, **masks)
        return torch.as_tensor(np.asarray(action), device=self.device), memory

    def _learn(self, reward: Tensor, after: Tensor, mask: Tensor | None, going: Tensor, ended: Tensor) -> Tensor:
        delta = reward + going * self._net.forward(after).output.squeeze(1) - self._pass.output.squeeze(1)
        self._optimiser.accumulate(self._net.backward(self._pass, self._one))
        self._optimiser.step(delta, ended)
        return delta

    def _values(self, learner: int, features: Tensor, mask: Tensor | None) -> Tensor:
        return self._net.play(learner, features).squeeze(1)

    def _act(
        self, observation: Any, memory: Any, deterministic: bool, mask: Tensor | None = None
    ) -> tuple[Tensor, Any]:
        if self._expects_policy:
            return self._followed(observation, memory, None, mask)
        features, steps = self._frozen(observation, memory)
        if deterministic:
            memory = torch.zeros(len(features), dtype=torch.int64, device=self.device) if memory is None else memory
            return self._random(self._draws.of(memory.long()), mask), memory + 1 if steps is None else steps
        numbers = self._numbers(len(features), self._random.draws, self._random.gaussian)
        return self._random(numbers, mask), steps

    def _counters(self) -> dict[str, Any]:
        return {**super()._counters(), "follows": self._expects_policy}

    def _load_counters(self, counters: Mapping[str, Any]) -> None:
        super()._load_counters(counters)
        self._expects_policy = bool(counters["follows"])


class _RandomActions:
    """Uniformly random actions; standard normal ones where a Box is unbounded."""

    def __init__(self, space: Any, device: torch.device) -> None:
        self._box = space if isinstance(space, spaces.Box) else None
        self.gaussian = self._box is not None and not self._box.is_bounded()
        if self._box is not None:
            self.draws = int(np.prod(self._box.shape))
            self._low = torch.as_tensor(self._box.low, device=device).float()
            self._high = torch.as_tensor(self._box.high, device=device).float()
            return
        self._actions = ActionMap.of(space, device=device)
        self._grid = BranchGrid(self._actions.branches, device)
        self.draws = self._grid.shape[0]

    def __call__(self, draws: Tensor, mask: Tensor | None) -> Tensor:
        """Actions [B, ...] of the environment from random numbers [B, draws]."""
        if self._box is None:
            return self._actions.decode(random_choice(draws, self._grid.shape[1], self._grid.mask(mask)))
        shaped = draws.reshape(-1, *self._box.shape)
        if self.gaussian:
            return torch.minimum(torch.maximum(shaped, self._low), self._high)
        return self._low + (self._high - self._low) * shaped
