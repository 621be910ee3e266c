"""FinRL's two portfolio environments, from a checkout, on bars of our synthetic market."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

from scenarium.envs.core.namespace import NUMPY
from scenarium.envs.portfolio.calendar import trading_days
from scenarium.envs.portfolio.synthetic import SyntheticMarket

DAYS, LOOKBACK, WINDOW = 700, 60, 50
INDICATORS = ("macd", "rsi_30", "cci_30", "dx_30")
OPTIMIZATION = "finrl/meta/env_portfolio_optimization/env_portfolio_optimization.py"
ALLOCATION = "finrl/meta/env_portfolio_allocation/env_portfolio.py"


class Unseeded(gymnasium.Wrapper[Any, Any, Any, Any]):
    """An environment whose `reset` takes no seed."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Resets without a seed."""
        return self.env.reset()


def finrl(clone: Path, names: int) -> Iterator[tuple[str, Any]]:
    """Both environments with their names.

    Args:
        clone: Checkout of AI4Finance-Foundation/FinRL.
        names: Number of stocks.
    """
    # One of them imports the old gym, and a library that draws at the end of an episode, which is never reached.
    stand_in = types.ModuleType("quantstats")
    for name, module in (("gym", gymnasium), ("gym.spaces", gymnasium.spaces), ("gym.utils", gymnasium.utils)):
        sys.modules.setdefault(name, module)
    sys.modules.setdefault("quantstats", stand_in)
    bars = _bars(names)
    with contextlib.redirect_stdout(io.StringIO()):
        made = _load(clone, OPTIMIZATION).PortfolioOptimizationEnv(
            bars, 1e6, comission_fee_pct=0.0025, time_window=WINDOW, new_gym_api=True
        )
    yield "FinRL PortfolioOptimizationEnv", Unseeded(made)
    frame = _with_covariances(bars, names)
    yield (
        "FinRL StockPortfolioEnv",
        _load(clone, ALLOCATION).StockPortfolioEnv(frame, names, 100, 1e6, 0.001, 1e-4, names, names, list(INDICATORS)),
    )


def _load(clone: Path, path: str) -> Any:
    spec = importlib.util.spec_from_file_location(Path(path).stem, clone / path)
    if spec is None or spec.loader is None or not (clone / path).is_file():
        raise SystemExit(f"{clone} has no {path}; see the first lines of portfolio_speed.py for what to clone")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _bars(names: int) -> Any:
    """A long table of date, tic, close, high and low, as FinRL takes it."""
    import pandas as pd

    bars = SyntheticMarket(names).roll(0, DAYS, NUMPY).bars
    close = np.cumsum(np.asarray(bars.overnight + bars.intraday, np.float64), 0)
    dates = pd.to_datetime(trading_days()[:DAYS].astype("datetime64[D]"))
    columns = {"close": close, "high": close + bars.high, "low": close + bars.low}
    grid = {name: 10.0 * np.exp(levels).ravel() for name, levels in columns.items()}
    tics = [f"T{i:02d}" for i in range(names)]
    return pd.DataFrame({"date": np.repeat(dates, names), "tic": tics * DAYS, **grid})


def _with_covariances(bars: Any, names: int) -> Any:
    """The table by day number, with covariances of past returns and indicators of the right shape."""
    closes = bars["close"].to_numpy().reshape(-1, names)
    returns = closes[1:] / closes[:-1] - 1.0
    past = [np.cov(returns[day - LOOKBACK : day].T) for day in range(LOOKBACK, len(closes))]
    frame = bars.iloc[LOOKBACK * names :].copy()
    for i, name in enumerate(INDICATORS):
        frame[name] = np.random.default_rng(i).normal(size=len(frame))
    frame["cov_list"] = [matrix for matrix in past for _ in range(names)]
    frame.index = np.repeat(np.arange(len(past)), names)
    return frame
