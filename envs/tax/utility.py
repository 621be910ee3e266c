"""What workers and planner want: utility of coin and labor, equality, productivity and social welfare.

All in float64, workers on the first axis.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from scenarium.envs.core.namespace import Array, Namespace
from scenarium.envs.tax.parameters import Parameters

Objective = Callable[[Array, Array, Parameters, Namespace], Array]
"""A planner's objective `(wealth [n], utility [n], parameters, xp) -> []`."""


def utility(wealth: Array, labor: Array, parameters: Parameters, xp: Namespace) -> Array:
    """Isoelastic utility of coin less the cost of labor: (C^(1 - eta) - 1) / (1 - eta) - k L; log C at eta = 1.

    Args:
        wealth: Coin in hand and in bids, [n] or [n, B].
        labor: Labor so far, of the same shape.
        parameters: eta, labor_cost and labor_scale.
        xp: Namespace.
    """
    cost = labor * (parameters.labor_cost * parameters.labor_scale)
    power = 1.0 - parameters.eta
    if power == 0.0:
        return xp.log(xp.maximum(wealth, 1e-9)) - cost
    if power < 0.0:
        wealth = xp.maximum(wealth, 1e-9)
    return (wealth**power - 1.0) * (1.0 / power) - cost


def productivity(wealth: Array, xp: Namespace) -> Array:
    """All coin there is."""
    return xp.total(wealth, 0)


def equality(wealth: Array, xp: Namespace) -> Array:
    """One minus the Gini index scaled to [0, 1] by n / (n - 1); 1 where nobody has anything.

    The sum of |c_i - c_j| over ordered pairs, exact for every n. (Foundation turns to another formula at n >= 30.)
    """
    n = wealth.shape[0]
    spread = 0.0
    for shift in range(1, n // 2 + 1):
        # The pairs (i, i + shift) around the circle are all pairs once; at half way round, twice.
        rolled = xp.concat([wealth[shift:], wealth[:shift]], 0)
        spread = spread + xp.total(abs(wealth - rolled), 0) * (1.0 if 2 * shift == n else 2.0)
    gini = spread / (2.0 * n * xp.total(wealth, 0) + 1e-10)
    return 1.0 - gini * (n / (n - 1.0))


def _eq_prod(wealth: Array, utilities: Array, parameters: Parameters, xp: Namespace) -> Array:
    weight = parameters.equality_weight
    mixed = weight * equality(wealth, xp) + (1.0 - weight)
    return mixed * productivity(wealth, xp) * (1.0 / wealth.shape[0])


def _weighted(values: Array, wealth: Array, xp: Namespace) -> Array:
    """Mean of `values` with weights 1 / max(C, 1)."""
    weights = 1.0 / xp.maximum(wealth, 1.0)
    return xp.total(weights * values, 0) / xp.total(weights, 0)


def _iiw_utility(wealth: Array, utilities: Array, parameters: Parameters, xp: Namespace) -> Array:
    return _weighted(utilities, wealth, xp)


def _iiw_coin(wealth: Array, utilities: Array, parameters: Parameters, xp: Namespace) -> Array:
    return _weighted(wealth, wealth, xp)


def _utilitarian(wealth: Array, utilities: Array, parameters: Parameters, xp: Namespace) -> Array:
    return xp.total(utilities, 0) * (1.0 / wealth.shape[0])


def _rawlsian(wealth: Array, utilities: Array, parameters: Parameters, xp: Namespace) -> Array:
    return xp.smallest(utilities, 0)


OBJECTIVES: Mapping[str, Objective] = {
    "eq_prod": _eq_prod,
    "iiw_utility": _iiw_utility,
    "iiw_coin": _iiw_coin,
    "utilitarian": _utilitarian,
    "rawlsian": _rawlsian,
}
"""The planner's objectives: equality times productivity per worker (mixed by `equality_weight`), utility or coin
weighted by inverse income, mean utility, and the least utility."""
