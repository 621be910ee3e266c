"""Counter-based random numbers: every draw is a hash of (seed, stream, counter), the same in NumPy and torch.

The generator is splitmix64 (Steele, Lea and Flood, 2014, "Fast splittable pseudorandom number generators"): word n of a
key is the finaliser applied to ``key + (n + 1) * gamma``. A key is itself word `stream` of the seed, so streams of one
world, and worlds of one stream, never share a sequence. Arithmetic is on int64 and wraps mod 2^64, which both
libraries do for arrays; the logical right shift is spelled out. Integers agree bitwise on every backend and device,
normals to 1e-6.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from scenarium.envs.core.namespace import Array, Namespace


def _signed(word: int) -> int:
    """The int64 with the same 64 bits as a non-negative Python integer."""
    word &= (1 << 64) - 1
    return word - (1 << 64) if word >> 63 else word


_GAMMA = _signed(0x9E3779B97F4A7C15)
_MIX_1 = _signed(0xBF58476D1CE4E5B9)
_MIX_2 = _signed(0x94D049BB133111EB)
_TWO_PI = 2.0 * math.pi


def _shift_right(x: Array, bits: int) -> Array:
    """Logical (zero-filling) right shift of int64."""
    if isinstance(x, np.ndarray):  # one pass instead of two
        return (x.view(np.uint64) >> np.uint64(bits)).view(np.int64)
    return (x >> bits) & ((1 << (64 - bits)) - 1)


def mix(x: Array) -> Array:
    """The splitmix64 finaliser, a bijection of 64-bit words.

    Args:
        x: int64 array or tensor of any shape.
    """
    x = (x ^ _shift_right(x, 30)) * _MIX_1
    x = (x ^ _shift_right(x, 27)) * _MIX_2
    return x ^ _shift_right(x, 31)


def words(key: Array, counter: Array) -> Array:
    """Word number `counter` of each key, int64, broadcasting the two."""
    step = _signed((counter + 1) * _GAMMA) if isinstance(counter, int) else (counter + 1) * _GAMMA
    return mix(key + step)


def stream_key(seed: Array, stream: Array) -> Array:
    """The key of one stream of a world.

    Args:
        seed: A Python int, or an int64 array or tensor of seeds.
        stream: A small non-negative integer that names the purpose of the draws (demand, initial stock, ...), or an
            int64 array of them that broadcasts against the seeds.

    Returns:
        int64 of the seed's shape (at least one axis for a Python int, so that NumPy wraps silently).
    """
    if isinstance(seed, (int, np.integer)):
        seed = np.array([_signed(int(seed))], dtype=np.int64)
    return words(mix(seed + _MIX_2), stream * 0x632BE59B)


def counters(xp: Namespace, first: Array, count: int, width: int, trailing: int = 0) -> Array:
    """Counters of `count` periods with `width` slots each, shaped [count, width] plus `trailing` axes of one.

    Args:
        xp: Namespace of the result.
        first: The first period: an integer, possibly negative (history before the start).
        count: Number of periods.
        width: Slots per period.
        trailing: Unit axes to append, so that the result broadcasts against keys of shape [B].
    """
    grid = np.arange(count * width, dtype=np.int64).reshape((count, width) + (1,) * trailing)
    return xp.constant(grid, "index") + first * width


def uniform(xp: Namespace, word: Array) -> Array:
    """U(0, 1) in float32 from the top 23 bits of each word, exact; never 0 and never 1 (24 would round to it)."""
    return xp.cast(_shift_right(word, 41), "float") * 2.0**-23 + 2.0**-24


def uniform_double(xp: Namespace, word: Array) -> Array:
    """U(0, 1) in float64 from the top 52 bits of each word; never 0 and never 1."""
    return xp.cast(_shift_right(word, 12), "double") * 2.0**-52 + 2.0**-53


def normal(xp: Namespace, word: Array) -> Array:
    """N(0, 1) in float32 by Box-Muller, one normal a word: high bits give the radius, low bits the angle."""
    radius = xp.sqrt(-2.0 * xp.log(uniform(xp, word)))
    angle = xp.cast(word & 0xFFFFFF, "float") * (2.0**-24 * _TWO_PI)
    return radius * xp.cos(angle)


def normal_pair(xp: Namespace, word: Array, second: int) -> Array:
    """N(0, 1) by Box-Muller with both normals of a word: the second ones, as far as wanted, follow the first ones.

    Args:
        xp: Namespace.
        word: [length, n, ...].
        second: How many of the n words also give their second normal.

    Returns:
        float32 [length, n + second, ...].
    """
    radius = xp.sqrt(-2.0 * xp.log(uniform(xp, word)))
    angle = xp.cast(word & 0xFFFFFF, "float") * (2.0**-24 * _TWO_PI)
    first = radius * xp.cos(angle)
    return xp.concat([first, radius[:, :second] * xp.sin(angle[:, :second])], 1) if second else first


def count_table(cdf: Any) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Integer thresholds of a discrete law on 0, 1, 2, ..., for `count`.

    Args:
        cdf: Ascending P(X <= k), k = 0, 1, ...; values that reach 1 in 63 bits are dropped.

    Returns:
        int64 thresholds on 63-bit words; the number of thresholds <= word is the draw.
    """
    scaled = [int(math.ldexp(float(p), 63)) for p in cdf]
    return np.array([s for s in scaled if s < (1 << 63) - 1], dtype=np.int64)


def count(xp: Namespace, word: Array, table: Array) -> Array:
    """Draws from the law of a `count_table`, bitwise the same on every backend; float32."""
    return xp.cast(xp.searchsorted(table, _shift_right(word, 1)), "float")
