"""What is said of a backtest: returns, risks, costs, and how sure one can be of a Sharpe ratio.

Series are arithmetic daily returns; a year has 242 days, as on the Chinese exchanges (252 would raise a Sharpe ratio
by 2 %). Deviations are those of a sample (one degree of freedom off), returns are arithmetic and not log.

Where the definitions agree, given the same days per year, the numbers are those of empyrical-reloaded to 1e-10: total
and annual return, volatility, Sharpe, Sortino, drawdowns, Calmar, and the expected shortfall at 5 %. They differ on
purpose in three places:

* `sharpe_ratio` and `sortino_ratio` give nan, not infinity, for a series without risk or without a loss;
* `cvar` is the mean of the worst ceil(p D) of D days; empyrical takes floor(p (D - 1)) + 1, the same wherever 1 / p is
  a whole number and else up to a day less;
* missing days are refused; empyrical leaves them out of the mean but counts them as days of the year.

The paper of the image problem (Huang, Zhou and Song, arXiv 2412.18563) counts log returns, 252 days and the population
deviation; its numbers are not comparable with these.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from scenarium.envs.core import rng
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.namespace import NUMPY

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
DAYS_PER_YEAR = 242
RISKLESS = 1e-8
"""Daily deviation up to which a series has no risk: logits leave 2e-9 of a portfolio in names that nobody wants."""
_BOOTSTRAP_STREAM = 60


def returns_of(values: npt.ArrayLike) -> Floats:
    """Daily returns as float64 [D].

    Raises:
        ScenariumError: Fewer than two, not finite, or a loss of more than everything.
    """
    r = np.asarray(values, np.float64)
    if r.ndim != 1 or len(r) < 2 or not np.isfinite(r).all() or (r < -1.0).any():
        raise ScenariumError(f"returns of shape {r.shape}: expected at least two finite numbers >= -1 in a row")
    return r


def total_return(values: npt.ArrayLike) -> float:
    """Final over initial wealth, less one."""
    return float(np.prod(1.0 + returns_of(values)) - 1.0)


def annual_return(values: npt.ArrayLike, days: int = DAYS_PER_YEAR) -> float:
    """Compound annual growth rate."""
    r = returns_of(values)
    return float(np.prod(1.0 + r) ** (days / len(r)) - 1.0)


def annual_volatility(values: npt.ArrayLike, days: int = DAYS_PER_YEAR) -> float:
    """Sample standard deviation of daily returns, times the root of the days of a year."""
    return float(returns_of(values).std(ddof=1) * math.sqrt(days))


def sharpe_ratio(values: npt.ArrayLike, days: int = DAYS_PER_YEAR, cash: float = 0.0) -> float:
    """Mean over sample deviation of returns above a daily cash return, annual; nan without risk."""
    excess = returns_of(values) - cash
    return _ratio(float(excess.mean()), float(excess.std(ddof=1))) * math.sqrt(days)


def sortino_ratio(values: npt.ArrayLike, days: int = DAYS_PER_YEAR, cash: float = 0.0) -> float:
    """Mean return above cash over the root mean square of shortfalls, annual; nan without a loss."""
    excess = returns_of(values) - cash
    downside = math.sqrt(float((np.minimum(excess, 0.0) ** 2).mean()))
    return _ratio(float(excess.mean()), downside) * math.sqrt(days)


def _ratio(a: float, b: float) -> float:
    return a / b if b > RISKLESS else math.nan


def drawdowns(values: npt.ArrayLike) -> Floats:
    """Wealth below its highest value so far, start included, as a part of that value, <= 0 [D]."""
    wealth = np.cumprod(1.0 + returns_of(values))
    peak = np.maximum(np.maximum.accumulate(wealth), 1.0)
    return np.asarray(wealth / peak - 1.0)


def max_drawdown(values: npt.ArrayLike) -> float:
    """The deepest drawdown, <= 0."""
    return float(drawdowns(values).min())


def calmar_ratio(values: npt.ArrayLike, days: int = DAYS_PER_YEAR) -> float:
    """Annual return over the deepest drawdown; nan without one."""
    deepest = -max_drawdown(values)
    return annual_return(values, days) / deepest if deepest > 100.0 * RISKLESS else math.nan


def cvar(values: npt.ArrayLike, level: float = 0.05) -> float:
    """Mean of the worst `level` part of the days (expected shortfall, as a return)."""
    r = np.sort(returns_of(values))
    return float(r[: max(1, math.ceil(level * len(r) - 1e-9))].mean())


def hit_rate(values: npt.ArrayLike) -> float:
    """Part of the days with a gain."""
    return float((returns_of(values) > RISKLESS).mean())


def effective_names(weights: npt.ArrayLike) -> float:
    """One over the sum of squared stock weights, scaled to 1; mean over the invested of days [D, N + 1], cash first."""
    return _mean_if_any(daily_effective_names(weights))


def daily_effective_names(weights: npt.ArrayLike) -> Floats:
    """Effective names of each day [D]; nan where nothing is invested."""
    risky = np.asarray(weights, np.float64)[:, 1:]
    whole = risky.sum(1)
    squares = ((risky / np.maximum(whole, 1e-6)[:, None]) ** 2).sum(1)
    return np.asarray(np.where(whole > 1e-6, 1.0 / np.maximum(squares, 1e-9), np.nan))


def active_share(weights: npt.ArrayLike) -> float:
    """Half the distance to 1/N in stocks, mean over days (Cremers and Petajisto 2009); `weights` [D, N + 1]."""
    return float(daily_active_share(weights).mean())


def daily_active_share(weights: npt.ArrayLike) -> Floats:
    """Half the distance to 1/N in stocks on each day [D]."""
    w = np.asarray(weights, np.float64)
    names = w.shape[1] - 1
    equal = np.concatenate([[0.0], np.full(names, 1.0 / names)])
    return np.asarray(0.5 * np.abs(w - equal).sum(1))


def sharpe_error(values: npt.ArrayLike) -> float:
    """Standard error of the DAILY Sharpe ratio under skewed, fat-tailed returns (Mertens 2002; Lo 2002).

    nan without risk.
    """
    r = returns_of(values)
    if r.std() <= RISKLESS:
        return math.nan
    sharpe = float(r.mean() / r.std(ddof=1))
    z = (r - r.mean()) / r.std()
    skew, kurtosis = float((z**3).mean()), float((z**4).mean())
    return math.sqrt((1.0 - skew * sharpe + 0.25 * (kurtosis - 1.0) * sharpe**2) / (len(r) - 1))


def probabilistic_sharpe(values: npt.ArrayLike, benchmark: float = 0.0, days: int = DAYS_PER_YEAR) -> float:
    """Probability that the true Sharpe ratio exceeds a benchmark (annual).

    Bailey and Lopez de Prado, "The Sharpe ratio efficient frontier", Journal of Risk 15 (2012).
    """
    from scipy.special import ndtr

    distance = (sharpe_ratio(values, days) - benchmark) / math.sqrt(days)
    return float(ndtr(distance / sharpe_error(values)))


def expected_best_sharpe(trials: int, deviation: float) -> float:
    """What the best of independent trials without skill is expected to show.

    Bailey and Lopez de Prado, "The deflated Sharpe ratio", Journal of Portfolio Management 40 (2014), eq. 1.

    Args:
        trials: How many strategies were tried.
        deviation: Standard deviation of their Sharpe ratios.
    """
    from scipy.special import ndtri

    if trials < 1 or deviation < 0.0:
        raise ScenariumError(f"trials {trials} must be >= 1 and the deviation {deviation} >= 0")
    if trials == 1:
        return 0.0
    gamma = float(np.euler_gamma)
    return deviation * float((1.0 - gamma) * ndtri(1.0 - 1.0 / trials) + gamma * ndtri(1.0 - 1.0 / (trials * math.e)))


def deflated_sharpe(
    values: npt.ArrayLike, trials: int, deviation: float | None = None, days: int = DAYS_PER_YEAR
) -> float:
    """Probability that the true Sharpe ratio exceeds what the best of that many trials shows by luck.

    Args:
        values: Daily returns of the chosen strategy.
        trials: How many strategies were tried, this one included.
        deviation: Standard deviation of the trials' annual Sharpe ratios; by default that of no skill, the standard
            error of this one.
        days: Of a year.
    """
    spread = sharpe_error(values) * math.sqrt(days) if deviation is None else deviation
    return probabilistic_sharpe(values, expected_best_sharpe(trials, spread), days)


class Interval(NamedTuple):
    """An estimate and its bootstrap interval."""

    value: float
    low: float
    high: float


def resampled_days(days: int, block: int, draws: int, seed: int = 0) -> Whole:
    """Days of circular blocks, int64 [draws, days] (Politis and Romano 1992); blocks of one day are a plain bootstrap.

    Args:
        days: Length of the series.
        block: Days of a block.
        draws: Resamples.
        seed: Of the resampling.
    """
    blocks = math.ceil(days / block)
    word = rng.words(rng.stream_key(seed, _BOOTSTRAP_STREAM), rng.counters(NUMPY, 0, draws, blocks))
    starts = (rng.uniform_double(NUMPY, word) * days).astype(np.int64)
    return np.asarray(((starts[..., None] + np.arange(block)) % days).reshape(draws, -1)[:, :days])


def sharpe_difference(
    values: npt.ArrayLike,
    other: npt.ArrayLike,
    level: float = 0.95,
    block: int = 10,
    draws: int = 2000,
    seed: int = 0,
    days: int = DAYS_PER_YEAR,
) -> Interval:
    """Difference of two Sharpe ratios on the same days, with a circular block-bootstrap interval.

    Both series are resampled with the same blocks (Politis and Romano 1992; Ledoit and Wolf, "Robust performance
    hypothesis testing with the Sharpe ratio", Journal of Empirical Finance 15, 2008).

    Args:
        values: Daily returns [D].
        other: Of what it is compared with [D].
        level: Of the interval.
        block: Days of a block.
        draws: Resamples.
        seed: Of the resampling.
        days: Of a year.

    Raises:
        ScenariumError: The series differ in length, or are shorter than two blocks.
    """
    a, b = returns_of(values), returns_of(other)
    if len(a) != len(b) or len(a) < 2 * block:
        raise ScenariumError(f"series of {len(a)} and {len(b)} days; expected the same number, at least {2 * block}")
    index = resampled_days(len(a), block, draws, seed)
    scale = math.sqrt(days)
    spread = (_sharpes(a[index]) - _sharpes(b[index])) * scale
    low, high = np.quantile(spread, [0.5 - 0.5 * level, 0.5 + 0.5 * level])
    return Interval(float((_sharpes(a[None]) - _sharpes(b[None]))[0] * scale), float(low), float(high))


def _sharpes(r: Floats) -> Floats:
    """Daily Sharpe ratios of rows; 0 where there is no risk."""
    spread = r.std(1, ddof=1)
    return np.asarray(np.where(spread > RISKLESS, r.mean(1) / np.maximum(spread, RISKLESS), 0.0))


class Path(NamedTuple):
    """What a backtest keeps of every day, float64 [D] each.

    Attributes:
        returns: After costs, arithmetic.
        turnover: Value bought plus value sold over wealth.
        cost: Part of wealth paid for it.
        active_share: Half the distance to 1/N.
        effective_names: One over the sum of squared weights within stocks; nan where nothing is invested.
    """

    returns: Floats
    turnover: Floats
    cost: Floats
    active_share: Floats
    effective_names: Floats

    def on(self, days: Whole) -> Path:
        """The days of an index."""
        return Path(*(series[days] for series in self))


def path_of(values: npt.ArrayLike, weights: npt.ArrayLike, turnover: npt.ArrayLike, cost: npt.ArrayLike) -> Path:
    """The path of daily returns [D], weights after each close (cash first) [D, N + 1], turnover and cost [D]."""
    traded, paid = np.asarray(turnover, np.float64), np.asarray(cost, np.float64)
    return Path(returns_of(values), traded, paid, daily_active_share(weights), daily_effective_names(weights))


FIGURES: dict[str, Callable[[Path, int], float]] = {
    "total_return": lambda p, days: total_return(p.returns),
    "annual_return": lambda p, days: annual_return(p.returns, days),
    "annual_volatility": lambda p, days: annual_volatility(p.returns, days),
    "sharpe": lambda p, days: sharpe_ratio(p.returns, days),
    "sortino": lambda p, days: sortino_ratio(p.returns, days),
    "max_drawdown": lambda p, days: max_drawdown(p.returns),
    "calmar": lambda p, days: calmar_ratio(p.returns, days),
    "cvar_95": lambda p, days: cvar(p.returns),
    "hit_rate": lambda p, days: hit_rate(p.returns),
    "turnover_per_day": lambda p, days: float(p.turnover.mean()),
    "annual_cost": lambda p, days: float(-np.log1p(-p.cost).mean() * days),
    "active_share": lambda p, days: float(p.active_share.mean()),
    "effective_names": lambda p, days: _mean_if_any(p.effective_names),
}
"""What is computed of a path, given the days of a year, in the order in which it is shown."""


def _mean_if_any(x: Floats) -> float:
    known = x[np.isfinite(x)]
    return float(known.mean()) if len(known) else 0.0


def summary(
    values: npt.ArrayLike,
    weights: npt.ArrayLike,
    turnover: npt.ArrayLike,
    cost: npt.ArrayLike,
    benchmark: npt.ArrayLike | None = None,
    trials: int = 1,
    days: int = DAYS_PER_YEAR,
) -> dict[str, float]:
    """All figures of a backtest.

    Args:
        values: Daily returns after costs [D].
        weights: After each close, cash first [D, N + 1].
        turnover: Value traded over wealth on each day [D].
        cost: Part of wealth paid for it on each day [D].
        benchmark: Daily returns of 1/N on the same days; adds the interval of the Sharpe difference.
        trials: How many strategies were tried before this one was chosen.
        days: Of a year.
    """
    path = path_of(values, weights, turnover, cost)
    figures = {name: figure(path, days) for name, figure in FIGURES.items()}
    figures["probabilistic_sharpe"] = probabilistic_sharpe(values, 0.0, days)
    figures["deflated_sharpe"] = deflated_sharpe(values, trials, None, days)
    if benchmark is not None:
        difference = sharpe_difference(values, benchmark, days=days)
        figures |= {f"sharpe_difference{name}": x for name, x in zip(("", "_low", "_high"), difference)}
    return figures
