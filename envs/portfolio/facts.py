"""Stylised facts of a market, measured and set beside those of Chinese stocks.

`python -m scenarium.envs.portfolio.facts [--seeds 20] [--names 120] [--days 1395] [--out facts.png]` rolls out
synthetic worlds, prints the mean of every fact over the seeds with its spread, and draws them.
"""

from __future__ import annotations

import argparse
import io
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from scenarium.envs.core.files import write_atomic
from scenarium.envs.core.namespace import NUMPY
from scenarium.envs.portfolio.market import Bars

Floats = npt.NDArray[np.float64]


class Target(NamedTuple):
    """A fact of 267 members of the CSI 300 of January 2020, 1,395 days to September 2025 (adjusted log returns)."""

    value: float
    what: str
    near_zero: bool = False
    """Whether it is to be met within 0.05 rather than within 30 %."""


TARGETS: dict[str, Target] = {
    "stock_vol": Target(0.0225, "daily volatility, mean over names"),
    "index_vol": Target(0.0117, "daily volatility of the index (18.6 % a year)"),
    "correlation": Target(0.27, "correlation, mean over pairs"),
    "industry_correlation": Target(0.59, "correlation within industries"),
    "first_component": Target(0.284, "variance share of the first principal component"),
    "dof": Target(3.3, "degrees of freedom of a Student-t fit, median"),
    "garch_persistence": Target(0.974, "alpha + beta of a GARCH(1,1)-t fit, median"),
    "abs_acf_1": Target(0.20, "autocorrelation of |r|, lag 1"),
    "abs_acf_10": Target(0.11, "lag 10"),
    "abs_acf_50": Target(0.03, "lag 50"),
    "overnight_share": Target(0.19, "overnight part of the variance"),
    "limit_up": Target(0.00645, "closes at the upper limit"),
    "limit_down": Target(0.00207, "closes at the lower limit"),
    "suspended": Target(0.0014, "suspended stock-days"),
    "leverage": Target(0.05, "correlation of r and the next |r|", True),
    "acf_1": Target(0.015, "autocorrelation of r, lag 1", True),
    "gap_correlation": Target(-0.05, "correlation of overnight and intraday", True),
    "skewness": Target(0.29, "median skewness"),
    "kurtosis": Target(3.4, "median excess kurtosis"),
    "range": Target(0.0299, "mean log(high / low)"),
    "volume_sd": Target(0.51, "deviation of log-volume"),
    "volume_acf_1": Target(0.79, "autocorrelation of log-volume, lag 1"),
    "volume_abs": Target(0.51, "correlation of log-volume and |r|"),
    "volume_sign": Target(0.19, "correlation of log-volume and r"),
    "volume_common": Target(0.28, "correlation of log-volumes, mean over pairs"),
}
BARS = tuple(TARGETS)[:17]
"""The facts a market has to meet; the others are shown."""


def measure(bars: Bars, caps: Floats, industries: Sequence[int], fits: int = 12) -> dict[str, float]:
    """All facts of one world.

    Args:
        bars: NumPy arrays [D, N].
        caps: Index weights on the first day [N].
        industries: Industry of each name.
        fits: Names whose tails and variances are fitted.
    """
    overnight, intraday = bars.overnight.astype(np.float64), bars.intraday.astype(np.float64)
    returns = overnight + intraday
    level = np.exp(np.cumsum(returns, axis=0)) @ caps
    gap, day = overnight.var(0), intraday.var(0)
    some = returns[:, :fits].T
    facts = {
        "stock_vol": float(returns.std(0).mean()),
        "index_vol": float(np.diff(np.log(level)).std()),
        "overnight_share": float((gap / (gap + day)).mean()),
        "dof": float(np.median([student_dof(one) for one in some])),
        "garch_persistence": float(np.median([garch_persistence(one) for one in some])),
        "limit_up": float(1.0 - bars.close_below.mean()),
        "limit_down": float(1.0 - bars.close_above.mean()),
        "suspended": float(1.0 - bars.traded.mean()),
        "leverage": _mean_correlation(returns[:-1], np.abs(returns[1:])),
        "acf_1": _mean_correlation(returns[:-1], returns[1:]),
        "gap_correlation": _mean_correlation(overnight, intraday),
        "range": float((bars.high - bars.low).mean()),
    }
    facts |= {f"abs_acf_{lag}": _mean_correlation(np.abs(returns[:-lag]), np.abs(returns[lag:])) for lag in (1, 10, 50)}
    return facts | _shape(returns) | _joint(returns, industries) | _volume(bars.volume.astype(np.float64), returns)


