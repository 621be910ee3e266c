from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import bootstrap, trim_mean

from scenarium.envs.core.errors import ScenariumError
from scenarium.leaderboard import statistics as stats

FINITE = st.floats(-1e3, 1e3, allow_nan=False).map(lambda x: round(x, 4))
RUNS = st.lists(FINITE, min_size=1, max_size=25)
TABLES = st.dictionaries(st.sampled_from("abcd"), st.lists(FINITE, min_size=1, max_size=9), min_size=1)
STATISTICS = [stats.iqm, stats.mean, stats.median, stats.optimality_gap]


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([3.0], 3.0),
        ([1.0, 2.0, 6.0], 3.0),  # fewer than four: nothing is cut
        ([0.0, 1.0, 2.0, 100.0], 1.5),
        ([-50.0, 1.0, 2.0, 6.0, 100.0], 3.0),
        ([9.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], 4.5),
    ],
)
def test_iqm_by_hand(scores: list[float], expected: float) -> None:
    assert stats.estimate({"task": scores}) == pytest.approx(expected)


@given(RUNS)
def test_iqm_is_scipys_trimmed_mean(scores: list[float]) -> None:
    assert stats.estimate({"task": scores}) == pytest.approx(trim_mean(scores, 0.25), abs=1e-9)


@given(RUNS, st.floats(0.1, 10), st.floats(-10, 10), st.randoms())
def test_iqm_moves_with_scale_and_shift_and_ignores_order(
    scores: list[float], scale: float, shift: float, shuffler: object
) -> None:
    moved = [scale * score + shift for score in scores]
    shuffler.shuffle(moved)  # type: ignore[attr-defined]
    expected = scale * float(stats.estimate({"task": scores})) + shift
    assert stats.estimate({"task": moved}) == pytest.approx(expected, rel=1e-9, abs=1e-6)


@given(st.lists(FINITE, min_size=4, max_size=25))
def test_iqm_ignores_how_extreme_the_best_and_worst_are(scores: list[float]) -> None:
    ordered = sorted(scores)
    stretched = [ordered[0] - 1e3, *ordered[1:-1], ordered[-1] + 1e3]
    assert stats.estimate({"task": stretched}) == pytest.approx(stats.estimate({"task": ordered}))


def test_the_other_measures_by_hand() -> None:
    scores = {"a": [0.0, 1.0], "b": [2.0], "c": [0.25, 0.75]}
    assert stats.estimate(scores, stats.mean) == pytest.approx((0.5 + 2.0 + 0.5) / 3)
    assert stats.estimate(scores, stats.median) == pytest.approx(0.5)
    assert stats.estimate(scores, stats.optimality_gap) == pytest.approx((1 + 0 + 0 + 0.75 + 0.25) / 5)


def test_probability_of_improvement_by_hand() -> None:
    # Task a: pairs (1,0) win, (1,1) tie, (3,0) win, (3,1) win = 3.5 / 4. Task b: one loss.
    x, y = {"a": [1.0, 3.0], "b": [0.0]}, {"b": [5.0], "a": [0.0, 1.0]}
    assert stats.improvement_interval(x, y).point == pytest.approx((3.5 / 4 + 0) / 2)


@given(RUNS, RUNS)
def test_probabilities_of_improvement_add_up_to_one(x: list[float], y: list[float]) -> None:
    a, b = [np.array(x)], [np.array(y)]
    forward, backward = stats.probability_of_improvement(a, b), stats.probability_of_improvement(b, a)
    assert forward + backward == pytest.approx(1)
    assert stats.probability_of_improvement(a, a) == pytest.approx(0.5)


def test_performance_profile_by_hand() -> None:
    scores = {"a": [0.0, 0.5, 1.0, 1.5], "b": [2.0]}
    profile = stats.estimate(scores, partial(stats.performance_profile, thresholds=[-1, 0.5, 1.9, 2.0]))
    assert profile.tolist() == [1.0, (0.5 + 1) / 2, 0.5, 0.0]


@given(TABLES)
def test_a_profile_falls_from_one_to_zero(scores: dict[str, list[float]]) -> None:
    measure = partial(stats.performance_profile, thresholds=np.linspace(-1001, 1001, 9))
    point, low, high = stats.interval(scores, measure, replications=50)
    assert point[0] == 1
    assert point[-1] == 0
    assert (np.diff(point) <= 1e-12).all()
    assert ((low <= high) & (low >= 0) & (high <= 1)).all()


