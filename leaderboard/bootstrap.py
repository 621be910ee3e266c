"""The bootstrap of a whole task at once: the scores of all its entries, with the draws behind their intervals.

The same statistic as `scenarium.leaderboard.statistics.interval` with `iqm`, for many entries in a few array
operations. In each replication the worlds are redrawn once for all entries, because all play the same worlds; the runs
of each entry are redrawn on their own, because runs of different entries have nothing in common. A difference of two
entries' draws is therefore a draw of a paired comparison. An entry's draws depend on its own runs and name only, so its
interval stays as it is when others join.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

REPLICATIONS = 2000
"""Bootstrap samples behind each interval on the page."""

_BLOCK = 16  # entries handled at once: few enough to stay in the processor's cache


class Spread(NamedTuple):
    """A score with its 95 % interval and the draws behind it [replications]."""

    point: float
    low: float
    high: float
    draws: Array


def spreads(scores: Mapping[str, Array], replications: int = REPLICATIONS, name: str = "") -> dict[str, Spread]:
    """The interquartile mean over runs of each entry of a task, with its bootstrap.

    Args:
        scores: Scores by the entry's name [runs, worlds]; numbers of runs and worlds may differ.
        replications: Number of bootstrap samples.
        name: Name of the task; fixes the resampling together with the entries' names.
    """
    found: dict[str, Spread] = {}
    for shape in dict.fromkeys(values.shape for values in scores.values()):
        group = {entry: values for entry, values in scores.items() if values.shape == shape}
        draws = _group_draws(list(group), np.stack(list(group.values())), replications, name)
        points = trimmed_mean(np.moveaxis(np.stack(list(group.values())).mean(axis=2), 1, 0))
        ends = interval_of(draws)
        for row, entry in enumerate(group):
            found[entry] = Spread(float(points[row]), float(ends[0][row]), float(ends[1][row]), draws[row])
    return {entry: found[entry] for entry in scores}


def trimmed_mean(values: Array) -> Array:
    """Interquartile mean over the first axis [runs, ...]: without the lowest and the highest ``runs // 4``."""
    runs = values.shape[0]
    cut = runs // 4
    if cut == 0:
        return np.asarray(values.mean(axis=0))
    if cut == 1:  # the usual five seeds: far cheaper than sorting
        return np.asarray((values.sum(axis=0) - values.min(axis=0) - values.max(axis=0)) / (runs - 2))
    return np.asarray(np.sort(values, axis=0)[cut : runs - cut].mean(axis=0))


def interval_of(draws: Array) -> tuple[Array, Array]:
    """The ends of the 95 % percentile interval along the last axis."""
    ordered = np.sort(draws, axis=-1)  # several times faster than np.quantile, which selects
    return _quantile(ordered, 0.025), _quantile(ordered, 0.975)


def _quantile(ordered: Array, share: float) -> Array:
    """A quantile of sorted values along the last axis, linear between neighbours as in `np.quantile`."""
    place = share * (ordered.shape[-1] - 1)
    below = int(place)
    above = min(below + 1, ordered.shape[-1] - 1)
    return np.asarray(ordered[..., below] + (place - below) * (ordered[..., above] - ordered[..., below]))


def _group_draws(entries: Sequence[str], scores: Array, replications: int, name: str) -> Array:
    """Draws of entries with equal numbers of runs and worlds [entries, replications]."""
    worlds = scores.shape[2]
    counts = _world_counts(worlds, replications, name) / worlds
    draws = np.empty((len(entries), replications))
    for start in range(0, len(entries), _BLOCK):
        part = slice(start, start + _BLOCK)
        draws[part] = _block_draws(entries[part], scores[part], counts, name)
    return draws


def _block_draws(entries: Sequence[str], scores: Array, counts: Array, name: str) -> Array:
    count, runs, worlds = scores.shape
    replications = counts.shape[1]
    # One row per run, one column per replication: how the run did on the redrawn worlds.
    per_run = (scores.reshape(count * runs, worlds) @ counts).reshape(-1)
    chosen = np.stack([_chosen_runs(entry, runs, replications, name) for entry in entries], axis=1)
    places = chosen * np.intp(replications)
    places += np.arange(replications)
    places += np.arange(count)[:, None] * runs * replications
    return trimmed_mean(per_run.take(places, mode="clip"))  # all are in range; not checking that is faster


def _world_counts(worlds: int, replications: int, name: str) -> Array:
    """How often each world occurs in each replication [worlds, replications]."""
    chosen = _generator(name, "worlds", worlds).integers(worlds, size=(replications, worlds))
    chosen += worlds * np.arange(replications)[:, None]
    counts = np.bincount(chosen.ravel(), minlength=replications * worlds)
    return np.ascontiguousarray(counts.reshape(replications, worlds).T.astype(np.float64))


def _chosen_runs(entry: str, runs: int, replications: int, name: str) -> npt.NDArray[np.int32]:
    return _generator(name, entry, runs).integers(runs, size=(runs, replications), dtype=np.int32)


def _generator(*parts: object) -> np.random.Generator:
    digest = hashlib.sha256("|".join(map(str, parts)).encode()).digest()
    return np.random.Generator(np.random.SFC64(int.from_bytes(digest[:16], "big")))
