#: # Backtest on your own prices
#:
#: A long table with a row per date and symbol is all it takes: CSV or Parquet, raw prices with an adjustment factor
#: beside them. Here a made-up market is written to a file, so that the tutorial runs anywhere.

import csv
import random
from datetime import date, timedelta
from pathlib import Path

import scenarium
from scenarium.agents import HDPO

random.seed(0)
days = [day for n in range(560) if (day := date(2022, 1, 3) + timedelta(n)).weekday() < 5]
prices = Path("prices.csv").absolute()
with prices.open("w", newline="", encoding="utf-8") as file:
    table = csv.writer(file)
    table.writerow(["date", "symbol", "open", "high", "low", "close", "volume", "adj_factor"])
    for name in range(8):
        close = 20.0
        for day in days:
            start = close * (1.0 + random.gauss(0.0, 0.006))
            end = start * (1.0 + random.gauss(0.0004, 0.013))
            high, low = max(start, end) * 1.003, min(start, end) * 0.997
            row = [round(x, 3) for x in (start, high, low, end)]
            table.writerow([day, f"NAME{name}", *row, 1_000_000, 1.0])
            close = row[3]

#: Look at it first. A row that cannot be right would be named here with its line, and what would be right.

from scenarium.envs.portfolio.data import read_panel

panel = read_panel(prices)
print(len(panel.dates), "days of", len(panel.symbols), "names, sha256", panel.sha256[:16])

#: Days are cut into a part to train on, one to validate and one to test. An embargo after each cut keeps what one part
#: shows from what another played. HDPO learns from worlds that begin on random days of the training part.

market = {"path": str(prices), "names": None, "window": 20, "cuts": (0.6, 0.8)}
agent = HDPO(
    "PortfolioAllocationData-v0", policy="shared", seed=0, env_kwargs={**market, "split": "train", "horizon": 40}
).learn(20_000)

#: A backtest is one path over the whole test part: no restarts, no exploration, every cost paid.

policies = {"HDPO": agent, "risk parity": "risk_parity", "buy and hold": "buy_and_hold"}
report = scenarium.backtest(policies, "PortfolioAllocationData-v0", split="test", against="equal_weight", **market)
print(report.table())

#: The same as a page with pictures, the figures as JSON, and the series as CSV:

report.write("backtest")
print("open backtest/index.html")

#: Prices like these are noise, so nothing should beat 1/N by more than its interval, and the deflated Sharpe ratio says
#: how little a good-looking figure means after several strategies were tried.
