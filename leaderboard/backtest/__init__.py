"""Backtests of portfolio policies: played, measured with intervals, drawn, and written as one folder.

`scenarium backtest PortfolioAllocation-v0 minimum_variance risk_parity --out runs/backtest` from the command line.
"""

from scenarium.leaderboard.backtest.result import Backtest, backtest

__all__ = ["Backtest", "backtest"]
