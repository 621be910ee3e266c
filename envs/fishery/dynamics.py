"""How stocks grow, prey on each other and compete: the equations of the fishery models as pure functions.

Equations and coefficients are those of Montealegre-Mora, Lapeyrolerie, Chapman, Keller and Boettiger (2023),
"Pretty darn good control: when are approximate solutions better than approximate models" (arXiv 2308.13654), as its
published code and trajectories have them (github.com/boettiger-lab/approx-model-or-approx-soln): the noise has a
standard deviation of 0.10 times the post-harvest stock (0.05 in Model 1), where the text speaks of a variance of 0.05.

Functions work on separate components, one per species, which may be Python floats, NumPy arrays of any shape or torch
tensors; `xp` is the namespace they belong to. Stocks are in natural units (carrying capacity 1), time is in years.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from scenarium.envs.core.namespace import PYTHON, Array, Namespace

Stocks = tuple[Array, ...]
"""One component per species: (X,) or (X, Y, Z)."""


class Coefficients(NamedTuple):
    """Coefficients of the growth equations; the names follow the paper, with the code's in brackets.

    Floats, or arrays that broadcast against the stocks where every world has its own. Model 1 uses r_x, k_x, beta
    (which there stands for beta times the constant predator), c and sigma_x.
    """

    r_x: Any = 1.0
    """Growth rate of X, per year."""
    k_x: Any = 1.0
    """Carrying capacity of X."""
    r_y: Any = 1.0
    """Growth rate of Y, per year."""
    k_y: Any = 1.0
    """Carrying capacity of Y."""
    beta: Any = 0.3
    """Greatest rate of predation by Z."""
    c: Any = 0.3
    """Stock at which predation reaches half its greatest rate (v0)."""
    d: Any = 1.1
    """Preference of the predator for Y over X (D)."""
    c_xy: Any = 0.1
    """Competition between X and Y (cV)."""
    b: Any = 0.1
    """Growth of the predator per unit of prey (f)."""
    d_z: Any = 0.1
    """Death rate of the predator (dH)."""
    alpha: Any = 1.0
    """Relative speed of the predator's dynamics, its noise included."""
    sigma_x: Any = 0.1
    """Standard deviation of the noise on X, relative to the post-harvest stock."""
    sigma_y: Any = 0.1
    """The same for Y."""
    sigma_z: Any = 0.1
    """The same for Z, before alpha."""


@dataclass(frozen=True)
class Trend:
    """A coefficient that moves with time: its value is multiplied by 1 + slope * t, kept in [low, high], or by a wave.

    Attributes:
        of: The coefficient's name in `Coefficients`, or "c_squared" for the square of c.
        slope: Change of the factor per year.
        low: Least factor.
        high: Greatest factor.
        amplitude: Of the wave 1 + amplitude * sin(2 pi t / period), in place of the line.
        period: Of the wave, years.
    """

    of: str
    slope: float = 0.0
    low: float = -math.inf
    high: float = math.inf
    amplitude: float = 0.0
    period: float = 50.0

    def factor(self, years: Array, xp: Namespace) -> Array:
        """The factor at a time in years: a Python float, or a float array of the namespace."""
        if isinstance(years, float):
            xp = PYTHON
        if self.amplitude:
            return 1.0 + self.amplitude * xp.sin(years * (2.0 * math.pi / self.period))
        factor = 1.0 + self.slope * years
        if self.low > -math.inf:
            factor = xp.maximum(factor, self.low)
        return factor if self.high == math.inf else xp.minimum(factor, self.high)


