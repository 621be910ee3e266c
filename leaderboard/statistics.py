"""Aggregate scores over training runs and tasks, with stratified-bootstrap intervals.

The measures are those of Agarwal et al., "Deep Reinforcement Learning at the Edge of the Statistical
Precipice" (NeurIPS 2021): interquartile mean, median, mean, optimality gap, probability of improvement and
performance profile. Intervals are percentile intervals of a bootstrap that resamples runs with replacement,
independently for each task.

Scores come as a mapping ``{task: scores}`` or as an array [runs, tasks]. In a mapping, a task's scores are
[runs], or [runs, worlds] to resample the worlds as well: the worlds are the same for all runs, so one draw of
worlds serves all runs of a replication. Tasks may have different numbers of runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from scenarium.envs.core.errors import ScenariumError

Array: TypeAlias = npt.NDArray[np.float64]
Scores: TypeAlias = Mapping[str, npt.ArrayLike] | npt.ArrayLike
Statistic: TypeAlias = Callable[[Sequence[Array]], Array]
"""Reduces one array [..., runs] per task to [...] (or, for a profile, to [..., thresholds])."""

_BLOCK = 256  # replications handled at once: bounds memory at _BLOCK x worlds


class Interval(NamedTuple):
    """A point estimate with the ends of its interval; arrays for a performance profile."""

    point: Array
    low: Array
    high: Array


def iqm(samples: Sequence[Array]) -> Array:
    """Interquartile mean: mean over all runs of all tasks, without the lowest and the highest quarter.

    With n scores, ``int(n / 4)`` are cut at each end, as in ``scipy.stats.trim_mean(x, 0.25)``.
    """
    pooled = np.concatenate(samples, axis=-1)
    count = pooled.shape[-1]
    cut = count // 4
    ordered: Array = np.sort(pooled, axis=-1)[..., cut : count - cut]
    return np.asarray(ordered.mean(axis=-1))


def mean(samples: Sequence[Array]) -> Array:
    """Mean over tasks of the mean score of the task's runs."""
    return np.asarray(_task_means(samples).mean(axis=-1))


def median(samples: Sequence[Array]) -> Array:
    """Median over tasks of the mean score of the task's runs."""
    return np.asarray(np.median(_task_means(samples), axis=-1))


def optimality_gap(samples: Sequence[Array], target: float = 1.0) -> Array:
    """Mean shortfall from the target over all runs of all tasks; a score above the target has none."""
    pooled = np.concatenate(samples, axis=-1)
    return np.asarray(target - np.minimum(pooled, target).mean(axis=-1))


def performance_profile(samples: Sequence[Array], thresholds: npt.ArrayLike) -> Array:
    """Share of runs that score above each threshold, averaged over tasks [..., thresholds]."""
    limits = np.asarray(thresholds, dtype=np.float64)
    shares = [(sample[..., :, None] > limits).mean(axis=-2) for sample in samples]
    return np.asarray(np.mean(shares, axis=0))


def probability_of_improvement(x: Sequence[Array], y: Sequence[Array]) -> Array:
    """Mean over tasks of ``P(X > Y) + P(X = Y) / 2`` over all pairs of a run of X and a run of Y.

    Args:
        x: Scores of the first agent, one array [..., runs of X] per task.
        y: Scores of the second agent, one array [..., runs of Y] per task, tasks in the same order.
    """
    wins = [np.sign(a[..., :, None] - b[..., None, :]).mean(axis=(-2, -1)) for a, b in zip(x, y, strict=True)]
    return np.asarray(0.5 + 0.5 * np.mean(wins, axis=0))


def estimate(scores: Scores, statistic: Statistic = iqm) -> Array:
    """Return the point estimate of a statistic, as `interval` does, without its interval."""
    return statistic([_per_run(task) for task in _strata(scores).values()])


def interval(
    scores: Scores,
    statistic: Statistic = iqm,
    *,
    confidence: float = 0.95,
    replications: int = 2000,
    seed: int = 0,
) -> Interval:
    """Return a statistic with its stratified-bootstrap percentile interval.

    Args:
        scores: ``{task: [runs] or [runs, worlds]}`` or an array [runs, tasks].
        statistic: `iqm`, `mean`, `median`, `optimality_gap` or any other `Statistic`; use `functools.partial`
            to fix the thresholds of a `performance_profile`.
        confidence: Level of the interval, between 0 and 1.
        replications: Number of bootstrap samples.
        seed: Fixes the resampling.

    Raises:
        ScenariumError: No scores, scores that are not finite, or a confidence or count out of range.
    """
    strata = list(_strata(scores).values())
    draws = [statistic(block) for block in _resamples(strata, replications, np.random.default_rng(seed))]
    return _percentiles(statistic([_per_run(task) for task in strata]), draws, confidence)


def improvement_interval(
    x: Scores,
    y: Scores,
    *,
    confidence: float = 0.95,
    replications: int = 2000,
    seed: int = 0,
) -> Interval:
    """Return the probability that X improves on Y, with its interval; X and Y are resampled independently.

    Args:
        x: Scores of the first agent, as for `interval`.
        y: Scores of the second agent on the same tasks.
        confidence: Level of the interval, between 0 and 1.
        replications: Number of bootstrap samples.
        seed: Fixes the resampling.

    Raises:
        ScenariumError: The tasks differ, or an argument is one that `interval` refuses.
    """
    first, second = _strata(x), _strata(y)
    if first.keys() != second.keys():
        raise ScenariumError(f"both agents need the same tasks, got {sorted(first)} and {sorted(second)}")
    mine, theirs = list(first.values()), [second[task] for task in first]
    generators = [np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(2)]
    blocks = [_resamples(strata, replications, rng) for strata, rng in zip((mine, theirs), generators, strict=True)]
    draws = [probability_of_improvement(a, b) for a, b in zip(*blocks, strict=True)]
    point = probability_of_improvement([_per_run(task) for task in mine], [_per_run(task) for task in theirs])
    return _percentiles(point, draws, confidence)


