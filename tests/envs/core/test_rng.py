"""The generator: published answers, the same bits on both backends, and the laws it draws from."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from scenarium.envs.core import rng
from scenarium.envs.core.namespace import NUMPY, torch_namespace

TORCH = torch_namespace("cpu")
SEEDS = st.integers(0, 2**63 - 1)
# The first five outputs of splitmix64 from state 1234567.
KNOWN = (6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821)


def _many(count: int) -> np.ndarray:
    return rng.words(rng.stream_key(5, 1), np.arange(count, dtype=np.int64))


def test_words_are_the_published_splitmix64() -> None:
    words = rng.words(np.array([1234567]), np.arange(5))
    assert tuple(int(word) for word in words.view(np.uint64)) == KNOWN


@given(st.lists(SEEDS, min_size=1, max_size=5), st.integers(0, 99), st.integers(-(2**40), 2**40))
def test_words_agree_bitwise_on_both_backends(seeds: list[int], stream: int, first: int) -> None:
    for lane, seed in enumerate(seeds):
        here = rng.words(rng.stream_key(seed, stream), rng.counters(NUMPY, first, 3, 2))
        key = rng.stream_key(torch.tensor(seeds), stream)
        there = rng.words(key, rng.counters(TORCH, first, 3, 2, trailing=1))[..., lane]
        np.testing.assert_array_equal(here, there.numpy())


@given(SEEDS, st.integers(-50, 50), st.integers(1, 9))
def test_counters_continue_each_other(seed: int, first: int, length: int) -> None:
    whole = rng.counters(NUMPY, first, length + 1, 3)
    np.testing.assert_array_equal(whole[1:], rng.counters(NUMPY, first + 1, length, 3))
    assert len(np.unique(whole)) == whole.size


def test_uniforms_and_normals_agree_on_both_backends() -> None:
    words = _many(10_000)
    tensor = torch.from_numpy(words)
    np.testing.assert_array_equal(rng.uniform(NUMPY, words), rng.uniform(TORCH, tensor).numpy())
    np.testing.assert_array_equal(rng.uniform_double(NUMPY, words), rng.uniform_double(TORCH, tensor).numpy())
    np.testing.assert_allclose(rng.normal(NUMPY, words), rng.normal(TORCH, tensor).numpy(), atol=2e-6)


def test_extreme_words_stay_inside_the_open_interval() -> None:
    words = np.array([0, -1, 2**63 - 1, -(2**63)])
    for u in (rng.uniform(NUMPY, words), rng.uniform_double(NUMPY, words)):
        assert (u > 0.0).all()
        assert (u < 1.0).all()
    assert np.isfinite(rng.normal(NUMPY, words)).all()


def test_moments() -> None:
    count = 200_000
    u, z = rng.uniform(NUMPY, _many(count)), rng.normal(NUMPY, _many(count))
    error = 4.0 / np.sqrt(count)
    assert abs(u.mean() - 0.5) < error * np.sqrt(1 / 12)
    assert abs(u.var() - 1 / 12) < error * np.sqrt(1 / 180)
    assert abs(z.mean()) < error
    assert abs(z.var() - 1.0) < error * np.sqrt(2.0)
    assert abs((z**4).mean() - 3.0) < error * np.sqrt(96.0)
    assert abs((z[1:] * z[:-1]).mean()) < error


@pytest.mark.parametrize("other", [(6, 1), (5, 2)])
def test_neighbouring_seeds_and_streams_are_uncorrelated(other: tuple[int, int]) -> None:
    counter = np.arange(100_000, dtype=np.int64)
    a, b = rng.normal(NUMPY, _many(100_000)), rng.normal(NUMPY, rng.words(rng.stream_key(*other), counter))
    assert abs(np.corrcoef(a, b)[0, 1]) < 4.0 / np.sqrt(len(counter))


def test_counts_follow_their_table_and_agree_bitwise() -> None:
    law = np.array([0.2, 0.5, 0.25, 0.05])
    table = rng.count_table(np.cumsum(law))
    words = _many(100_000)
    drawn = rng.count(NUMPY, words, table)
    frequency = np.bincount(drawn.astype(int), minlength=4) / len(words)
    np.testing.assert_allclose(frequency, law, atol=4 * np.sqrt(0.25 / len(words)))
    there = rng.count(TORCH, torch.from_numpy(words), torch.from_numpy(table))
    np.testing.assert_array_equal(drawn, there.numpy())
