"""Daily price limits of Chinese exchanges, by board and date.

10 % on the main boards and 5 % for names under special treatment there; 20 % on STAR (codes 688 and 689), and on
ChiNext (300 to 302) from 2020-08-24, when its registration system began; 30 % in Beijing. No limits on the first five
days of a name on STAR, on ChiNext since then, and on the main boards since 2023-04-10, and on the first day in Beijing
(trading rules of the Shanghai, Shenzhen and Beijing exchanges). A limit price is the previous close times 1 +- limit,
rounded to a cent.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.portfolio.calendar import day_number
from scenarium.envs.portfolio.data.columns import is_a_share

Floats = npt.NDArray[np.float64]

CHINEXT_20 = "2020-08-24"
MAIN_FREE_START = "2023-04-10"
FREE_DAYS = 5
_JITTER = 5e-4
"""Factors rebuilt from rounded returns move by less than this without an event."""


def limit_rates(
    symbols: Sequence[str], dates: npt.NDArray[np.int32], special: Floats, daily_limit: float | str | None
) -> Floats:
    """The largest move of a day, as a fraction of the previous close.

    Args:
        symbols: N names.
        dates: T days.
        special: 1.0 under special treatment [T, N].
        daily_limit: One for all names; "board" for that of the board (names that are no Chinese codes have none); or
            None for none.

    Returns:
        [T, N], NaN where there is no limit.

    Raises:
        ScenariumError: `daily_limit` is none of these.
    """
    if daily_limit is None:
        return np.full(special.shape, np.nan)
    if isinstance(daily_limit, str):
        if daily_limit != "board":
            raise ScenariumError(f"daily_limit is {daily_limit!r}; use 'board', a fraction such as 0.1, or None")
        return np.stack([_board(name, dates, special[:, i]) for i, name in enumerate(symbols)], 1)
    if not 0.0 < daily_limit < 1.0:
        raise ScenariumError(f"daily_limit is {daily_limit}; a fraction of the previous close must be in (0, 1)")
    return np.full(special.shape, float(daily_limit))


def _board(symbol: str, dates: npt.NDArray[np.int32], special: Floats) -> Floats:
    if not is_a_share(symbol):
        return np.full(len(dates), np.nan)
    if symbol.endswith("BJ"):
        return np.full(len(dates), 0.30)
    if symbol.startswith(("688", "689")):
        return np.full(len(dates), 0.20)
    main = np.where(special > 0.5, 0.05, 0.10)
    if symbol.startswith(("300", "301", "302")):
        return np.where(dates >= day_number(CHINEXT_20), 0.20, main)
    return main


def free_days(
    symbols: Sequence[str], dates: npt.NDArray[np.int32], first: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Days on which a new name has no limits, [T, N].

    Args:
        symbols: N names.
        dates: T days.
        first: Each name's first row; a name that is there from row 0 on is not new.
    """
    rows = np.arange(len(dates))[:, None]
    beijing = np.array([name.endswith(".BJ") for name in symbols])
    young = (rows >= first) & (rows < first + np.where(beijing, 1, FREE_DAYS)) & (first > 0)
    start = dates[np.minimum(first, len(dates) - 1)]
    tech = np.array([name.startswith(("688", "689", "300", "301", "302")) for name in symbols])
    since = np.where(tech, day_number(CHINEXT_20), day_number(MAIN_FREE_START))
    star = np.array([name.startswith(("688", "689")) for name in symbols])
    china = np.array([is_a_share(name) for name in symbols])
    free: npt.NDArray[np.bool_] = young & china & (star | beijing | (start >= since))
    return free


def limit_prices(reference: Floats, rate: Floats) -> tuple[Floats, Floats]:
    """Upper and lower limit prices of a day, from what its moves are measured from."""

    def cents(price: Floats) -> Floats:
        return np.floor(price * 100.0 + 0.5 + 1e-6) / 100.0

    return cents(reference * (1.0 + rate)), cents(reference * (1.0 - rate))


def reference_close(close: Floats, factor: Floats, factor_now: Floats) -> Floats:
    """The previous close less what has gone ex, to a cent.

    Args:
        close: Last close.
        factor: Adjustment factor then.
        factor_now: Adjustment factor of the day.
    """
    ratio = factor / factor_now
    ratio = np.where(np.abs(ratio - 1.0) < _JITTER, 1.0, ratio)
    return np.round(close * ratio, 2)
