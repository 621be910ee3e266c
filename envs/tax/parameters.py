"""The numbers of Gather-Trade-Build.

Source: Zheng et al., "The AI Economist: Taxation policy design via two-level deep multiagent reinforcement learning"
(Science Advances 8, 2022, arXiv 2108.02755), and the defaults of its published code, Foundation 1.7.1
(github.com/salesforce/ai-economist, configuration of the two-phase tutorial).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from scenarium.envs.core.errors import ScenariumError

STONE, WOOD = 0, 1
RESOURCES = ("stone", "wood")
"""Resources in the order of every resource axis."""
MOVES = ("left", "right", "up", "down")
"""Moves in the order of the action space."""
MOST_WORKERS = 15
"""Order keys keep four bits for the tie rank, and house owners must fit beside locations in a byte."""

CUTOFFS = (0.0, 9.7, 39.475, 84.2, 160.725, 204.1, 510.3)
"""Lower ends of the US federal brackets of 2019, single filers, in thousands of dollars; one coin is 1,000 dollars."""
US_FEDERAL = (0.10, 0.12, 0.22, 0.24, 0.32, 0.35, 0.37)
"""US federal marginal rates of 2019, bracket by bracket."""

Skills = Literal["fixed", "pareto", "lognormal", "none"]
Compat = Literal["fixed", "foundation"]


@dataclass(frozen=True)
class Parameters:
    """What can be set; the defaults are the paper's.

    Raises:
        ScenariumError: A number is out of its range.
    """

    workers: int = 4
    """Number of workers, 2 to 15."""
    horizon: int = 1000
    """Periods of an episode."""
    period: int = 100
    """Periods from one tax day to the next; it divides the horizon."""
    start_coin: float = 0.0
    """Coin every worker starts with."""
    skills: Skills = "fixed"
    """How building skill is drawn: "fixed" (the mean of each rank under "pareto", ranks permuted over workers and each
    rank at its corner), "pareto", "lognormal" or "none" (random start)."""
    payment: float = 10.0
    """Coin for a house at skill 1."""
    payment_most: float = 3.0
    """Highest multiple of `payment`."""
    build_labor: float = 10.0
    """Labor of building a house."""
    order_labor: float = 0.25
    """Labor of posting an order."""
    move_labor: float = 1.0
    """Labor of a step to another tile."""
    gather_labor: float = 1.0
    """Labor of collecting what a tile holds."""
    price_most: int = 10
    """Highest price of an order; prices are whole coins from 0, and the action space counts on 10."""
    order_life: int = 50
    """An order expires when it is older than this many periods."""
    orders_most: int = 5
    """Open orders a worker may have for one resource, bids and asks together."""
    price_memory: float = 0.995
    """What remains of the price history from one period to the next."""
    regeneration: float = 0.01
    """Probability that an empty source tile has a unit again, per period."""
    eta: float = 0.23
    """Curvature of the utility of coin (isoelastic); 1 is logarithmic."""
    labor_cost: float = 0.21
    """Utility that one unit of labor costs."""
    labor_scale: float = 1.0
    """Share of `labor_cost` in force, 0 to 1; raised from 0 to 1 while workers are trained (labor annealing)."""
    rate_cap: float = 1.0
    """Highest tax rate allowed; raised from 0.1 to 1 while planner and workers are trained (tax annealing)."""
    cutoffs: tuple[float, ...] = CUTOFFS
    """Lower end of each tax bracket, in coin; the first is 0."""
    equality_weight: float = 1.0
    """Weight of equality in "eq_prod": 1 multiplies productivity by equality, 0 ignores equality."""
    compat: Compat = "fixed"
    """"foundation" keeps two quirks of the published code: between orders of the same price and age the worker with
    the lower number always wins (else chance decides in every period), and with fixed skills the skill a worker
    observes is an unrelated random number (else its own)."""

    def __post_init__(self) -> None:
        if not 2 <= self.workers <= MOST_WORKERS:
            raise ScenariumError(f"workers is {self.workers}; it must be from 2 to {MOST_WORKERS}")
        if self.period < 1 or self.horizon < 1 or self.horizon % self.period:
            raise ScenariumError(f"a tax period of {self.period} must divide the horizon of {self.horizon} periods")
        if self.skills not in ("fixed", "pareto", "lognormal", "none"):
            raise ScenariumError(f"skills {self.skills!r} is unknown; use 'fixed', 'pareto', 'lognormal' or 'none'")
        if self.compat not in ("fixed", "foundation"):
            raise ScenariumError(f"compat {self.compat!r} is unknown; use 'fixed' or 'foundation'")
        if self.price_most != 10:
            raise ScenariumError(f"price_most is {self.price_most}; the action space has prices 0 to 10")
        if not (1 <= self.orders_most <= 8 and 0 <= self.order_life <= 62):
            raise ScenariumError("orders_most must be from 1 to 8 and order_life from 0 to 62")
        self._check_ranges()

    def _check_ranges(self) -> None:
        for name in ("regeneration", "labor_scale", "rate_cap", "equality_weight", "price_memory"):
            value = getattr(self, name)
            if not 0.0 <= value <= 1.0:
                raise ScenariumError(f"{name} is {value}; it must be from 0 to 1")
        for name in ("start_coin", "payment", "labor_cost", "eta", "build_labor", "order_labor"):
            if getattr(self, name) < 0.0:
                raise ScenariumError(f"{name} is {getattr(self, name)}; it must be >= 0")
        if self.cutoffs[:1] != (0.0,) or list(self.cutoffs) != sorted(set(self.cutoffs)):
            raise ScenariumError(f"cutoffs {self.cutoffs} must start at 0 and ascend")

    def but(self, **changes: object) -> Parameters:
        """The same with some numbers changed."""
        return replace(self, **changes)  # type: ignore[arg-type]
