"""The registered portfolio problems, as factories of `PortfolioAllocation`.

Each function is the factory of a registered id; what it takes beyond its own parameters goes to `PortfolioAllocation`
(window, horizon, features, fees, fill, limits, observation, action_mode, reward, ...).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.portfolio.data.build import panel_of
from scenarium.envs.portfolio.data.splits import CUTS, part_of
from scenarium.envs.portfolio.data.worlds import PanelMarket
from scenarium.envs.portfolio.gaussian import CORRELATION, MEANS, VOLS, GaussianMarket
from scenarium.envs.portfolio.model import PortfolioAllocation
from scenarium.envs.portfolio.projection import Limits
from scenarium.envs.portfolio.recipe import Randomization, Recipe, regime_recipe
from scenarium.envs.portfolio.scenario import FEATURES, Fees
from scenarium.envs.portfolio.synthetic import SyntheticMarket


def _mandate(limits: Limits | Mapping[str, Any] | None) -> Limits | None:
    """Limits from a dict, as JSON and YAML give them."""
    if limits is None or isinstance(limits, Limits):
        return limits
    try:
        return Limits(**limits)
    except TypeError:
        raise ScenariumError(f"limits {dict(limits)} are unknown; they are cap, cash_floor and turnover") from None


def _make(market: Any, options: dict[str, Any], **defaults: Any) -> PortfolioAllocation:
    arguments = {**defaults, **options}
    if "limits" in arguments:
        arguments["limits"] = _mandate(arguments["limits"])
    if "fees" in arguments:
        arguments["fees"] = Fees(*arguments["fees"])
    if "features" in arguments:
        arguments["features"] = tuple(arguments["features"])
    return PortfolioAllocation(market, **arguments)


def portfolio_allocation(names: int = 10, recipe: Recipe | None = None, **options: Any) -> PortfolioAllocation:
    """A synthetic A-share market: 10 names, window 50, 128 days, log growth after commission and dated stamp duty.

    Args:
        names: Number of stocks.
        recipe: Other numbers for the market.
        **options: Arguments of `PortfolioAllocation`.
    """
    return _make(SyntheticMarket(names, recipe), options, features=FEATURES)


def paper(names: int = 10, recipe: Recipe | None = None, **options: Any) -> PortfolioAllocation:
    """The setting of Huang, Zhou and Song (arXiv 2412.18563) on the synthetic market.

    25 basis points on both sides, fills at the next close, their image and their average Sharpe ratio as reward; but
    logits instead of their Box(0, 1) before the softmax, which confines weights to 3.5-21 %, and arithmetic growth
    (`geometric=True` gives theirs).

    Args:
        names: Number of stocks.
        recipe: Other numbers for the market.
        **options: Arguments of `PortfolioAllocation`.
    """
    defaults = {"fill": "next_close", "orders": "weights", "observation": "paper", "reward": "average_sharpe"}
    return _make(SyntheticMarket(names, recipe), options, fees=(25e-4, 25e-4, False), **defaults)


def a_share(names: int = 10, recipe: Recipe | None = None, **options: Any) -> PortfolioAllocation:
    """The market with its frictions: price limits at the fill, suspensions, masks, dated stamp duty.

    Args:
        names: Number of stocks.
        recipe: Other numbers for the market.
        **options: Arguments of `PortfolioAllocation`.
    """
    market = SyntheticMarket(names, recipe, suspensions=True)
    return _make(market, options, features=FEATURES, frictions=True)


def randomized(
    names: int = 10, randomization: Randomization | None = None, recipe: Recipe | None = None, **options: Any
) -> PortfolioAllocation:
    """Every world has its own volatility, drift, correlation, tails, suspensions, costs and observation noise.

    Our reading of the sim-to-real idea of Ndikum and Ndikum (arXiv 2403.07916), with frictions as in `a_share`.

    Args:
        names: Number of stocks.
        randomization: Other ranges.
        recipe: Other numbers for what is not randomised.
        **options: Arguments of `PortfolioAllocation`.
    """
    if "fees" in options:
        raise ScenariumError("these worlds have costs of their own; pass randomization=Randomization(commission=...)")
    market = SyntheticMarket(names, recipe, True, randomization or Randomization())
    return _make(market, options, features=FEATURES, frictions=True)


def regime(names: int = 10, strength: float = 4.0, recipe: Recipe | None = None, **options: Any) -> PortfolioAllocation:
    """A market that switches between calm and turbulent phases, of which only prices tell: the best mix moves.

    Args:
        names: Number of stocks.
        strength: Factor on the mean returns estimated for the two phases (+2.4 and -5.9 basis points a day).
        recipe: Other numbers for the market.
        **options: Arguments of `PortfolioAllocation`.
    """
    return _make(SyntheticMarket(names, recipe or regime_recipe(strength)), options, features=FEATURES)


def gaussian(mean: Any = MEANS, vol: Any = VOLS, correlation: Any = CORRELATION, **options: Any) -> PortfolioAllocation:
    """Independent Gaussian returns without costs: the log-optimal weights are known (`optimum.log_optimal`).

    Args:
        mean: Expected daily returns, one per stock.
        vol: Their standard deviations.
        correlation: Between any two stocks, or a matrix.
        **options: Arguments of `PortfolioAllocation`.
    """
    return _make(GaussianMarket(mean, vol, correlation), options, window=10, fees=(0.0, 0.0, False))


def data(
    path: Any = None, columns: Any = "canonical", *, names: int | Sequence[str] | None = 10, index: Any = None,
    membership: Any = None, daily_limit: float | str | None = "board", dirty: str = "refuse", start: str | None = None,
    end: str | None = None, split: str | None = None, cuts: Sequence[str | float] = CUTS, embargo: int | None = None,
    window: int = 50, horizon: int | None = 128, frictions: bool = True, haircut: float = 0.0, **options: Any,
) -> PortfolioAllocation:  # fmt: skip
    """Daily bars of your own; without a path, those of a small made-up market that comes with the package.

    A seed picks the day on which a world begins. Names that are suspended, not listed yet, or no members on a day are
    not bought on it; delisted ones are sold at their last price less `haircut`.

    Args:
        path: Long table (CSV, .csv.gz, Parquet, a folder of them, a data frame) or `Panel`. Relative paths start from
            the folder in the environment variable SCENARIUM_DATA, where it is set.
        columns: What its columns mean; see `data.columns`.
        names: How many a world holds, drawn by its seed from the members of its first evening; which; or None for all.
        index: Closes of the index; this and the next five are those of `data.read_panel`.
        membership: Intervals of membership.
        daily_limit: Price limits where the data has none.
        dirty: "refuse" data with wrong rows, or "drop" these.
        start: First day to read.
        end: Last day to read.
        split: "train", "validate" or "test"; None for all days.
        cuts: Last day of train and of validation, dates or fractions of the days.
        embargo: Days after a boundary that nobody plays; a window by default.
        window: Past days an observation shows.
        horizon: Days played; None plays the part in one episode, from its first day to its last.
        frictions: Whether price limits bind too.
        haircut: Part of its last price that a delisted name loses.
        **options: Further arguments of `PortfolioAllocation`.

    Raises:
        ScenariumError: The data is wrong, or an argument is invalid.
    """
    reading = {"index": index, "membership": membership, "daily_limit": daily_limit, "dirty": dirty}
    panel = panel_of(path, columns=columns, start=start, end=end, **reading)
    first, last = part_of(panel.dates, split, cuts, window if embargo is None else embargo)
    days = last + 1 - max(first, window) if horizon is None else horizon
    market = PanelMarket(panel, names, (first, last), frictions, haircut)
    model = _make(market, options, features=FEATURES, window=window, horizon=days, frictions=True)
    market.starts(model.layout)
    return model
