"""A small panel made by hand: few names, many events."""

from __future__ import annotations

import numpy as np

from scenarium.envs.portfolio.calendar import day_number, trading_days
from scenarium.envs.portfolio.data.panel import Panel


def small_panel(names=4, days=40, seed=1, **changes):
    """Random bars within 3 % a day, nothing suspended, no limits; `changes` replace arrays."""
    calendar = trading_days()
    dates = calendar[np.searchsorted(calendar, day_number("2023-07-03")) :][:days]
    random = np.random.default_rng(seed)
    moves = 1.0 + random.uniform(-0.03, 0.03, (days, names))
    close = 10.0 * np.cumprod(moves, axis=0)
    start = close / (1.0 + random.uniform(-0.02, 0.02, (days, names)))
    nothing = np.full((days, names), np.nan)
    arrays = {
        "open": start, "high": np.maximum(start, close) * 1.01, "low": np.minimum(start, close) * 0.99, "close": close,
        "volume": random.uniform(1e4, 1e5, (days, names)), "factor": np.ones((days, names)), "limit_up": nothing,
        "limit_down": nothing, "member": np.ones((days, names), dtype=bool), "gone": np.full(names, days),
    }  # fmt: skip
    symbols = tuple(f"N{i}" for i in range(names))
    return Panel(**{"dates": dates.astype(np.int32), "symbols": symbols, **arrays, **changes})


def without(panel, day, name):
    """The arrays of a panel in which a name does not trade on some days."""
    arrays = {}
    for what in ("open", "high", "low", "close", "volume", "factor"):
        values = getattr(panel, what).copy()
        values[day, name] = np.nan
        arrays[what] = values
    return arrays
