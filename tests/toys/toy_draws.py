"""What the toys draw: uniform numbers, time first [length, width] with the batch, where there is one, last."""

from __future__ import annotations

from typing import Any

from scenarium.envs.core.rng import counters, stream_key, uniform, words
from scenarium.envs.core.scenario import BlockScenario


class Uniforms(BlockScenario):
    def __init__(self, seeds: Any, width: int, longest: int) -> None:
        super().__init__(seeds, width, longest)
        self._key, self._width = stream_key(seeds, 0), width

    def draw(self, first: Any, length: int) -> Any:
        slots = counters(self.xp, first, length, self._width, trailing=int(self.xp.batched))
        return uniform(self.xp, words(self._key, slots))


def zero(scenario: Any, xp: Any, kind: str = "float") -> Any:
    """One zero per world."""
    return xp.cast(scenario.seeds * 0, kind)
