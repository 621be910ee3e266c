"""The exogenous side: the noise on growth, the initial stocks and, in the perturbation study, the parameters."""

from __future__ import annotations

from collections.abc import Sequence

from scenarium.envs.core import rng
from scenarium.envs.core.namespace import Array, Namespace
from scenarium.envs.core.scenario import BlockScenario
from scenarium.envs.fishery.dynamics import Coefficients, Stocks

NOISE_STREAM = 1
PARAMETER_STREAM = 2
INITIAL_YEAR = -1
"""The initial stocks take the noise of the year before the first."""

Shock = Sequence[Array]
"""What a year brings: standard normal draws, one component per species, and after them, where parameters differ between
worlds, what each coefficient is multiplied by (the same in every year)."""


class FisheryScenario(BlockScenario):
    """Worlds of a fishery: every year's noise, addressable, and what is drawn once per world.

    Args:
        seeds: As in `Scenario`.
        species: Number of stocks k.
        longest: Years of an episode.
        spread: Relative standard deviation of the parameters between worlds; 0 if they are the same in all.
    """

    budget = 1 << 17

    def __init__(self, seeds: Array, species: int, longest: int, spread: float = 0.0) -> None:
        super().__init__(seeds, species, longest)
        self.species, self.spread, self.longest = species, spread, longest
        self._key = rng.stream_key(seeds, NOISE_STREAM)
        self._rows: list[list[float]] | None = None if self.xp.batched else []
        self._initial: Array = None
        self._factors: Array = None

    def draw(self, first: Array, length: int) -> Array:
        """The noise of `length` years, [length, k] or [length, k, B]."""
        words = (self.species + 1) // 2
        count = rng.counters(self.xp, first, length, words, trailing=int(self.xp.batched))
        return rng.normal_pair(self.xp, rng.words(self._key, count), self.species - words)

    def at(self, t: Array) -> Shock:
        if self._rows is not None:
            return self._rows[t] if t < len(self._rows) else self._row(t)
        noise = tuple(self.xp.unstack(super().at(t), 0))
        return (*noise, *self.factors()) if self.spread else noise

    def _row(self, t: int) -> Shock:
        """One world's year as Python numbers; all years of an episode are drawn at once."""
        rows: list[list[float]] = self.draw(0, max(self.longest, t + 1)).tolist()
        if self.spread:
            rows = [[*row, *self.factors()] for row in rows]
        self._rows = rows
        return rows[t]

    def initial_noise(self) -> Stocks:
        """Standard normal draws for the initial stocks, one component per species."""
        return self._components(self._of_start())

    def factors(self) -> tuple[Array, ...]:
        """What this world's coefficients are multiplied by: 1 + spread * N(0, 1)."""
        if self._factors is None:
            normals = _normals(self.xp, self.seeds, PARAMETER_STREAM, len(Coefficients._fields))
            self._factors = 1.0 + self.spread * normals
        return self._components(self._factors)

    def moved_on(self, mask: Array, seeds: Array) -> FisheryScenario:
        """The scenario after the lanes of `mask` turned to new worlds: what the others drew once is kept."""
        # Elsewhere than on the CPU, looking which lanes moved would stall the device; there all are drawn anew.
        if mask.device.type != "cpu":
            return FisheryScenario(seeds, self.species, self.longest, self.spread)
        moved = mask.nonzero()[:, 0]
        some = FisheryScenario(seeds[moved], self.species, self.longest, self.spread)
        fresh = FisheryScenario.__new__(FisheryScenario)
        fresh.__dict__.update(self.__dict__, seeds=seeds, _first=0, _stop=0)
        fresh._key = self._key.index_copy(0, moved, some._key)
        fresh._initial = self._of_start().index_copy(1, moved, some._of_start())
        if self.spread:
            self.factors(), some.factors()
            fresh._factors = self._factors.index_copy(1, moved, some._factors)
        return fresh

    def _of_start(self) -> Array:
        if self._initial is None:
            self._initial = self.draw(INITIAL_YEAR, 1)[0]
        return self._initial

    def _components(self, x: Array) -> tuple[Array, ...]:
        return tuple(self.xp.unstack(x, 0)) if self.xp.batched else tuple(x.tolist())


def _normals(xp: Namespace, seeds: Array, stream: int, width: int) -> Array:
    count = rng.counters(xp, 0, 1, width, trailing=int(xp.batched))[0]
    return rng.normal(xp, rng.words(rng.stream_key(seeds, stream), count))


def perturbed(coefficients: Coefficients, factors: Sequence[Array]) -> Coefficients:
    """Each coefficient times its factor."""
    return Coefficients(*(value * factor for value, factor in zip(coefficients, factors, strict=True)))


def drawn_factors(draw: int, spread: float) -> tuple[float, ...]:
    """The factors of one numbered draw, which are those of the world with that seed."""
    return FisheryScenario(draw, 1, 1, spread).factors()
