"""The figures of a backtest with their intervals, for one path and for many worlds.

One path is resampled in blocks of days; many worlds are resampled whole, since they are independent of each other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from scenarium.envs.portfolio import metrics
from scenarium.envs.portfolio.metrics import FIGURES, Interval, Path
from scenarium.leaderboard.backtest.play import Track

Floats = npt.NDArray[np.float64]
LEVEL, BLOCK, DRAWS = 0.95, 10, 1000
"""Level of the intervals, days of a block, resamples."""


class Shown(NamedTuple):
    """How a figure is named and written."""

    title: str
    unit: Literal["%", "bp", ""]
    digits: int
    meaning: str


CATALOGUE: dict[str, Shown] = {
    "total_return": Shown("Total return", "%", 1, "final over initial wealth, less one"),
    "annual_return": Shown("CAGR", "%", 1, "compound annual growth rate"),
    "annual_volatility": Shown("Volatility", "%", 1, "sample deviation of daily returns, annual"),
    "sharpe": Shown("Sharpe", "", 2, "mean over deviation of daily returns, annual, no interest deducted"),
    "sortino": Shown("Sortino", "", 2, "mean over the root mean square of losses, annual"),
    "max_drawdown": Shown("Max drawdown", "%", 1, "deepest fall from a peak of wealth"),
    "calmar": Shown("Calmar", "", 2, "CAGR over the deepest drawdown"),
    "cvar_95": Shown("CVaR 95", "%", 2, "mean return of the worst 5 % of days"),
    "hit_rate": Shown("Days up", "%", 1, "part of the days with a gain"),
    "turnover_per_day": Shown("Turnover", "%", 1, "value bought plus value sold over wealth, a day"),
    "annual_cost": Shown("Costs", "%", 2, "what trading takes off log wealth, a year"),
    "active_share": Shown("Active share", "%", 1, "half the distance of the weights to 1/N"),
    "effective_names": Shown("Effective names", "", 1, "one over the sum of squared weights within stocks"),
    "probabilistic_sharpe": Shown("Probabilistic Sharpe", "%", 1, "probability that the true Sharpe ratio is above 0"),
    "deflated_sharpe": Shown("Deflated Sharpe", "%", 1, "the same, above what the best of the trials shows by luck"),
    "sharpe_difference": Shown("Sharpe less benchmark", "", 2, "difference to the benchmark on the same days"),
}
"""All figures, in the order in which they are shown."""


def figures_of(track: Track, benchmark: Track | None, trials: int, days: int) -> dict[str, Interval]:
    """All figures of a track.

    Args:
        track: What a policy did.
        benchmark: What it is compared with in the same worlds; None for the benchmark itself.
        trials: Strategies tried before this one was chosen, for the deflated Sharpe ratio.
        days: Of a year.

    Returns:
        By the names of `CATALOGUE`; ends of an interval are nan where there is none.
    """
    worlds = track.returns.shape[1]
    found = _of_path(track.path(0), days) if worlds == 1 else _of_worlds(track, days)
    pooled = track.returns.T.ravel()  # world after world
    found["probabilistic_sharpe"] = _sure(metrics.probabilistic_sharpe(pooled, 0.0, days))
    found["deflated_sharpe"] = _sure(metrics.deflated_sharpe(pooled, trials, None, days))
    if benchmark is not None:
        found["sharpe_difference"] = _difference(track.returns, benchmark.returns, days)
    return found


def _sure(value: float) -> Interval:
    return Interval(value, math.nan, math.nan)


def _of_path(path: Path, days: int) -> dict[str, Interval]:
    """Every figure of one path, with circular block-bootstrap intervals."""
    length = len(path.returns)
    index = metrics.resampled_days(length, block_of(length), DRAWS)
    again = [path.on(row) for row in index]
    return {
        name: _interval(figure(path, days), np.array([figure(other, days) for other in again]))
        for name, figure in FIGURES.items()
    }


def _of_worlds(track: Track, days: int) -> dict[str, Interval]:
    """The mean of every figure over worlds, with bootstrap intervals over worlds."""
    paths = [track.path(world) for world in range(track.returns.shape[1])]
    return {name: _mean(np.array([figure(path, days) for path in paths])) for name, figure in FIGURES.items()}


def _difference(returns: Floats, other: Floats, days: int) -> Interval:
    if returns.shape[1] == 1:
        length = len(returns)
        return metrics.sharpe_difference(returns[:, 0], other[:, 0], LEVEL, block_of(length), DRAWS, days=days)
    mine, theirs = (  # without risk 0, as in the difference on one path
        np.nan_to_num([metrics.sharpe_ratio(series[:, world], days) for world in range(series.shape[1])])
        for series in (returns, other)
    )
    return _mean(mine - theirs)


def block_of(length: int) -> int:
    """Days of a block in a path of so many days."""
    return max(1, min(BLOCK, length // 2))


def _mean(values: Floats) -> Interval:
    """Mean over the worlds in which a figure exists, and its interval over worlds."""
    known = values[np.isfinite(values)]
    if not len(known):
        return _sure(math.nan)
    index = metrics.resampled_days(len(known), 1, DRAWS)
    return _interval(float(known.mean()), known[index].mean(1))


def _interval(value: float, draws: Floats) -> Interval:
    known = draws[np.isfinite(draws)]
    if not np.isfinite(value) or not len(known):
        return _sure(value)
    low, high = np.quantile(known, [0.5 - 0.5 * LEVEL, 0.5 + 0.5 * LEVEL])
    return Interval(value, float(low), float(high))


def written(name: str, value: float) -> str:
    """A figure in the form of its column, such as 12.3 %; a dash where there is none."""
    shown = CATALOGUE[name]
    if not np.isfinite(value):
        return "\u2013"
    text = f"{value * (100.0 if shown.unit == '%' else 1.0):.{shown.digits}f}"
    if float(text) == 0.0:
        text = text.removeprefix("-")
    return text.replace("-", "\u2212")


def as_numbers(found: Mapping[str, Interval]) -> dict[str, dict[str, float | None]]:
    """Figures as JSON data; null where there is no number."""
    return {
        name: {end: (x if math.isfinite(x) else None) for end, x in zip(Interval._fields, interval, strict=True)}
        for name, interval in found.items()
    }
