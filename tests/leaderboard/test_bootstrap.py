"""The bootstrap of many entries at once: the same statistic, the same intervals, and what pairing is good for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarium.leaderboard.bootstrap import interval_of, spreads, trimmed_mean
from scenarium.leaderboard.statistics import interval, iqm


@given(st.integers(1, 24), st.integers(0, 1000))
def test_the_trimmed_mean_is_the_interquartile_mean(runs: int, seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=(runs, 7))
    np.testing.assert_allclose(trimmed_mean(values), iqm([values.T]), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("shape", [(5, 100), (1, 400), (9, 50), (3, 1)])
def test_intervals_are_those_of_the_plain_bootstrap(shape: tuple[int, int]) -> None:
    scores = np.random.default_rng(3).normal(0.5, 0.2, shape) + np.random.default_rng(4).normal(0, 0.1, (shape[0], 1))
    mine = spreads({"a": scores}, 4000, "task")["a"]
    plain = interval({"task": scores}, replications=4000)
    assert mine.point == pytest.approx(float(plain.point), abs=1e-12)
    width = float(plain.high - plain.low)
    assert (mine.low, mine.high) == pytest.approx((float(plain.low), float(plain.high)), abs=0.06 * width + 1e-12)


@pytest.mark.parametrize("count", [1, 2, 40, 41, 2000])
def test_the_ends_are_numpys_percentiles(count: int) -> None:
    draws = np.random.default_rng(5).normal(size=(3, count))
    np.testing.assert_allclose(interval_of(draws), np.quantile(draws, [0.025, 0.975], axis=-1), rtol=1e-12)


def test_an_entry_is_not_moved_by_others() -> None:
    rng = np.random.default_rng(0)
    scores = {f"entry-{k}": rng.normal(size=(5, 20)) for k in range(40)}
    scores["other-shape"] = rng.normal(size=(3, 20))
    together = spreads(scores, 200, "task")
    assert list(together) == list(scores)
    for name in ("entry-0", "entry-39", "other-shape"):
        alone = spreads({name: scores[name]}, 200, "task")[name]
        np.testing.assert_allclose(together[name].draws, alone.draws, rtol=1e-12)
    renamed = spreads({"entry-0": scores["entry-0"]}, 200, "another task")["entry-0"]
    assert not np.array_equal(renamed.draws, together["entry-0"].draws)


def test_common_worlds_cancel_in_a_difference() -> None:
    rng = np.random.default_rng(1)
    worlds = rng.normal(0, 1.0, 200)  # hard and easy worlds, the same for both
    scores = {name: level + worlds + rng.normal(0, 0.02, (5, 200)) for name, level in (("a", 0.50), ("b", 0.55))}
    found = spreads(scores, 2000, "task")
    low, high = interval_of(found["b"].draws - found["a"].draws)
    assert 0.04 < low < 0.05 < high < 0.06
    assert found["a"].high - found["a"].low > 0.2