@pytest.mark.parametrize("statistic", STATISTICS)
@given(scores=TABLES)
def test_an_interval_contains_its_point(statistic: stats.Statistic, scores: dict[str, list[float]]) -> None:
    point, low, high = stats.interval(scores, statistic, replications=400)
    assert low - 1e-9 <= point <= high + 1e-9


@given(st.lists(st.lists(FINITE, min_size=3, max_size=3), min_size=1, max_size=6))
def test_an_interval_over_runs_and_worlds_contains_its_point(rows: list[list[float]]) -> None:
    point, low, high = stats.interval({"task": rows}, replications=400)
    assert point == pytest.approx(trim_mean(np.mean(rows, axis=1), 0.25), abs=1e-9)
    assert low - 1e-9 <= point <= high + 1e-9


def test_golden_numbers_of_rliable() -> None:
    """Values of rliable 1.2.0 (arch 7.2.0, pandas 2.3.3), its intervals with 20,000 and 2,000 samples."""
    x = [[0.61, 1.01, 0.97], [0.45, 0.51, 0.44], [0.77, 0.58, 0.82], [0.05, 1.07, 0.57], [0.8, 0.56, 0.49]]
    y = [[0.5, 0.81, 0.72], [0.72, 0.99, 0.14], [0.31, 0.1, 0.47], [0.8, 0.49, 0.65]]
    points = [float(stats.estimate(x, statistic)) for statistic in STATISTICS]
    assert points == pytest.approx([0.6344444444444445, 0.6466666666666666, 0.658, 0.3586666666666666])
    profile = partial(stats.performance_profile, thresholds=[0, 0.25, 0.5, 0.75, 1])
    assert stats.estimate(x, profile) == pytest.approx([1, 14 / 15, 11 / 15, 6 / 15, 2 / 15])
    iqm = stats.interval(x, replications=20_000)
    gap = stats.interval(x, stats.optimality_gap, replications=20_000)
    better = stats.improvement_interval(x, y, replications=20_000)
    assert (iqm.low, iqm.high) == pytest.approx((0.5222, 0.7878), abs=0.006)
    assert (gap.low, gap.high) == pytest.approx((0.2413, 0.4800), abs=0.006)
    assert better.point == pytest.approx(0.6083333333333333)
    assert (better.low, better.high) == pytest.approx((0.3667, 0.8167), abs=0.02)


def _gamma_scores() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.RandomState(7)  # noqa: NPY002 (its stream is frozen for good)
    x = np.round(random.gamma(4.0, 0.15, size=(10, 12)), 3)
    return x, np.round(random.gamma(4.0, 0.17, size=(12, 12)), 3)


def test_golden_numbers_of_rliable_at_two_thousand_replicates() -> None:
    """Values of rliable 1.2.0 (arch 7.2.0, pandas 2.3.3), 2,000 replicates from RandomState(0)."""
    x, y = _gamma_scores()
    assert (x.sum(), y.sum()) == pytest.approx((69.595, 92.658))
    golden = {
        stats.iqm: (0.5534, 0.5039779166666667, 0.6000687499999999),
        stats.median: (0.5663, 0.49688375, 0.6274037499999999),
        stats.mean: (0.5799583333333334, 0.5337966666666667, 0.6250422916666667),
        stats.optimality_gap: (0.43400833333333333, 0.39529062500000006, 0.4749945833333332),
    }
    for statistic, (point, low, high) in golden.items():
        found = stats.interval(x, statistic, replications=2000)
        assert found.point == pytest.approx(point, abs=1e-12)
        assert (found.low, found.high) == pytest.approx((low, high), abs=0.005)
    better = stats.improvement_interval(x, y, replications=2000)
    assert better.point == pytest.approx(0.45729166666666665, abs=1e-12)
    assert (better.low, better.high) == pytest.approx((0.3902604166666667, 0.5281336805555555), abs=0.005)


def test_a_paired_comparison_cancels_what_a_world_does_to_both() -> None:
    rng = np.random.default_rng(8)
    worlds, noise = rng.normal(size=500), rng.normal(scale=0.05, size=(2, 5, 500))
    x, y = {"task": worlds + noise[0] + 0.03}, {"task": worlds + noise[1]}
    paired, apart = (stats.difference_interval(x, y, paired=flag) for flag in (True, False))
    assert paired.point == apart.point
    assert paired.low > 0 > apart.low
    assert float(apart.high - apart.low) > 10 * float(paired.high - paired.low)
    # What is left is the noise of five runs over 500 worlds on either side.
    assert float(paired.high - paired.low) < 6 * 1.96 * 0.05 * (2 / 2500) ** 0.5


