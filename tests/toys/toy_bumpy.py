"""A scripted environment for the streaming agents' tests, and one learner written down from the paper's equations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor
from torch.nn import functional


class Bumpy(gymnasium.Env[Any, Any]):
    """Random observations, rewards, and ends of both kinds, whatever is done; choice 1 is forbidden in half the steps.

    Attributes:
        seen: Everything that happened, as (kind, content) in order.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": []}

    def __init__(
        self, action_space: Any = None, nested: bool = False, masked: bool = False, ends: float = 0.15
    ) -> None:
        self.action_space = action_space or spaces.Discrete(3)
        self.nested, self.masked, self.ends = nested, masked, ends
        box = spaces.Box(-np.inf, np.inf, (3,), np.float32)
        parts = {"b": box, "a": spaces.Box(-np.inf, np.inf, (2, 1), np.float32)}
        self.observation_space = spaces.Dict(parts) if nested else box  # type: ignore[assignment]
        self.seen: list[tuple[str, Any]] = []
        self.allowed = np.ones(3, bool)

    def _look(self) -> Any:
        values = self.np_random.normal(2.0, 3.0, 5).astype(np.float32)
        self.allowed = np.array([True, not self.masked or bool(values[0] > 2.0), True])
        return {"b": values[:3], "a": values[3:, None]} if self.nested else values[:3]

    def _info(self) -> dict[str, Any]:
        return {"action_mask": self.allowed} if self.masked else {}

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        observation = self._look()
        self.seen.append(("reset", observation))
        return observation, self._info()

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        if self.masked and not self.allowed[int(action)]:
            raise AssertionError(f"action {action} is forbidden")
        reward = float(self.np_random.normal(5.0, 2.0))
        end = self.np_random.random()
        terminated, truncated = bool(end < self.ends), bool(end > 1 - self.ends)
        observation = self._look()
        self.seen.append(("step", (action, reward, terminated, truncated, observation)))
        return observation, reward, terminated, truncated, self._info()


class Transition:
    """What the learner of the paper sees: normalised features, scaled rewards, flags."""

    def __init__(self, before: Tensor, after: Tensor, action: Any, reward: float, terminated: bool, truncated: bool):
        self.before, self.after, self.action, self.reward = before, after, action, reward
        self.terminated, self.ended = terminated, terminated or truncated
        self.forbidden_before = self.forbidden_after = False


def transitions(seen: list[tuple[str, Any]], gamma: float = 0.99) -> Iterator[Transition]:
    """Normalises a record by NumPy's own means and variances over everything seen so far."""
    observed: list[Any] = []
    sums: list[float] = []
    before, raw, total = torch.zeros(0), np.zeros(0), 0.0

    def features(observation: Any) -> Tensor:
        observed.append(np.asarray(observation, np.float64))
        variance = np.var(observed, 0, ddof=1) if len(observed) > 1 else np.ones(len(observation))
        return torch.as_tensor((observed[-1] - np.mean(observed, 0)) / np.sqrt(variance + 1e-8)).float()

    for kind, content in seen:
        if kind == "reset":
            before, raw = features(content), content
            continue
        action, reward, terminated, truncated, observation = content
        total = gamma * total * (not (terminated or truncated)) + reward
        sums.append(total)
        deviation = np.sqrt((np.var(sums, ddof=1) if len(sums) > 1 else 1.0) + 1e-8)
        after = features(observation)
        transition = Transition(before, after, action, reward / deviation, terminated, truncated)
        transition.forbidden_before, transition.forbidden_after = raw[0] <= 2.0, observation[0] <= 2.0
        yield transition
        before, raw = after, observation


class Paper:
    """A network and its optimiser, from the equations and by automatic differentiation, parameter after parameter."""

    def __init__(self, sizes: tuple[int, ...], flat: Tensor, kappa: float, decay: float) -> None:
        self.kappa, self.decay, self.weights = kappa, decay, list[Tensor]()
        first = 0
        for before, after in zip(sizes, sizes[1:], strict=False):
            for shape in ((before, after), (after,)):
                last = first + int(np.prod(shape))
                self.weights.append(flat[first:last].clone().reshape(shape).requires_grad_())
                first = last
        self.traces = [torch.zeros_like(weight) for weight in self.weights]

    def __call__(self, features: Tensor) -> Tensor:
        for number in range(0, len(self.weights), 2):
            features = features @ self.weights[number] + self.weights[number + 1]
            if number < len(self.weights) - 2:
                features = functional.leaky_relu(functional.layer_norm(features, features.shape), 0.01)
        return features

    def update(self, objective: Tensor, delta: float, cut: bool) -> None:
        """One step of ObGD along the trace with the objective's gradient added; then perhaps a cut."""
        gradients = torch.autograd.grad(objective, self.weights)
        for trace, gradient in zip(self.traces, gradients, strict=True):
            trace.mul_(self.decay).add_(gradient)
        norm = sum(float(trace.abs().sum()) for trace in self.traces)
        rate = 1.0 / max(1.0, self.kappa * max(abs(delta), 1.0) * norm)
        with torch.no_grad():
            for weight, trace in zip(self.weights, self.traces, strict=True):
                weight.add_(rate * delta * trace)
        if cut:
            self.forget()

    def forget(self) -> None:
        """Zeroes the traces."""
        for trace in self.traces:
            trace.zero_()

    @property
    def flat(self) -> Tensor:
        """All weights in one row."""
        return torch.cat([weight.detach().flatten() for weight in self.weights])
