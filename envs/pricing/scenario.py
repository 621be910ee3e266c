"""The exogenous side: a stream of booking sessions, addressable by number."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from scenarium.envs.core import rng
from scenarium.envs.core.namespace import Array, Namespace
from scenarium.envs.core.scenario import BlockScenario
from scenarium.envs.pricing import features
from scenarium.envs.pricing.context import NORMALS, UNIFORMS, Context, draw_context, signals
from scenarium.envs.pricing.demand import Demand, Latents, Residuals, expected_revenue, latents
from scenarium.envs.pricing.drift import Drift

SESSION_STREAM = 1
_RESIDUALS = len(Residuals._fields)
_SLOTS = NORMALS + _RESIDUALS + UNIFORMS + 1
NEVER = -1.0
"""The highest acceptable price of somebody who does not want the ancillary."""
BestPrice = Callable[[Latents, Namespace], Array]
"""The best legal price of sessions."""


class Session(NamedTuple):
    """What a session brings: the customer, and the context of the session that follows.

    Attributes:
        latent: m, s and q of the customer.
        limit: The highest price this customer accepts, `NEVER` if none.
        best_price: The best legal price given the latents.
        best_revenue: What it is expected to earn.
        following: Features of the next session's context [n] or [n, B].
    """

    latent: Latents
    limit: Array
    best_price: Array
    best_revenue: Array
    following: Array


class Drawn(NamedTuple):
    """Sessions as they are drawn, arrays [length] or [length, B].

    Attributes:
        context: The facts that are seen.
        latent: The latents.
        uniform: U(0, 1), the customer's own chance.
        weekday: Weekday of the session where demand drifts, else None.
    """

    context: Context
    latent: Latents
    uniform: Array
    weekday: Array | None


_COLUMNS = 6


class SessionScenario(BlockScenario):
    """Worlds of sessions.

    Args:
        seeds: As in `Scenario`.
        demand: The ground truth.
        best_price: The best legal price given the latents.
        longest: Sessions of an episode.
        drift: How the willingness to pay moves, or None.
    """

    def __init__(
        self, seeds: Array, demand: Demand, best_price: BestPrice, longest: int, drift: Drift | None = None
    ) -> None:
        super().__init__(seeds, _SLOTS + _COLUMNS + features.SIZE, longest)
        self.demand, self.best_price, self.drift = demand, best_price, drift
        self._key = rng.stream_key(seeds, SESSION_STREAM)
        self._moves = None if drift is None else drift.draws(seeds, self.xp)

    def sessions(self, first: Array, length: int) -> Drawn:
        """Sessions first, ..., first + length - 1; `first` may be an int64 tensor [B]."""
        xp, n = self.xp, NORMALS + _RESIDUALS
        count = rng.counters(xp, first, length, _SLOTS, trailing=int(xp.batched))
        word = rng.words(self._key, count)
        normals = xp.unstack(rng.normal(xp, word[:, :n]), 1)
        uniforms = xp.unstack(rng.uniform(xp, word[:, n:]), 1)
        context = draw_context(normals[:NORMALS], uniforms[:UNIFORMS], xp)
        latent = latents(self.demand, signals(context, xp), Residuals(*normals[NORMALS:]), xp)
        if self.drift is None or self._moves is None:
            return Drawn(context, latent, uniforms[-1], None)
        t = xp.cast(rng.counters(xp, first, length, 1, trailing=int(xp.batched))[:, 0], "float")
        shift = self.drift.shift(t, self._moves, xp)
        weekday = self.drift.weekday(t, self._moves, xp) + shift * 0.0
        return Drawn(context, latent._replace(median=latent.median * xp.exp(shift)), uniforms[-1], weekday)

    def draw(self, first: Array, length: int) -> Array:
        """Sessions as one array [length, columns] or [length, columns, B]: each with the context that follows it."""
        xp, drawn = self.xp, self.sessions(first, length + 1)
        now = Latents(*(x[:length] for x in drawn.latent))
        best = self.best_price(now, xp)
        columns = [*now, acceptable(now, drawn.uniform[:length], xp), best, expected_revenue(best, now, xp)]
        return xp.stack([*columns, *(x[1:] for x in self._shown(drawn))], 1)

    def first_context(self) -> Array:
        """Features of session 0's context [n] or [n, B]."""
        return self.xp.stack([x[0] for x in self._shown(self.sessions(0, 1))], 0)

    def at(self, t: Array) -> Session:
        row = super().at(t)
        return Session(Latents(row[0], row[1], row[2]), row[3], row[4], row[5], row[_COLUMNS:])

    def _shown(self, drawn: Drawn) -> tuple[Array, ...]:
        shown = features.encode(drawn.context, self.xp)
        if drawn.weekday is None:
            return shown
        return (*shown, *features.circle(drawn.weekday, 7.0, self.xp))


def acceptable(latent: Latents, uniform: Array, xp: Namespace) -> Array:
    """The highest price a customer accepts: below it for exactly the share of customers the demand says.

    A price P is accepted if ``uniform < q sigmoid((m - P) / s)``, that is if ``P < m - s logit(uniform / q)``: the
    customer who accepts a price accepts every lower one.
    """
    wants = uniform < latent.need
    ratio = xp.where(wants, uniform / latent.need, 0.5)
    limit = latent.median - latent.spread * (xp.log(ratio) - xp.log(1.0 - ratio))
    return xp.where(wants, limit, NEVER)