def test_a_paired_difference_of_an_agent_with_itself_is_zero_where_it_has_one_run() -> None:
    worlds = {"task": np.random.default_rng(9).normal(size=(1, 200))}
    assert [float(value) for value in stats.difference_interval(worlds, worlds)] == [0.0, 0.0, 0.0]
    assert stats.difference_interval(worlds, worlds, paired=False).low < 0


def test_paired_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    rng, covered = np.random.default_rng(10), 0
    for _ in range(200):
        common = rng.normal(size=60)
        x, y = (
            {"task": common + rng.normal(scale=0.3, size=60) + rng.normal(scale=0.2, size=(8, 1))} for _ in range(2)
        )
        found = stats.difference_interval(x, y, stats.mean, replications=300)
        covered += bool(found.low <= 0 <= found.high)
    assert 0.88 <= covered / 200 <= 0.99


def test_an_interval_agrees_with_scipys_bootstrap() -> None:
    scores = np.random.default_rng(1).normal(size=12)
    _, low, high = stats.interval({"task": scores}, stats.mean, replications=20_000)
    peer = bootstrap((scores,), np.mean, method="percentile", n_resamples=20_000, rng=np.random.default_rng(2))
    assert (low, high) == pytest.approx(tuple(peer.confidence_interval), abs=0.02)


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    rng = np.random.default_rng(3)
    intervals = [stats.interval({"task": rng.normal(size=40)}, stats.mean, replications=300) for _ in range(300)]
    covered = np.mean([low <= 0 <= high for _, low, high in intervals])
    assert 0.90 <= covered <= 0.98


def test_resampling_is_stratified_by_task() -> None:
    # Each task is constant, so a bootstrap within tasks has nothing to vary; one across tasks would.
    point, low, high = stats.interval({"a": [0.0, 0.0, 0.0], "b": [1.0, 1.0, 1.0]}, stats.mean)
    assert [float(value) for value in (point, low, high)] == [0.5, 0.5, 0.5]


def test_worlds_are_resampled_where_they_are_given_and_shared_by_the_runs() -> None:
    worlds = np.random.default_rng(4).normal(size=400)
    one, five = ({"task": np.tile(worlds, (runs, 1))} for runs in (1, 5))
    widths = [float(high - low) for _, low, high in (stats.interval(scores) for scores in (one, five))]
    # Five copies of a run know no more about the worlds than one.
    expected = 2 * 1.96 * worlds.std() / np.sqrt(400)
    assert widths == pytest.approx([expected, expected], rel=0.08)
    _, low, high = stats.interval({"task": worlds.mean(keepdims=True)})
    assert high == low


def test_an_array_is_runs_by_tasks() -> None:
    table = np.arange(12.0).reshape(4, 3)
    mapping = {str(task): table[:, task] for task in range(3)}
    for statistic in STATISTICS:
        assert stats.interval(table, statistic, seed=5) == stats.interval(mapping, statistic, seed=5)


def test_the_seed_fixes_the_interval_and_matters() -> None:
    scores = {"task": [0.1, 0.4, 0.5, 0.9, 1.3]}
    assert stats.interval(scores, seed=1) == stats.interval(scores, seed=1)
    assert stats.interval(scores, replications=50, seed=1) != stats.interval(scores, replications=50, seed=2)


def test_a_wider_confidence_gives_a_wider_interval() -> None:
    scores = {"task": np.random.default_rng(6).normal(size=20)}
    _, low, high = stats.interval(scores, confidence=0.8)
    _, lower, higher = stats.interval(scores, confidence=0.99)
    assert lower < low < high < higher


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: stats.interval({}), "at least one task"),
        (lambda: stats.interval({"a": []}), r"'a' must be \[runs\] or \[runs, worlds\], got shape \(0,\)"),
        (lambda: stats.interval({"a": [float("nan")]}), "'a' must be finite"),
        (lambda: stats.interval([1.0, 2.0]), r"must be \[runs, tasks\]"),
        (lambda: stats.interval({"a": [1.0]}, confidence=95), "confidence must be between 0 and 1, got 95"),
        (lambda: stats.interval({"a": [1.0]}, replications=0), "replications must be at least 1"),
        (lambda: stats.improvement_interval({"a": [1.0]}, {"b": [1.0]}), "same tasks"),
        (lambda: stats.difference_interval({"a": [1.0]}, {"b": [1.0]}), "same tasks"),
        (lambda: stats.difference_interval({"a": [[1.0, 2.0]]}, {"a": [[1.0]]}), "common worlds in 'a'"),
    ],
)
def test_bad_input_is_named(call: object, message: str) -> None:
    with pytest.raises(ScenariumError, match=message):
        call()  # type: ignore[operator]
