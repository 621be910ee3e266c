"""Scenarios: everything the decision maker cannot influence, fixed beforehand and addressed by period."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from scenarium.envs.core.namespace import Array, Namespace, namespace_of


class Past:
    """What has happened before period t: a view that cannot reach period t or later."""

    __slots__ = ("_scenario", "_t")

    def __init__(self, scenario: Scenario, t: Array) -> None:
        self._scenario = scenario
        self._t = t

    def window(self, length: int) -> Array:
        """The exogenous values of periods t - length, ..., t - 1, time first [length, ...]."""
        return self._scenario.span(self._t - length, length)


class Scenario(ABC):
    """A handle on the exogenous side of one world (integer seed) or of B worlds (int64 tensor of seeds).

    Args:
        seeds: A Python int for one world on NumPy, or an int64 tensor [B] for a batch on its device.
    """

    def __init__(self, seeds: Array) -> None:
        self.seeds = seeds
        self.xp: Namespace = namespace_of(seeds)

    @property
    def size(self) -> int | None:
        """Number of worlds, or None for one unbatched world."""
        return int(self.seeds.shape[0]) if self.xp.batched else None

    @abstractmethod
    def at(self, t: Array) -> Any:
        """The exogenous values of period t (an int, or an int64 tensor [B] when lanes differ)."""

    @abstractmethod
    def span(self, first: Array, length: int) -> Array:
        """The exogenous values of `length` consecutive periods, time first; periods may be negative (history)."""

    def until(self, t: Array) -> Past:
        """The view an observation of period t may use."""
        return Past(self, t)


class BlockScenario(Scenario):
    """An addressable scenario that draws a block of periods at a time and keeps only the latest block.

    Nothing is stored beyond about `budget` numbers, whatever the horizon: 5,000 periods of 50 stores in 8,192 worlds
    stream through. Families implement `draw`.
    """

    budget = 1 << 16

    def __init__(self, seeds: Array, width: int, longest: int) -> None:
        """Sizes the block.

        Args:
            seeds: As in `Scenario`.
            width: Numbers per world and period.
            longest: The most periods a block may need to hold (the horizon).
        """
        super().__init__(seeds)
        per_period = max(1, width * (self.size or 1))
        self._length = max(1, min(longest, self.budget // per_period))
        self._first = self._stop = 0
        self._block: Array = None

    @abstractmethod
    def draw(self, first: Array, length: int) -> Array:
        """Periods first, ..., first + length - 1 as one array, time first; `first` may be an int64 tensor [B]."""

    def at(self, t: Array) -> Array:
        if not isinstance(t, int):
            return self.draw(t, 1)[0]
        if not self._first <= t < self._stop:
            self._load(t, 1)
        return self._block[t - self._first]

    def span(self, first: Array, length: int) -> Array:
        if not isinstance(first, int):
            return self.draw(first, length)
        if first < self._first or first + length > self._stop:
            self._load(first, length)
        offset = first - self._first
        return self._block[offset : offset + length]

    def _load(self, first: int, length: int) -> None:
        count = max(length + 1, self._length)
        self._block = self.draw(first, count)
        self._first, self._stop = first, first + count
