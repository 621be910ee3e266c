"""Returns and lengths of the episodes that lanes finish."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor


class Episode(NamedTuple):
    """A finished episode.

    Attributes:
        learner: Whose.
        total: Sum of its rewards, unscaled.
        length: Its steps.
    """

    learner: int
    total: float
    length: int


class EpisodeLog:
    """Collects steps and gives the episodes that ended; nothing is read from the device in between.

    Args:
        lanes: Number of lanes.
    """

    def __init__(self, lanes: int) -> None:
        self.total = torch.zeros(lanes, dtype=torch.float64)
        self.length = torch.zeros(lanes, dtype=torch.int64)
        self._rewards: list[Tensor] = []
        self._ends: list[Tensor] = []

    def add(self, reward: Tensor, ended: Tensor) -> None:
        """One step of all lanes: rewards [lanes] and whether episodes ended by it, bool [lanes]."""
        self._rewards.append(reward)
        self._ends.append(ended)

    def drain(self) -> list[Episode]:
        """The episodes that ended since the last call, in the order of their ends."""
        if not self._rewards:
            return []
        rewards = torch.stack(self._rewards).cpu().double().numpy()
        ends = torch.stack(self._ends).cpu().numpy()
        self._rewards, self._ends = [], []
        sums = np.cumsum(rewards, 0)
        total, length = self.total.numpy(), self.length.numpy()
        finished = []
        # What was counted before the last end of a lane is taken off again.
        base, first = -total.copy(), -length.copy()
        for step, lane in np.argwhere(ends):
            at = sums[step, lane]
            finished.append(Episode(int(lane), float(at - base[lane]), int(step + 1 - first[lane])))
            base[lane], first[lane] = at, step + 1
        total[:] = sums[-1] - base
        length[:] = len(sums) - first
        return finished

    def restart(self) -> None:
        """Forgets unfinished episodes."""
        self.total.zero_()
        self.length.zero_()

    def tensors(self) -> dict[str, Tensor]:
        """What `load` needs to go on, after `drain`."""
        return {"total": self.total, "length": self.length}

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Takes them back."""
        self.total.copy_(tensors["total"])
        self.length.copy_(tensors["length"])
