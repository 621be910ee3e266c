"""The numbers of the synthetic market."""

from __future__ import annotations

from dataclasses import dataclass, replace

from scenarium.envs.portfolio.processes import Spells


@dataclass(frozen=True)
class Jumps:
    """Sudden moves.

    Attributes:
        per_day: Probability of a jump on a day.
        least: Smallest size (log).
        mean: Mean size beyond the least (exponential).
        down: Part of the jumps that go down.
        overnight: Part of the move that has happened by the open.
    """

    per_day: float
    least: float
    mean: float
    down: float
    overnight: float


@dataclass(frozen=True)
class Regimes:
    """A market factor that switches between calm and turbulent, instead of GARCH.

    Attributes:
        leave: Daily probability of leaving calm, and of leaving turbulence.
        vol: Daily volatility of the market in each (log).
        mean: Mean daily log return of the market in each.
    """

    leave: tuple[float, float] = (1.0 / 59.0, 1.0 / 15.5)
    vol: tuple[float, float] = (0.0097, 0.0232)
    mean: tuple[float, float] = (2.4e-4, -5.9e-4)


@dataclass(frozen=True)
class Recipe:
    """The numbers of the market; volatilities and means are daily and logarithmic."""

    vol: float = 0.0232
    """Mean volatility of a name."""
    vol_spread: float = 0.25
    """Standard deviation of log-volatility across names."""
    shares: tuple[float, float, float] = (0.26, 0.35, 0.39)
    """Parts of the variance that are the market's, the industry's and the name's."""
    beta_spread: float = 0.25
    """Standard deviation of the log of the market loading across names."""
    mean: float = 3.8e-4
    """Mean arithmetic return, the same for all names."""
    gap_drift: float = -4.2e-4
    """Mean overnight return; what is missing comes back intraday."""
    dof: tuple[float, float, float] = (5.0, 4.2, 4.2)
    """Degrees of freedom of market, industries and names."""
    market_garch: tuple[float, float] = (0.08, 0.898)
    own_garch: tuple[float, float] = (0.115, 0.868)
    """Of industries and names."""
    gap_share: float = 0.185
    """Variance overnight over variance of the day."""
    gap_slope: float = 0.155
    """Covariance of overnight and day over variance of the day."""
    crashes: Jumps = Jumps(0.0014, 0.045, 0.025, 0.7, 0.7)
    """Of the market: all names at once, by their market loading."""
    news: Jumps = Jumps(0.0072, 0.06, 0.045, 0.03, 0.25)
    """Of one name."""
    limit: float = 0.10
    """Price limit; what a move exceeds it by is carried over to the next open."""
    suspension: Spells = Spells(0.05 / 242.0, 6.7, 45)
    volume: tuple[float, float, float, float] = (0.73, 0.31, 0.09, 0.15)
    """Of log-volume: persistence, response to the size and to the sign of the day's return, its common noise."""
    volume_noise: float = 0.18
    cap_spread: float = 1.0
    """Standard deviation of the log of market capitalisation across names."""
    regimes: Regimes | None = None


@dataclass(frozen=True)
class Randomization:
    """Ranges a world draws its market and its costs from, uniformly.

    Domain randomisation (Tobin et al., arXiv 1703.06907): a policy trained on many markets bears the one it meets.
    """

    vol: tuple[float, float] = (0.7, 1.5)
    """Factor on all volatilities."""
    mean: tuple[float, float] = (-5e-4, 5e-4)
    """Added to the mean daily return."""
    loading: tuple[float, float] = (0.7, 1.4)
    """Factor on the market loading."""
    dof: tuple[float, float] = (3.0, 6.0)
    suspension: tuple[float, float] = (0.0, 20.0)
    """Factor on the frequency of suspensions; the upper end is about 3 % of all days."""
    commission: tuple[float, float] = (1e-4, 5e-4)
    stamp: tuple[float, ...] = (0.0, 5e-4, 1e-3)
    """One of these."""
    slippage: tuple[float, float] = (0.0, 1e-3)
    noise: tuple[float, float] = (0.0, 1e-3)
    """Standard deviation of observation noise on prices (log)."""


def regime_recipe(strength: float = 4.0) -> Recipe:
    """The market of the regime id: calm and turbulent phases like those of the CSI 300 of 2010-2025, without crashes.

    Args:
        strength: Factor on the estimated means. With 1 timing gains half a basis point a day on the best constant mix,
            which drowns in the noise of some thousand worlds; with 4 a learner can be told from luck.
    """
    plain = Regimes()
    regimes = replace(plain, mean=(strength * plain.mean[0], strength * plain.mean[1]))
    return replace(Recipe(), regimes=regimes, crashes=Jumps(0.0, 0.0, 0.0, 0.0, 0.0))
