"""A panel as the bars of a market: returns and flags."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from scenarium.envs.portfolio.data.panel import Floats, Panel, carry
from scenarium.envs.portfolio.market import Bars

FORCED = 2.0
"""In place of 1.0 where a name can be sold: it is, because it is delisted."""
_HALF_TICK = 0.005
_USUAL = 60  # days over which volume is usual


def bars_of(panel: Panel, price_limits: bool = True, haircut: float = 0.0) -> Bars:
    """Bars of all names, float64 [T + 1, N]; the last row is a day on which nothing trades.

    A day without a trade has returns of 0. The first day after a suspension carries the whole jump in its overnight
    part, and a name's first day has none. A name can be bought from its second day on, while it is a member.

    Args:
        panel: As read.
        price_limits: Whether a close or an open at a price limit stops trading.
        haircut: Part of the last price that is lost on delisting.
    """
    traded, close = panel.traded, panel.close
    adjusted = close * panel.factor
    before = np.concatenate([np.full((1, panel.names), np.nan), carry(adjusted)[:-1]])
    overnight = _log(panel.open * panel.factor / before)
    exits = (np.arange(panel.days)[:, None] == panel.gone) & (panel.first < panel.gone)
    overnight = np.where(exits, np.log1p(-haircut), overnight)
    one = traded.astype(np.float64)
    tick = _HALF_TICK
    free: list[npt.NDArray[Any]] = [np.ones_like(one)] * 4
    if price_limits:
        up, down = np.where(np.isnan(panel.limit_up), np.inf, panel.limit_up), np.nan_to_num(panel.limit_down, nan=-1.0)
        free = [(panel.open < up - tick), (panel.open > down + tick), (close < up - tick), (close > down + tick)]
        free = [np.where(traded, flag, True) for flag in free]
    may_buy = panel.member & panel.listed & (np.arange(panel.days)[:, None] > panel.first)
    open_below, open_above, close_below, close_above = free
    parts = (
        overnight, _log(close / panel.open), _log(panel.high / close), _log(panel.low / close), _unusual(panel),
        one, open_below * may_buy, open_above, close_below * (panel.member & panel.listed), close_above,
    )  # fmt: skip
    return Bars(*(_padded(np.asarray(part, np.float64)) for part in parts))


def _log(ratio: Floats) -> Floats:
    """The log, 0 where there is no ratio."""
    logs: Floats = np.log(np.where(np.isnan(ratio), 1.0, ratio))
    return logs


def _unusual(panel: Panel) -> Floats:
    """Log of volume (shares as they count today, so that splits do not show) over its mean of the last 60 trades."""
    out = np.zeros_like(panel.close)
    for name in range(panel.names):
        rows = np.flatnonzero(panel.traded[:, name])
        volume = np.log(panel.volume[rows, name] / panel.factor[rows, name])
        total = np.concatenate([[0.0], np.cumsum(volume)])
        count = np.minimum(np.arange(1, len(rows) + 1), _USUAL)
        ends = np.arange(1, len(rows) + 1)
        out[rows, name] = volume - (total[ends] - total[ends - count]) / count
    return out


def _padded(values: Floats) -> Floats:
    return np.concatenate([values, np.zeros_like(values[:1])])
