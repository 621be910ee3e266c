"""A synthetic A-share market: market, industries and names with volatility that clusters, jumps and price limits.

The log return of a name is l_m f + l_g g + l_e e plus jumps: a market factor f, an industry factor g and its own e,
each with GARCH variances and Student-t innovations. Parameters are set so that panels drawn from it show the facts
of 267 CSI 300 members in 2020-2025 (`facts.TARGETS`); `python -m scenarium.envs.portfolio.facts` shows how close they
come. There is no leverage effect, as there is none in Chinese stocks.

Left out: the drift of prices through a suspension (a name resumes where it stopped), ticks, ST and STAR limits, and the
mild reversal of past returns.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from scenarium.envs.core import rng
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.namespace import Array, Namespace
from scenarium.envs.portfolio.market import Bars, Costs, Market, Rolled
from scenarium.envs.portfolio.processes import (
    LONGEST,
    Draws,
    autoregression,
    garch,
    low_uniform,
    spells,
    student,
    two_states,
)
from scenarium.envs.portfolio.recipe import Jumps, Randomization, Recipe

(_NAMES, _MARKET, _MARKET_GAP, _INDUSTRY, _INDUSTRY_GAP, _OWN, _OWN_GAP, _JUMPS, _NEWS, _VOLUME, _RANGE, _SUSPENSION,
 _REGIME, _WORLD, _NOISE) = _STREAMS = range(20, 35)  # fmt: skip
WARM_UP = 40
"""Days rolled out before the first, so that variances and volumes have forgotten where they started."""


class _World(NamedTuple):
    """What differs between worlds: numbers, or arrays [1] or [1, B] under randomisation."""

    vol: Array
    mean: Array
    loading: Array
    dof: Array | None
    suspension: Array


class _Moves(NamedTuple):
    """Overnight and intraday parts of something, [D, k] or [D, k, B]."""

    overnight: Array
    intraday: Array


class SyntheticMarket(Market):
    """A-share-like worlds, each with its own names, drawn from its seed.

    Args:
        names: Number of stocks N.
        recipe: The numbers.
        suspensions: Whether names are suspended now and then.
        randomization: Ranges for numbers that then differ from world to world; None for one market.

    Raises:
        ScenariumError: There are no names.
    """

    def __init__(
        self,
        names: int = 10,
        recipe: Recipe | None = None,
        suspensions: bool = False,
        randomization: Randomization | None = None,
    ) -> None:
        if names < 1:
            raise ScenariumError(f"names is {names}; a market has at least 1 stock")
        self.names, self.recipe = int(names), recipe or Recipe()
        self.suspensions, self.randomization = suspensions, randomization
        groups = max(1, round(names / 2.5)) if names < 40 else names // 4
        self.industries = tuple(i % groups for i in range(names))
        self.longest = LONGEST - WARM_UP

    def roll(self, seeds: Array, days: int, xp: Namespace) -> Rolled:
        draws = Draws(xp, seeds, _STREAMS)
        world, costs = self._world(draws, xp)
        total = days + WARM_UP
        vol, loadings, caps = self._characters(draws, world, xp)
        market = self._market(draws, total, world, xp)
        groups = self._component(draws, _INDUSTRY, max(self.industries) + 1, total, world, 1, xp)
        own = self._component(draws, _OWN, self.names, total, world, 2, xp)
        news = _jumps(draws.words(_NEWS, total, self.names), self.recipe.news, xp)
        industry = list(self.industries)
        overnight, intraday = (
            loadings[0] * m + loadings[1] * g[:, industry] + loadings[2] * e + j
            for m, g, e, j in zip(market, groups, own, news, strict=True)
        )
        overnight, intraday = self._with_drift(overnight, intraday, vol, world, xp)
        bars = self._bars(draws, overnight, intraday, vol, world, xp)
        return Rolled(bars, caps, costs, self._noise(draws, days, xp))

    def _world(self, draws: Draws, xp: Namespace) -> tuple[_World, Costs | None]:
        ranges = self.randomization
        if ranges is None:
            return _World(1.0, 0.0, 1.0, None, 1.0), None
        u = rng.uniform(xp, draws.words(_WORLD, 1, 9)[0])

        def between(slot: int, law: tuple[float, float]) -> Array:
            return law[0] + (law[1] - law[0]) * u[slot : slot + 1]

        names = ("vol", "mean", "loading", "dof", "suspension")
        world = _World(*(between(i, getattr(ranges, name)) for i, name in enumerate(names)))
        choice = xp.cast(xp.floor(u[6] * len(ranges.stamp)), "index")
        costs = Costs(
            between(5, ranges.commission)[0], xp.constant(ranges.stamp)[choice], between(7, ranges.slippage)[0]
        )
        return world, costs

    def _noise(self, draws: Draws, days: int, xp: Namespace) -> Array | None:
        ranges = self.randomization
        if ranges is None:
            return None
        low, high = ranges.noise
        size = low + (high - low) * rng.uniform(xp, draws.words(_WORLD, 1, 9)[0])[8:9]
        return size * rng.normal(xp, draws.words(_NOISE, days, self.names))

    def _characters(self, draws: Draws, world: _World, xp: Namespace) -> tuple[Array, list[Array], Array]:
        """Volatility of each name, its loadings on market, industry and itself, and its index weight."""
        r = self.recipe
        z = rng.normal(xp, draws.words(_NAMES, 3, self.names))
        vol = world.vol * r.vol * xp.exp(r.vol_spread * z[0] - 0.5 * r.vol_spread**2)
        beta = world.loading * xp.exp(r.beta_spread * z[1] - r.beta_spread**2)
        loadings = [vol * math.sqrt(share) for share in r.shares]
        loadings[0] = loadings[0] * beta
        size = xp.exp(r.cap_spread * z[2])
        return vol, loadings, size / xp.total(size, 0)

    def _component(
        self, draws: Draws, stream: int, width: int, days: int, world: _World, kind: int, xp: Namespace
    ) -> _Moves:
        """A factor of unit variance, split at the open."""
        r = self.recipe
        shock = student(xp, draws.words(stream, days, width), r.dof[kind] if world.dof is None else world.dof)
        spread = xp.sqrt(garch(shock, *(r.own_garch if kind else r.market_garch), xp))
        return self._split(draws, stream + 1, spread * shock, spread, xp)

    def _split(self, draws: Draws, stream: int, day: Array, spread: Array, xp: Namespace) -> _Moves:
        r = self.recipe
        noise = rng.normal(xp, draws.words(stream, day.shape[0], day.shape[1]))
        overnight = r.gap_slope * day + math.sqrt(r.gap_share - r.gap_slope**2) * spread * noise
        return _Moves(overnight, day - overnight)

    def _market(self, draws: Draws, days: int, world: _World, xp: Namespace) -> _Moves:
        """The market factor in units of its usual volatility, with its crashes or regimes."""
        r, unit = self.recipe, self.recipe.vol * math.sqrt(self.recipe.shares[0])
        if r.regimes is None:
            smooth = self._component(draws, _MARKET, 1, days, world, 0, xp)
            jumps = _jumps(draws.words(_JUMPS, days, 1), r.crashes, xp)
            centre = _Moves(
                r.crashes.overnight * _mean_jump(r.crashes), (1.0 - r.crashes.overnight) * _mean_jump(r.crashes)
            )
            return _Moves(*(calm + (jump - mean) * (1.0 / unit) for calm, jump, mean in zip(smooth, jumps, centre)))
        low, high = r.regimes.vol
        turbulent = two_states(xp, draws.words(_REGIME, days, 1), r.regimes.leave)
        spread = (low + (high - low) * turbulent) * (1.0 / unit)
        shock = rng.normal(xp, draws.words(_MARKET, days, 1))
        mean = r.regimes.mean[0] + (r.regimes.mean[1] - r.regimes.mean[0]) * turbulent
        moves = self._split(draws, _MARKET_GAP, spread * shock, spread, xp)
        return moves._replace(intraday=moves.intraday + mean * (1.0 / unit))

    def _with_drift(
        self, overnight: Array, intraday: Array, vol: Array, world: _World, xp: Namespace
    ) -> tuple[Array, Array]:
        """Adds the drift, so that every name has the same mean arithmetic return (by regime, where there are any)."""
        r = self.recipe
        mean = r.mean + world.mean - 0.5 * vol * vol - _mean_jump(r.news)
        if r.regimes is not None:
            mean = mean - r.mean
        return overnight + r.gap_drift, intraday + (mean - r.gap_drift)

    def _bars(self, draws: Draws, overnight: Array, intraday: Array, vol: Array, world: _World, xp: Namespace) -> Bars:
        r, days = self.recipe, overnight.shape[0]
        traded = overnight * 0.0 + 1.0
        if self.suspensions:
            off = spells(xp, draws.words(_SUSPENSION, days, self.names), r.suspension, world.suspension)
            traded = 1.0 - off
        low, high = math.log(1.0 - r.limit), math.log(1.0 + r.limit)
        opened, closed = _limited(overnight * traded, intraday * traded, traded, low, high, xp)
        above, below = self._range(draws, opened, closed, vol * traded, low, high, xp)
        volume = self._volume(draws, closed / vol, traded, xp)
        one, none = traded * 0.0 + 1.0, traded * 0.0
        flags = (xp.where(flag, one, none) for flag in (opened < high, opened > low, closed < high, closed > low))
        bars = Bars(opened, closed - opened, above, below, volume, traded, *flags)
        return Bars(*(xp.cast(bar[WARM_UP:], "float") for bar in bars))

    def _range(
        self, draws: Draws, opened: Array, closed: Array, vol: Array, low: float, high: float, xp: Namespace
    ) -> tuple[Array, Array]:
        """High and low of the day relative to its close; beyond open and close they reach an exponential distance."""
        word = draws.words(_RANGE, opened.shape[0], self.names)
        reach = vol * -0.32
        top = xp.maximum(opened, closed) + reach * xp.log(rng.uniform(xp, word))
        bottom = xp.minimum(opened, closed) - reach * xp.log(low_uniform(xp, word))
        return xp.minimum(top, high) - closed, xp.maximum(bottom, low) - closed

    def _volume(self, draws: Draws, scaled: Array, traded: Array, xp: Namespace) -> Array:
        """Log-volume: an autoregression that the day's return drives."""
        persistence, size, sign, common = self.recipe.volume
        noise = rng.normal(xp, draws.words(_VOLUME, scaled.shape[0], self.names + 1))
        shock = size * (xp.maximum(scaled, -scaled) - 0.7) + sign * scaled
        shock = shock + common * noise[:, -1:] + self.recipe.volume_noise * noise[:, :-1]
        return autoregression(shock, persistence, xp) * traded