def difference_interval(
    x: Scores,
    y: Scores,
    statistic: Statistic = iqm,
    *,
    paired: bool = True,
    confidence: float = 0.95,
    replications: int = 2000,
    seed: int = 0,
) -> Interval:
    """Return by how much the statistic of X exceeds that of Y, with its interval; one that contains 0 is a tie.

    Args:
        x: Scores of the first agent, ``{task: [runs, worlds]}``.
        y: Scores of the second agent on the same tasks, and in the same worlds if the comparison is paired.
        statistic: As for `interval`.
        paired: Redraw the worlds once for both: what a world does to both then cancels. Runs are always redrawn apart.
        confidence: Level of the interval, between 0 and 1.
        replications: Number of bootstrap samples.
        seed: Fixes the resampling.

    Raises:
        ScenariumError: The tasks or their worlds differ, or an argument is one that `interval` refuses.
    """
    first, second = _strata(x), _strata(y)
    if first.keys() != second.keys():
        raise ScenariumError(f"both agents need the same tasks, got {sorted(first)} and {sorted(second)}")
    mine, theirs = list(first.values()), [second[task] for task in first]
    for task, a, b in zip(first, mine, theirs, strict=True):
        if paired and a.shape[1:] != b.shape[1:]:
            raise ScenariumError(f"a paired comparison needs common worlds in {task!r}, got {a.shape} and {b.shape}")
    point = statistic([_per_run(task) for task in mine]) - statistic([_per_run(task) for task in theirs])
    generators = [np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(4)]
    worlds = (np.random.default_rng(seed), np.random.default_rng(seed)) if paired else generators[2:]
    blocks = [
        _resamples(strata, replications, rng, of_worlds)
        for strata, rng, of_worlds in zip((mine, theirs), generators[:2], worlds, strict=True)
    ]
    draws = [statistic(a) - statistic(b) for a, b in zip(*blocks, strict=True)]
    return _percentiles(point, draws, confidence)


def _strata(scores: Scores) -> dict[str, Array]:
    """Return the checked scores of each task, [runs] or [runs, worlds]."""
    if isinstance(scores, Mapping):
        strata = {str(task): np.asarray(values, dtype=np.float64) for task, values in scores.items()}
    else:
        table = np.asarray(scores, dtype=np.float64)
        if table.ndim != 2:
            raise ScenariumError(f"an array of scores must be [runs, tasks], got shape {table.shape}")
        strata = {str(index): column for index, column in enumerate(table.T)}
    if not strata:
        raise ScenariumError("scores are empty, expected at least one task")
    for task, values in strata.items():
        if values.ndim not in (1, 2) or not values.size:
            shape = f"got shape {values.shape}"
            raise ScenariumError(f"scores of task {task!r} must be [runs] or [runs, worlds], {shape}")
        if not np.isfinite(values).all():
            raise ScenariumError(f"scores of task {task!r} must be finite numbers")
    return strata


def _per_run(task: Array) -> Array:
    return task if task.ndim == 1 else np.asarray(task.mean(axis=1))


def _task_means(samples: Sequence[Array]) -> Array:
    return np.stack([sample.mean(axis=-1) for sample in samples], axis=-1)


def _resamples(
    strata: Sequence[Array], replications: int, rng: np.random.Generator, of_worlds: np.random.Generator | None = None
) -> Iterator[list[Array]]:
    """Yield blocks of bootstrap samples, one array [block, runs] per task; worlds may have a generator of their own."""
    if replications < 1:
        raise ScenariumError(f"replications must be at least 1, got {replications}")
    for start in range(0, replications, _BLOCK):
        size = min(_BLOCK, replications - start)
        yield [_resample(task, size, rng, of_worlds or rng) for task in strata]


def _resample(task: Array, size: int, rng: np.random.Generator, of_worlds: np.random.Generator) -> Array:
    runs = task.shape[0]
    chosen = rng.integers(runs, size=(size, runs))
    if task.ndim == 1:
        return np.asarray(task[chosen])
    worlds = task.shape[1]
    per_run = _world_counts(worlds, size, of_worlds) @ task.T / worlds
    return np.take_along_axis(per_run, chosen, axis=1)


def _world_counts(worlds: int, size: int, rng: np.random.Generator) -> Array:
    """Draw how often each world occurs in each replication [size, worlds].

    Counts times scores is a matrix product; indexing every run's worlds would need runs times the memory.
    """
    chosen = rng.integers(worlds, size=(size, worlds)) + worlds * np.arange(size)[:, None]
    counts = np.bincount(chosen.ravel(), minlength=size * worlds)
    return counts.reshape(size, worlds).astype(np.float64)


def _percentiles(point: Array, draws: Sequence[Array], confidence: float) -> Interval:
    if not 0 < confidence < 1:
        raise ScenariumError(f"confidence must be between 0 and 1, got {confidence}")
    tail = (1 - confidence) / 2
    low, high = np.quantile(np.concatenate(draws, axis=0), [tail, 1 - tail], axis=0)
    return Interval(point, np.asarray(low), np.asarray(high))