def _mean_correlation(a: Floats, b: Floats) -> float:
    """Correlation of the columns of two arrays, mean over columns."""
    a, b = a - a.mean(0), b - b.mean(0)
    return float(np.mean((a * b).mean(0) / np.sqrt((a * a).mean(0) * (b * b).mean(0))))


def _shape(returns: Floats) -> dict[str, float]:
    z = (returns - returns.mean(0)) / returns.std(0)
    return {"skewness": float(np.median((z**3).mean(0))), "kurtosis": float(np.median((z**4).mean(0)) - 3.0)}


def _joint(returns: Floats, industries: Sequence[int]) -> dict[str, float]:
    correlation: Floats = np.asarray(np.corrcoef(returns.T))
    group = np.asarray(industries)
    above = np.triu(np.ones_like(correlation, dtype=bool), 1)
    within = above & (group[:, None] == group)
    return {
        "correlation": float(correlation[above].mean()),
        "industry_correlation": float(correlation[within].mean()) if within.any() else math.nan,
        "first_component": float(np.linalg.eigvalsh(correlation)[-1] / len(correlation)),
    }


def _volume(volume: Floats, returns: Floats) -> dict[str, float]:
    pairs = np.asarray(np.corrcoef(volume.T))[np.triu_indices(volume.shape[1], 1)]
    return {
        "volume_sd": float(volume.std(0).mean()),
        "volume_acf_1": _mean_correlation(volume[:-1], volume[1:]),
        "volume_abs": _mean_correlation(volume, np.abs(returns)),
        "volume_sign": _mean_correlation(volume, returns),
        "volume_common": float(pairs.mean()),
    }


def student_dof(returns: Floats) -> float:
    """Degrees of freedom of a Student-t fitted to returns by maximum likelihood, location at the median."""
    from scipy.optimize import minimize

    x = returns - np.median(returns)

    def loss(p: Floats) -> float:
        return _student_loss(x, np.exp(p[0]), 2.0 * p[1])

    fit = minimize(loss, [math.log(4.0), math.log(x.std() * 0.7)], method="Nelder-Mead", options={"maxiter": 200})
    return float(np.exp(fit.x[0]))


def _student_loss(x: Floats, dof: float, log_variance: Any) -> float:
    """Mean negative log likelihood of a t law whose squared scale has the given log."""
    from scipy.special import gammaln

    constant = gammaln(0.5 * (dof + 1.0)) - gammaln(0.5 * dof) - 0.5 * math.log(math.pi * dof)
    square = x * x / np.exp(log_variance)
    return float(np.mean(0.5 * log_variance + 0.5 * (dof + 1.0) * np.log1p(square / dof)) - constant)


def garch_persistence(returns: Floats) -> float:
    """Sum of alpha and beta of a GARCH(1,1)-t, by maximum likelihood at the sample variance."""
    from scipy.optimize import minimize
    from scipy.signal import lfilter
    from scipy.special import expit

    x = returns - returns.mean()
    usual = float(x.var())

    def parts(p: Floats) -> tuple[float, float]:
        total = float(expit(p[0]))
        alpha = total * float(expit(p[1]))
        return alpha, total - alpha

    def loss(p: Floats) -> float:
        alpha, beta = parts(p)
        drive = usual * (1.0 - alpha - beta) + alpha * x[:-1] ** 2
        later, _ = lfilter([1.0], [1.0, -beta], drive, zi=np.array([beta * usual]))
        variance = np.concatenate([[usual], later])
        dof = 2.05 + math.exp(min(float(p[2]), 5.0))
        return _student_loss(x, dof, np.log(variance * (dof - 2.0) / dof))

    start = [math.log(0.97 / 0.03), math.log(0.09 / 0.88), math.log(2.5)]
    return float(sum(parts(minimize(loss, start, method="Nelder-Mead", options={"maxiter": 300}).x)))


