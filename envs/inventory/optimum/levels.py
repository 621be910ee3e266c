"""The newsvendor's order-up-to level under the usual laws of demand."""

from __future__ import annotations

import math

from scenarium.envs.core.errors import ScenariumError, unknown_name
from scenarium.envs.inventory.optimum.newsvendor import check_costs, check_moments, check_whole

LAWS = ("normal", "poisson", "negative_binomial")


def newsvendor_level(
    lead_time: int,
    underage: float,
    holding: float = 1.0,
    *,
    mean: float,
    std: float | None = None,
    law: str = "normal",
) -> float:
    """S = F_{L+1}^-1(p / (p + h)), F_m the law of the demand of m independent periods, units.

    Optimal with backlog; with lost sales it is an upper bound on the best base-stock level.

    Args:
        lead_time: L >= 0, periods.
        underage: p, cost per unit short.
        holding: h, cost per unit held and period.
        mean: Mean demand of a period, units.
        std: Its standard deviation; Poisson demand needs none, negative binomial demand more than sqrt(mean).
        law: One of `LAWS`.

    Raises:
        ScenariumError: The law is unknown, or an argument is out of range or does not fit the law.
    """
    check_whole("lead time", lead_time, 0)
    check_costs(underage, holding)
    fraction, periods = underage / (underage + holding), lead_time + 1
    if law not in LAWS:
        raise unknown_name("demand law", law, LAWS)
    spread = _spread(law, mean, std)
    if law == "normal":
        from scipy.special import ndtri

        return float(mean * periods + ndtri(fraction) * spread * math.sqrt(periods))
    from scipy import stats

    if law == "poisson":
        return float(stats.poisson.ppf(fraction, mean * periods))
    # A sum of periods keeps the success probability and adds the sizes.
    size = mean * mean / (spread * spread - mean)
    return float(stats.nbinom.ppf(fraction, size * periods, mean / (spread * spread)))


def _spread(law: str, mean: float, std: float | None) -> float:
    if law == "normal":
        if std is None:
            raise ScenariumError("normal demand needs std")
        check_moments(mean, std)
        return std
    if not (math.isfinite(mean) and mean > 0.0):
        raise ScenariumError(f"mean demand is {mean}; {law} demand needs a positive mean")
    least = math.sqrt(mean)
    if law == "poisson":
        if std is not None and not math.isclose(std, least, rel_tol=1e-6):
            raise ScenariumError(f"std is {std}; Poisson demand of mean {mean} has {least:.6g}")
        return least
    if std is None or not (math.isfinite(std) and std > least):
        raise ScenariumError(f"std is {std}; negative binomial demand of mean {mean} needs more than {least:.6g}")
    return std
