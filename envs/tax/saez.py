"""Saez's optimal income tax as the published code computes it from a sample of incomes.

Saez, "Using elasticities to derive optimal income tax rates", Review of Economic Studies 68 (2001): the marginal rate
at income z is (1 - G(z)) / (1 - G(z) + a(z) e), where G is the mean welfare weight of those who earn more, a the local
Pareto parameter and e the elasticity of income with respect to the net-of-tax rate. Incomes are binned as in Foundation
1.7.1: 100 equal bins up to the last cutoff and one above; bins without incomes are interpolated.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from scenarium.envs.core.errors import ScenariumError

Floats = np.ndarray[Any, np.dtype[np.float64]]
TopRule = Literal["foundation", "last"]
BINS = 100
_TINY = 1e-9


def _weights(incomes: Floats, kind: str) -> Floats:
    """Welfare weights by income: inverse, or the same for all."""
    if kind not in ("inverse_income", "uniform"):
        raise ScenariumError(f"welfare weights {kind!r} are unknown; use 'inverse_income' or 'uniform'")
    return 1.0 / np.maximum(1.0, incomes) if kind == "inverse_income" else np.ones_like(incomes)


def _from_above(x: Floats) -> Floats:
    """Sums from each entry to the last."""
    return np.cumsum(x[::-1])[::-1]


def saez_rates(
    incomes: Sequence[float] | Floats,
    elasticity: float,
    cutoffs: Sequence[float],
    *,
    cap: float = 1.0,
    weights: str = "inverse_income",
    top: TopRule = "foundation",
) -> Floats:
    """Marginal rate of each bracket, [brackets].

    Args:
        incomes: A sample of incomes; negative ones belong to no bin.
        elasticity: Of income with respect to one minus the marginal rate, >= 0.
        cutoffs: Lower ends of the brackets, the first 0.
        cap: Highest rate.
        weights: "inverse_income" (1 / max(z, 1)) or "uniform".
        top: What to do when nobody earns more than the last cutoff: "foundation" takes a Pareto parameter of 0, which
            gives a top rate of 100 % and pulls the rates below it up; "last" carries the rate of the highest bin with
            incomes on.

    Raises:
        ScenariumError: There are no incomes, or an argument is unknown.
    """
    z = np.asarray(incomes, np.float64)
    if z.size == 0:
        raise ScenariumError("saez_rates needs at least one income")
    if top not in ("foundation", "last"):
        raise ScenariumError(f"top rule {top!r} is unknown; use 'foundation' or 'last'")
    edges = np.linspace(0.0, cutoffs[-1], BINS + 1)
    counts, _ = np.histogram(z, edges)
    share = _weight_above(z, counts, edges, weights)
    pareto = _pareto(z, counts, edges)
    rates = (1.0 - share) / (1.0 - share + pareto * elasticity + _TINY)
    if top == "last" and not (z > edges[-1]).any():
        rates[-1] = np.nan
    return np.clip(_bracket_means(_fill(rates), edges, cutoffs), 0.0, cap)


def _weight_above(z: Floats, counts: Any, edges: Floats, kind: str) -> Floats:
    """Mean welfare weight, relative to the population's, of those in each bin or above, [bins + 1]."""
    below, above = z[z < edges[0]], z[z > edges[-1]]
    middle = counts * _weights(0.5 * (edges[:-1] + edges[1:]), kind)
    weight = np.append(middle, _weights(above, kind).sum())
    total = weight.sum() + _weights(np.maximum(below, 0.0), kind).sum() + _TINY
    probability = np.append(counts, len(above)) / len(z)
    share = _from_above(weight / total) / (_from_above(probability) + _TINY)
    return np.append(0.5 * (share[:-1] + share[1:]), share[-1])


def _pareto(z: Floats, counts: Any, edges: Floats) -> Floats:
    """Local Pareto parameter of each bin, NaN where nobody is, and of all above (0 if nobody is), [bins + 1]."""
    above = z[z > edges[-1]]
    probability = counts / len(z)
    # Incomes are taken to lie evenly in their bin, so half of it is above its middle.
    at_least = np.clip((z > edges[-1]).mean() + _from_above(probability) - 0.5 * probability, 0.0, 1.0)
    centre = 0.5 * (edges[:-1] + edges[1:])
    local = centre * probability / (at_least + _TINY) / np.diff(edges)
    local[counts == 0] = np.nan
    top = above.mean() / (above.mean() - edges[-1] + _TINY) if len(above) else 0.0
    return np.append(local, top)


def _fill(rates: Floats) -> Floats:
    """Straight lines over gaps, from 0 before the first bin; the last known rate goes on to the end."""
    known = np.flatnonzero(~np.isnan(rates))
    if not len(known):
        return np.zeros_like(rates)
    filled = np.interp(np.arange(len(rates)), np.append(-1, known), np.append(0.0, rates[known]))
    return np.asarray(filled, np.float64)


def _bracket_means(rates: Floats, edges: Floats, cutoffs: Sequence[float]) -> Floats:
    """Mean rate over each bracket; the top bracket has the rate of the open bin."""
    sizes = np.diff(edges)
    ends = np.asarray(cutoffs[1:], np.float64)
    paid = (rates[:-1] * np.minimum(sizes, np.maximum(0.0, ends[:, None] - edges[:-1]))).sum(1)
    return np.append(np.diff(np.append(0.0, np.maximum(paid, 0.0))) / np.diff(cutoffs), rates[-1])


def estimate_elasticity(
    incomes: Sequence[float] | Floats, marginal_rates: Sequence[float] | Floats, before: float = 0.5, keep: float = 0.98
) -> float:
    """Elasticity of income by least squares of log income on log(1 - marginal rate), smoothed.

    Args:
        incomes: Of past tax periods.
        marginal_rates: The rate each of them faced.
        before: The estimate so far, kept where there are under ten usable samples or the rates do not vary.
        keep: Weight of the estimate so far.
    """
    z, tau = np.asarray(incomes, np.float64), np.asarray(marginal_rates, np.float64)
    usable = (z > 0.0) & (tau < 1.0)
    if usable.sum() < 10 or np.std(tau[usable]) < 1e-6:
        return before
    x, y = np.log(np.maximum(1.0 - tau[usable], _TINY)), np.log(z[usable])
    slope = float(np.polyfit(x, y, 1)[0])
    return keep * before + (1.0 - keep) * max(0.0, slope)
