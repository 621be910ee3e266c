"""Demand that does not stay: slow drift, one abrupt shift, and the day of the week."""

from __future__ import annotations

import math
from collections.abc import Sequence

from scenarium.envs.core import rng
from scenarium.envs.core.errors import unknown_name
from scenarium.envs.core.namespace import Array, Namespace

DRIFT_STREAM = 3
KINDS = ("slow", "abrupt", "weekday")
_SLOW, _CYCLES = 0.20, 1.0
_ABRUPT, _EARLIEST, _LATEST = -0.35, 0.25, 0.75
_WEEKDAY = (0.06, 0.06, 0.06, 0.06, 0.0, -0.12, -0.12)
_DRAWS = 3


class Drift:
    """How the willingness to pay moves over an episode: each kind adds to ``ln m``.

    "slow" adds ``0.20 sin(2 pi (t / T + phase))``, one cycle an episode. "abrupt" multiplies m by exp(-0.35) from one
    session in the middle half of the episode on, as the collapse of travel in 2020 did (Garg et al., arXiv 2111.14938,
    describe such a shift for ancillaries; the size is our choice). "weekday" adds +0.06 to sessions from Monday to
    Thursday and -0.12 at the weekend. Phase, moment and first day are drawn per world.

    Args:
        kinds: One or several of "slow", "abrupt", "weekday".
        sessions: Sessions of an episode, T.
        a_day: Sessions of a day.

    Raises:
        ScenariumError: A kind is unknown.
    """

    def __init__(self, kinds: str | Sequence[str], sessions: int, a_day: int = 20) -> None:
        self.kinds = (kinds,) if isinstance(kinds, str) else tuple(kinds)
        for kind in self.kinds:
            if kind not in KINDS:
                raise unknown_name("drift", kind, KINDS)
        self.sessions, self.a_day = sessions, a_day

    def draws(self, seeds: Array, xp: Namespace) -> tuple[Array, ...]:
        """Phase, moment and first day of worlds, uniform in (0, 1)."""
        count = rng.counters(xp, 0, 1, _DRAWS, trailing=int(xp.batched))[0]
        return xp.unstack(rng.uniform(xp, rng.words(rng.stream_key(seeds, DRIFT_STREAM), count)), 0)

    def weekday(self, t: Array, draws: Sequence[Array], xp: Namespace) -> Array:
        """The weekday of session t, 0 Monday to 6 Sunday."""
        day = xp.floor((t + 0.5) * (1.0 / self.a_day)) + xp.floor(7.0 * draws[2])
        return day - 7.0 * xp.floor((day + 0.5) * (1.0 / 7.0))

    def shift(self, t: Array, draws: Sequence[Array], xp: Namespace) -> Array:
        """What is added to ``ln m`` in session t (a float array that broadcasts against the draws)."""
        phase, moment, _ = draws
        time = t * (1.0 / self.sessions)
        total = time * 0.0 + phase * 0.0
        if "slow" in self.kinds:
            total = total + _SLOW * xp.sin((_CYCLES * time + phase) * (2.0 * math.pi))
        if "abrupt" in self.kinds:
            since = _EARLIEST + (_LATEST - _EARLIEST) * moment
            total = total + _ABRUPT * xp.cast(time >= since, "float")
        if "weekday" in self.kinds:
            weekday = self.weekday(t, draws, xp)
            workday, weekend = xp.cast(weekday < 4.0, "float"), xp.cast(weekday >= 5.0, "float")
            total = total + _WEEKDAY[0] * workday + _WEEKDAY[6] * weekend
        return total