@dataclass(frozen=True)
class Parameters:
    """Everything that fixes a fishery.

    Attributes:
        initial: Stocks before year 0, without the initial noise.
        harvested: The first so many species are fished.
        coefficients: Of the growth equations.
        trends: Coefficients that move with time.
        competition: "pairwise" (the term c_xy x y) or "capacity" (c_xy lowers the other's carrying capacity).
        abiotic: The species that is replaced by a prescribed signal and has no noise: "" (none), "y" or "z".
        initial_deviation: Standard deviation of the initial stocks.
        threshold: A stock at or below it is nearly extinct, which ends the episode.
        penalty: Taken from the reward when that happens in year t, divided by t + 1.
        horizon: Years of an episode.
        species: Number of stocks, 1 or 3 (not an argument).
        mortal: Indices of the stocks that may go extinct, all but an abiotic one (not an argument).
        spread: The parameters' own `deviations` (not an argument).
    """

    initial: tuple[float, ...] = (0.5, 0.5, 0.7)
    harvested: int = 2
    coefficients: Coefficients = field(default_factory=Coefficients)
    trends: tuple[Trend, ...] = ()
    competition: Literal["pairwise", "capacity"] = "pairwise"
    abiotic: Literal["", "y", "z"] = ""
    initial_deviation: float = 0.02
    threshold: float = 0.05
    penalty: float = 100.0
    horizon: int = 200

    species: int = field(init=False, repr=False, compare=False)
    mortal: tuple[int, ...] = field(init=False, repr=False, compare=False)
    spread: tuple[Any, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Kept rather than computed when asked: they are read in every step.
        put = object.__setattr__
        put(self, "species", len(self.initial))
        put(self, "mortal", tuple(i for i in range(self.species) if "xyz"[i] != self.abiotic))
        put(self, "spread", deviations(self))


def _years(t: Array, xp: Namespace) -> Array:
    return float(t) if isinstance(t, int) else xp.cast(t, "float")


def drifted(k: Coefficients, trends: tuple[Trend, ...], t: Array, xp: Namespace) -> tuple[Coefficients, Array]:
    """The coefficients of year t, and a factor on the square of c.

    Args:
        k: Coefficients without their trends.
        trends: What moves.
        t: The year: an int, or an int tensor that broadcasts against the stocks.
        xp: Namespace.
    """
    squared, years = 1.0, _years(t, xp)
    for trend in trends:
        factor = trend.factor(years, xp)
        if trend.of == "c_squared":
            squared = factor
        else:
            k = k._replace(**{trend.of: getattr(k, trend.of) * factor})
    return k, squared


def growth(
    s: Stocks, t: Array, parameters: Parameters, xp: Namespace, coefficients: Coefficients | None = None
) -> Stocks:
    """Next year's expected stocks from this year's post-harvest stocks, all species simultaneously.

    Args:
        s: Post-harvest stocks, one component per species.
        t: The year: an int, or an int tensor that broadcasts against the stocks.
        parameters: The fishery.
        xp: Namespace of the stocks.
        coefficients: In place of the parameters' own, for worlds that differ.
    """
    k = coefficients or parameters.coefficients
    rates = _rates(s, t, parameters, k, xp)
    after = tuple(stock * rate for stock, rate in zip(s, rates, strict=True))
    return after if not parameters.abiotic else _signal(after, s, t, parameters.abiotic, xp)


def _rates(s: Stocks, t: Array, parameters: Parameters, k: Coefficients, xp: Namespace) -> Stocks:
    """What each post-harvest stock is multiplied by. Written so that coefficients that are floats combine first."""
    squared = 1.0
    if parameters.trends:
        k, squared = drifted(k, parameters.trends, t, xp)
    r_x, k_x, r_y, k_y, beta, c, d, c_xy, b, d_z, alpha, _, _, _ = k
    c_squared = c * c * squared
    if len(s) == 1:
        x = s[0]
        return ((1.0 + r_x) - (r_x / k_x) * x - beta * (x / (c_squared + x * x)),)
    x, y, z = s
    hunger = beta * z
    eaten_x = hunger * (x / (c_squared + x * x))
    eaten_y = (d * hunger) * (y / (c_squared + y * y))
    if parameters.competition == "capacity":
        rate_x = (1.0 + r_x) - r_x * (x / (k_x - c_xy * y)) - eaten_x
        rate_y = (1.0 + r_y) - r_y * (y / (k_y - c_xy * x)) - eaten_y
    else:
        rate_x = (1.0 + r_x) - (r_x / k_x) * x - eaten_x - c_xy * y
        rate_y = (1.0 + r_y) - (r_y / k_y) * y - eaten_y - c_xy * x
    return rate_x, rate_y, (1.0 - alpha * d_z) + (alpha * b) * (x + d * y)


def _signal(after: Stocks, s: Stocks, t: Array, abiotic: str, xp: Namespace) -> Stocks:
    """Puts the prescribed course of an abiotic species in its place."""
    phase = _years(t, xp) * (2.0 * math.pi / 50.0)
    if isinstance(phase, float):
        xp = PYTHON
    if abiotic == "y":
        return after[0], 0.4 + 0.4 * xp.sin(phase) + 0.0 * s[1], after[2]
    return after[0], after[1], s[2] * (1.0 + 0.02 * xp.cos(phase))


def deviations(parameters: Parameters, coefficients: Coefficients | None = None) -> tuple[Any, ...]:
    """Standard deviation of each species' noise, relative to its post-harvest stock."""
    k = coefficients or parameters.coefficients
    every = (k.sigma_x, k.sigma_y, k.alpha * k.sigma_z)[: parameters.species]
    return tuple(0.0 if "xyz"[i] == parameters.abiotic else sigma for i, sigma in enumerate(every))


def recruit(
    s: Stocks,
    eps: Sequence[Array],
    t: Array,
    parameters: Parameters,
    xp: Namespace,
    coefficients: Coefficients | None = None,
) -> Stocks:
    """Next year's stocks: `growth` plus noise proportional to the post-harvest stock.

    A single species is floored at 0, as in the published code; of three species none needs it, because the nearly
    extinct end the episode.

    Args:
        s: Post-harvest stocks.
        eps: Standard normal draws, one component per species; what follows is ignored.
        t: The year.
        parameters: The fishery.
        xp: Namespace.
        coefficients: In place of the parameters' own, for worlds that differ.
    """
    k = coefficients or parameters.coefficients
    spread = parameters.spread if coefficients is None else deviations(parameters, coefficients)
    rates = _rates(s, t, parameters, k, xp)
    if len(s) == 1:
        return (xp.maximum(s[0] * (rates[0] + spread[0] * eps[0]), 0.0),)
    after = (
        s[0] * (rates[0] + spread[0] * eps[0]),
        s[1] * (rates[1] + spread[1] * eps[1]),
        s[2] * (rates[2] + spread[2] * eps[2]),
    )
    return after if not parameters.abiotic else _signal(after, s, t, parameters.abiotic, xp)


MODEL_1 = Parameters(
    initial=(0.7,), harvested=1, coefficients=Coefficients(beta=0.25, c=0.1, sigma_x=0.05)
)  # fmt: skip
MODEL_2 = Parameters(harvested=1)
MODEL_3 = Parameters()
MODEL_4 = Parameters(trends=(Trend("r_x", slope=-1.0 / 200.0, low=0.5),))

PARAMETERS: Mapping[int, Parameters] = {1: MODEL_1, 2: MODEL_2, 3: MODEL_3, 4: MODEL_4}
"""Parameters of the paper's models 1 to 4."""