def synthetic_facts(seed: int, names: int = 120, days: int = 1395, recipe: Any = None) -> dict[str, float]:
    """The facts of one synthetic world with suspensions."""
    from scenarium.envs.portfolio.synthetic import SyntheticMarket

    market = SyntheticMarket(names, recipe, suspensions=True)
    rolled = market.roll(seed, days, NUMPY)
    return measure(rolled.bars, np.asarray(rolled.caps, np.float64), market.industries)


def misses(facts: Sequence[dict[str, float]]) -> list[str]:
    """Names of the facts in `BARS` whose mean over worlds is too far from its target."""
    missed = []
    for name in BARS:
        value, target = float(np.mean([one[name] for one in facts])), TARGETS[name]
        allowed = 0.05 if target.near_zero else 0.3 * abs(target.value)
        if not abs(value - target.value) <= allowed:
            missed.append(name)
    return missed


def table(facts: Sequence[dict[str, float]]) -> str:
    """The facts as text, one a line: mean over worlds, their standard deviation, target, ratio."""
    lines = [f"{'fact':22s}{'mean':>9s}{'sd':>9s}{'target':>9s}{'ratio':>7s}  what"]
    for name, target in TARGETS.items():
        values = np.array([one[name] for one in facts])
        ratio = "" if target.near_zero else f"{values.mean() / target.value:.2f}"
        mark = "" if name in BARS else "(shown) "
        lines.append(
            f"{name:22s}{values.mean():9.4f}{values.std():9.4f}{target.value:9.4f}{ratio:>7s}  {mark}{target.what}"
        )
    return "\n".join(lines)


def draw(facts: Sequence[dict[str, float]]) -> bytes:
    """The facts over their targets as a PNG: a dot a world, a line at the mean, the band that is allowed."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 7), dpi=100)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.2, 0.08, 0.77, 0.86))
    for row, (name, target) in enumerate(reversed(TARGETS.items())):
        values = np.array([one[name] for one in facts])
        # Facts near zero: their distance on the scale on which 0.05 is as far as 30 % is for the others.
        shown = 1.0 + (values - target.value) * 6.0 if target.near_zero else values / target.value
        axes.plot(np.clip(shown, 0.0, 2.5), np.full(len(shown), row), "o", color="#3b82f6", markersize=3, alpha=0.5)
        axes.plot([shown.mean()] * 2, [row - 0.35, row + 0.35], color="#1e293b", linewidth=2)
    axes.axvspan(0.7, 1.3, color="#0f9d8a", alpha=0.12, zorder=0)
    axes.axvline(1.0, color="#64748b", linewidth=1)
    axes.set_yticks(range(len(TARGETS)), list(reversed(TARGETS)), fontsize=9)
    axes.set_xlabel("measured over target", fontsize=9)
    axes.set_title(f"stylised facts, {len(facts)} worlds", loc="left", fontsize=11, weight="bold")
    axes.spines[["top", "right"]].set_visible(False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line of this module; see its first lines."""
    parser = argparse.ArgumentParser(
        description="Stylised facts of the synthetic market beside those of CSI 300 stocks."
    )
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--names", type=int, default=120)
    parser.add_argument("--days", type=int, default=1395)
    parser.add_argument("--out", help="PNG to write")
    chosen = parser.parse_args(arguments)
    facts = [synthetic_facts(seed, chosen.names, chosen.days) for seed in range(chosen.seeds)]
    print(table(facts))
    missed = misses(facts)
    print("within 30 % (near zero: 0.05): " + ("all" if not missed else f"all but {', '.join(missed)}"))
    if chosen.out:
        write_atomic(chosen.out, draw(facts))


if __name__ == "__main__":
    main()
