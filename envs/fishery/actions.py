"""What an action means: a fraction to take, or a stock to leave."""

from __future__ import annotations

from collections.abc import Mapping

from scenarium.envs.core.namespace import Array, Namespace
from scenarium.envs.fishery.dynamics import Stocks

ACTION_MODES: Mapping[str, float] = {"mortality": 1.0, "escapement": 1.5}
"""Action modes and their greatest value; stocks hardly ever exceed 1.5."""


def kept(stocks: Stocks, action: Array, mode: str, harvested: int, xp: Namespace) -> tuple[Stocks, Stocks]:
    """What stays in the sea and what is taken.

    Args:
        stocks: One component per species.
        action: [harvested], or [B, harvested] in a batch; values outside the action space count as its nearest.
        mode: "mortality" or "escapement".
        harvested: How many species, the first ones, are fished: 1 or 2.
        xp: Namespace of the stocks.

    Returns:
        Post-harvest stocks of all species, and the harvest of the fished ones.
    """
    wanted = xp.unstack(action, -1) if xp.batched else action
    x = stocks[0]
    if mode == "mortality":
        taken = x * xp.minimum(xp.maximum(wanted[0], 0.0), 1.0)
        left = x - taken
    else:
        left = xp.minimum(x, xp.maximum(wanted[0], 0.0))
        taken = x - left
    if harvested == 1:
        return (left, *stocks[1:]), (taken,)
    y = stocks[1]
    if mode == "mortality":
        other_taken = y * xp.minimum(xp.maximum(wanted[1], 0.0), 1.0)
        other_left = y - other_taken
    else:
        other_left = xp.minimum(y, xp.maximum(wanted[1], 0.0))
        other_taken = y - other_left
    return (left, other_left, stocks[2]), (taken, other_taken)
