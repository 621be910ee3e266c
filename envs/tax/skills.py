"""How good workers are at building and gathering.

A house pays payment * m with m = min(most, (most - 1) x + 1) and x Pareto (Lomax) with exponent 4; what a worker
observes of its building skill is x. Gathering brings a second unit with probability min(2, y) / 2, y Pareto with
exponent 3. With fixed skills the workers share out the mean payment of each rank (Foundation 1.7.1).
"""

from __future__ import annotations

import math
from functools import cache
from typing import NamedTuple

import numpy as np

from scenarium.envs.core.namespace import Array, Namespace
from scenarium.envs.tax.parameters import Parameters

RANK_SAMPLES, RANK_SEED = 100_000, 1
BUILD_TAIL, GATHER_TAIL = 4.0, 3.0
BUILD_LOGNORMAL, GATHER_LOGNORMAL = (-1.0, 0.5), (-2.022, 0.938)
"""Mean and standard deviation of the logarithm."""


class Skills(NamedTuple):
    """What workers are given at the start, each [n] or [n, B].

    Attributes:
        pay: Coin for a house, float64.
        observed: Building skill as the worker sees it, float32.
        bonus: Probability of a second unit when gathering, float64.
    """

    pay: Array
    observed: Array
    bonus: Array


@cache
def ranked_multiples(workers: int, most: float) -> tuple[float, ...]:
    """Mean of each rank's multiple of the payment, the lowest first.

    The published code averages 100,000 sorted batches drawn with NumPy's legacy generator and seed 1, and so do we.
    """
    draws = np.random.RandomState(RANK_SEED).pareto(BUILD_TAIL, size=(RANK_SAMPLES, workers))  # noqa: NPY002
    multiples = np.minimum(most, (most - 1.0) * draws + 1.0)
    return tuple(float(mean) for mean in np.sort(multiples, axis=1).mean(axis=0))


def lomax(uniform: Array, tail: float) -> Array:
    """Pareto (Lomax) draws, support x >= 0, from U(0, 1)."""
    return uniform ** (-1.0 / tail) - 1.0


def lognormal(normal: Array, law: tuple[float, float], xp: Namespace) -> Array:
    """Lognormal draws from N(0, 1)."""
    return xp.exp(normal * law[1] + law[0])


def ranks(key: Array, xp: Namespace) -> Array:
    """Position 0, 1, ... of each worker in the order of its key, on the first axis; keys must differ."""
    return xp.total(xp.cast(key[:, None] > key[None], "int"), 1)


def draw(parameters: Parameters, order: Array, uniforms: Array, normals: Array, xp: Namespace) -> Skills:
    """The skills of one world or a batch.

    Args:
        parameters: Which law.
        order: Rank of each worker, 0 the least skilled, [n] or [n, B]; used by fixed skills.
        uniforms: U(0, 1) in float64 for building, gathering and the foundation's observed skill, [3, n] or [3, n, B].
        normals: N(0, 1) in float64 for building and gathering, [2, n] or [2, n, B].
        xp: Namespace.
    """
    most, kind = parameters.payment_most, parameters.skills
    if kind == "none":
        flat = uniforms[0] * 0.0
        return Skills(flat + parameters.payment, xp.cast(flat + 1.0, "float"), flat)
    if kind == "lognormal":
        build, gather = lognormal(normals[0], BUILD_LOGNORMAL, xp), lognormal(normals[1], GATHER_LOGNORMAL, xp)
    else:
        build, gather = lomax(uniforms[0], BUILD_TAIL), lomax(uniforms[1], GATHER_TAIL)
    multiple = xp.minimum(most, (most - 1.0) * build + 1.0)
    if kind == "fixed":
        multiple = xp.constant(ranked_multiples(parameters.workers, most), "double")[xp.cast(order, "index")]
        build = (multiple - 1.0) / (most - 1.0)
        if parameters.compat == "foundation":
            build = lomax(uniforms[2], BUILD_TAIL)
    return Skills(multiple * parameters.payment, xp.cast(build, "float"), xp.minimum(2.0, gather) * 0.5)


def normals(words: Array, xp: Namespace) -> Array:
    """N(0, 1) in float64 from hash words, by Box-Muller: high bits the radius, low bits the angle."""
    radius = xp.sqrt(-2.0 * xp.log(xp.cast((words >> 32) & 0x7FFFFFFF, "double") * 2.0**-31 + 2.0**-32))
    return radius * xp.cos(xp.cast(words & 0xFFFFFFFF, "double") * (2.0**-32 * 2.0 * math.pi))