def _jumps(word: Array, law: Jumps, xp: Namespace) -> _Moves:
    """Jumps of the days, 0 on most."""
    u, v = rng.uniform(xp, word), low_uniform(xp, word)
    size = law.least - law.mean * xp.log(v)
    up = law.per_day * (1.0 - law.down)
    jump = xp.where(u < up, size, xp.where(u < law.per_day, -size, size * 0.0))
    return _Moves(jump * law.overnight, jump * (1.0 - law.overnight))


def _mean_jump(law: Jumps) -> float:
    return law.per_day * (1.0 - 2.0 * law.down) * (law.least + law.mean)


def _limited(
    overnight: Array, intraday: Array, traded: Array, low: float, high: float, xp: Namespace
) -> tuple[Array, Array]:
    """Open and close of each day relative to the previous close, within the price limits.

    What a day's move exceeds its limit by is added to the next overnight return; a chain of such days is followed for
    three days.
    """
    carry = overnight * 0.0
    for _ in range(3):
        wanted = overnight + carry + intraday
        excess = wanted - xp.maximum(xp.minimum(wanted, high), low)
        carry = xp.concat([carry[:1] * 0.0, excess[:-1] * traded[1:]], 0)
    gap = overnight + carry
    opened = xp.maximum(xp.minimum(gap, high), low)
    return opened, xp.maximum(xp.minimum(gap + intraday, high), low)
