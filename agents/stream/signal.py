"""A signal to predict, as an environment: the next values are seen one after the other, and nothing can be done."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from scenarium.envs.core.errors import ScenariumError


class Signal(gymnasium.Env[npt.NDArray[np.float32], np.int64]):
    """A recorded series; ``StreamTD(Signal(features, cumulant))`` predicts the discounted sum of what follows.

    In step t an agent sees the features of t and is paid the cumulant of t + 1. The end of the record truncates the
    episode: what would have followed is unknown, not zero.

    Args:
        features: What is seen, [T, n] or [T].
        cumulant: What is predicted, [T].
        average: Decay of a running mean that replaces the features, in [0, 1) (the paper's demonstration on
            electricity-transformer data uses 0.999), corrected for its start: with b the decay, the weighted mean of
            all features so far with weights b^age. None shows the features themselves.

    Raises:
        ScenariumError: The two differ in length, are shorter than 2, or a number is not finite.
    """

    metadata = {"render_modes": []}  # noqa: RUF012 (Gymnasium's own form)

    def __init__(self, features: Any, cumulant: Any, average: float | None = None) -> None:
        seen = np.asarray(features, np.float64)
        seen = seen[:, None] if seen.ndim == 1 else seen
        self._cumulant = np.asarray(cumulant, np.float64)
        if seen.ndim != 2 or self._cumulant.shape != (len(seen),) or len(seen) < 2:
            raise ScenariumError(
                f"features {seen.shape} and cumulant {self._cumulant.shape} must be [T, n] and [T], with T at least 2"
            )
        if not (np.isfinite(seen).all() and np.isfinite(self._cumulant).all()):
            raise ScenariumError("features and cumulant must be finite numbers")
        self._seen = (seen if average is None else _running_mean(seen, average)).astype(np.float32)
        self.observation_space = spaces.Box(-np.inf, np.inf, (seen.shape[1],), np.float32)
        self.action_space = spaces.Discrete(1)
        self._t = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[npt.NDArray[np.float32], dict[str, Any]]:
        """Goes back to the start of the record."""
        super().reset(seed=seed)
        self._t = 0
        return self._seen[0], {}

    def step(self, action: Any) -> tuple[npt.NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Moves on by one; the action means nothing."""
        self._t += 1
        ended = self._t == len(self._seen) - 1
        return self._seen[self._t], float(self._cumulant[self._t]), False, ended, {}


def _running_mean(values: npt.NDArray[np.float64], decay: float) -> npt.NDArray[np.float64]:
    if not 0 <= decay < 1:
        raise ScenariumError(f"average must lie in [0, 1), got {decay}")
    means, total, weight = np.empty_like(values), np.zeros(values.shape[1]), 0.0
    for t, value in enumerate(values):
        total, weight = decay * total + value, decay * weight + 1.0
        means[t] = total / weight
    return means
