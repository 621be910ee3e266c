"""The random processes a daily market is made of, rolled out over all days at once.

Every function takes and returns arrays with time first and works alike on NumPy and torch. A recursion x_t = a_t
x_{t-1} + b_t with a_t > 0 is solved in closed form, x_t = A_t (x_0 + sum_{s <= t} b_s / A_s) with A_t the product of
the a_s, so that no loop over days is needed; in float64 this holds for some 2,500 days.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from scenarium.envs.core import rng
from scenarium.envs.core.namespace import Array, Namespace

LONGEST = 2500
"""Days a closed-form recursion may span."""


class Draws:
    """The random words of some worlds, by stream.

    Args:
        xp: Namespace.
        seeds: An int, or int64 [B].
        streams: Numbers of all streams that will be asked for; their keys are made at once.
    """

    def __init__(self, xp: Namespace, seeds: Array, streams: Sequence[int]) -> None:
        self.xp = xp
        numbers = xp.constant(streams, "index")
        keys = rng.stream_key(seeds, numbers[:, None] if xp.batched else numbers)
        self._keys = {stream: keys[i] if xp.batched else keys[i : i + 1] for i, stream in enumerate(streams)}

    def words(self, stream: int, days: int, width: int) -> Array:
        """int64 [days, width] for one world and [days, width, B] for many."""
        return rng.words(self._keys[stream], rng.counters(self.xp, 0, days, width, trailing=int(self.xp.batched)))


def draw(xp: Namespace, seeds: Array, stream: int, days: int, width: int) -> Array:
    """Random words of one stream, int64 [days, width] for one world and [days, width, B] for many."""
    return Draws(xp, seeds, (stream,)).words(stream, days, width)


def low_uniform(xp: Namespace, word: Array) -> Array:
    """U(0, 1) in float32 from the low 23 bits, independent of `rng.uniform` of the same word; never 0 or 1."""
    return (xp.cast(word & 0x7FFFFF, "float") + 0.5) * 2.0**-23


def student(xp: Namespace, word: Array, dof: Array, largest: float = 8.0) -> Array:
    """Student-t innovations of unit variance, one a word, cut off at +-`largest`.

    Bailey, "Polar generation of random variates with the t-distribution", Mathematics of Computation 62 (1994): with
    U, V uniform, cos(2 pi V) sqrt(nu (U^(-2/nu) - 1)) has the t law with nu degrees of freedom, whole or not.

    Args:
        xp: Namespace.
        word: Random words.
        dof: Degrees of freedom nu > 2, a number or an array that broadcasts.
        largest: Bound, in standard deviations, that keeps variances finite (prices have limits too).
    """
    angle = low_uniform(xp, word) * (2.0 * math.pi)
    radius = xp.sqrt(xp.exp(xp.log(rng.uniform(xp, word)) * (-2.0 / dof)) - 1.0)
    scale = (dof - 2.0) ** 0.5
    return xp.maximum(xp.minimum(xp.cos(angle) * radius * scale, largest), -largest)


def recursion(factor: Array, inflow: Array, start: float, xp: Namespace) -> Array:
    """The path x_t = factor_t x_{t-1} + inflow_t with x_{-1} = start, float64, time first.

    Args:
        factor: a_t > 0.
        inflow: b_t, of the shape of `factor`.
        start: x_{-1}.
        xp: Namespace.
    """
    product = xp.cumsum(xp.log(xp.cast(factor, "double")), 0)
    return xp.exp(product) * (start + xp.cumsum(inflow * xp.exp(-product), 0))


def garch(shock: Array, alpha: float, beta: float, xp: Namespace) -> Array:
    """Variances of a GARCH(1,1) process with unconditional variance 1 (Bollerslev 1986), float64.

    h_t = (1 - alpha - beta) + (alpha z_{t-1}^2 + beta) h_{t-1}, h_0 = 1.

    Args:
        shock: Innovations z of unit variance, time first.
        alpha: Weight of the last squared return.
        beta: Weight of the last variance.
        xp: Namespace.
    """
    shock = xp.cast(shock[:-1], "double")
    later = recursion(shock * shock * alpha + beta, shock * 0.0 + (1.0 - alpha - beta), 1.0, xp)
    return xp.concat([later[:1] * 0.0 + 1.0, later], 0)


def autoregression(shock: Array, persistence: float, xp: Namespace) -> Array:
    """The path x_t = persistence x_{t-1} + shock_t from 0, float64."""
    shock = xp.cast(shock, "double")
    return recursion(shock * 0.0 + persistence, shock, 0.0, xp)


def two_states(xp: Namespace, word: Array, leave: tuple[float, float]) -> Array:
    """A two-state Markov chain started in equilibrium: 1.0 in state 1, else 0.0.

    With probability p = leave[0] + leave[1] a day draws its state afresh from the equilibrium law, else it keeps
    yesterday's: the same chain, and the state of a day is that of the last fresh draw.

    Args:
        xp: Namespace.
        word: Random words, time first.
        leave: Daily probabilities of leaving state 0 and state 1; their sum must not exceed 1.
    """
    fresh = sum(leave)
    drawn = xp.cast(rng.uniform(xp, word) < leave[0] / fresh, "index")
    days = word.shape[0]
    day = xp.constant(np.arange(1, days + 1).reshape((days,) + (1,) * (word.ndim - 1)), "index")
    renewed = low_uniform(xp, word) < fresh
    # Day and state in one number: the largest so far is the last fresh draw.
    stamp = xp.where(renewed | (day == 1), 2 * day + drawn, day * 0)
    return xp.cast(xp.cummax(stamp, 0) & 1, "float")


class Spells(NamedTuple):
    """How often and how long something happens."""

    per_day: float
    """Probability that a spell starts on a day."""
    mean: float
    """Mean length, days."""
    longest: int
    """Longest length, days."""


def spells(xp: Namespace, word: Array, law: Spells, scale: Array = 1.0) -> Array:
    """1.0 on the days inside a spell, else 0.0; lengths are geometric, cut off at the longest.

    Args:
        xp: Namespace.
        word: Random words, time first.
        law: Frequency and length.
        scale: Factor on the frequency, a number or an array that broadcasts.
    """
    length = xp.floor(xp.log(low_uniform(xp, word)) * (1.0 / math.log1p(-1.0 / law.mean))) + 1.0
    length = xp.minimum(length, float(law.longest))
    days = word.shape[0]
    day = xp.constant(np.arange(days).reshape((days,) + (1,) * (word.ndim - 1)))
    end = xp.where(rng.uniform(xp, word) < scale * law.per_day, day + length, day * 0.0)
    return xp.cast(xp.cummax(end, 0) > day, "float")
