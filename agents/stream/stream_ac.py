"""Stream AC(lambda): actor and critic from one transition at a time (Elsayed et al., arXiv 2410.14606)."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from scenarium.agents.stream.agent import _DRAWS, _POLICY, _VALUE, StreamAgent
from scenarium.agents.stream.config import StreamACConfig
from scenarium.agents.stream.draws import Draws
from scenarium.agents.stream.heads import policy_head


class StreamAC(StreamAgent):
    """AC(lambda) with overshooting-bounded steps; see `StreamAgent`, and `StreamACConfig` for the fields.

        delta = r + gamma (1 - over) V(s') - V(s)

    moves the value network along the trace of V's gradients and, from the same weights, the policy network along the
    trace of the gradients of ``log pi(a|s) + c sign(delta) H(pi(.|s))``: times delta, the entropy is then always pushed
    up. The two networks share nothing. Box actions come from a normal law with state-dependent mean and deviation,
    Discrete and MultiDiscrete ones from a softmax that honours action masks.
    """

    name: ClassVar[str] = "stream_ac"
    config_class = StreamACConfig
    config: StreamACConfig

    def _make_networks(self) -> None:
        c = self.config
        self._head = policy_head(self.model.action_space, self.device)
        self._critic, self._critic_optimiser = self._network("value", _VALUE, 1, c.kappa)
        self._actor, self._actor_optimiser = self._network("policy", _POLICY, self._head.outputs, c.kappa_policy)
        self._draws = Draws(self.learner_seeds, _DRAWS, self._head.draws, self.device, self._head.gaussian)
        self._one = torch.ones(c.learners, 1, device=self.device)

    def _stand(self, features: Tensor, mask: Tensor | None) -> None:
        self._value_pass, self._policy_pass = self._critic.forward(features), self._actor.forward(features)
        self._allowed = mask

    def _decide(self, step: int) -> Tensor:
        self._raw = self._head.sample(self._policy_pass.output, self._allowed, self._draws.at(step))
        return self._head.decode(self._raw)

    def _learn(self, reward: Tensor, after: Tensor, mask: Tensor | None, going: Tensor, ended: Tensor) -> Tensor:
        future = self._critic.forward(after).output.squeeze(1)
        delta = reward + going * future - self._value_pass.output.squeeze(1)
        push = self.config.entropy * delta.sign()
        gradient = self._head.gradient(self._policy_pass.output, self._allowed, self._raw, push)
        self._actor_optimiser.accumulate(self._actor.backward(self._policy_pass, gradient))
        self._critic_optimiser.accumulate(self._critic.backward(self._value_pass, self._one))
        self._actor_optimiser.step(delta, ended)
        self._critic_optimiser.step(delta, ended)
        return delta

    def _values(self, learner: int, features: Tensor, mask: Tensor | None) -> Tensor:
        return self._critic.play(learner, features).squeeze(1)

    def _act(
        self, observation: Any, memory: Any, deterministic: bool, mask: Tensor | None = None
    ) -> tuple[Tensor, Any]:
        features, memory = self._frozen(observation, memory)
        output = self._actor.play(self.acting, features)
        if deterministic:
            return self._head.decode(self._head.best(output, mask)), memory
        draws = self._numbers(len(output), self._head.draws, self._head.gaussian)
        return self._head.decode(self._head.sample(output, mask, draws)), memory
