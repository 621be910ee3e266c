"""The panel that comes with the package: a made-up market in the form in which real data comes.

`python -m scenarium.envs.portfolio.data.fixture` writes it anew: 13 names on 360 days of the synthetic market, with raw
prices to a cent, dividends and a split in adj_factor, suspensions, a name that enters, one that leaves the index, and
one that is delisted. No name, price or date in it is real.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from scenarium.envs.core import rng
from scenarium.envs.core.files import write_atomic
from scenarium.envs.core.namespace import NUMPY
from scenarium.envs.portfolio.calendar import day_number, day_text, trading_days
from scenarium.envs.portfolio.data.limits import limit_prices, reference_close
from scenarium.envs.portfolio.data.panel import Floats

SHIPPED = Path(__file__).resolve().with_name("shipped.csv")
SHIPPED_MEMBERS = Path(__file__).resolve().with_name("shipped_members.csv")
SHIPPED_LIMIT = 0.1

SEED, NAMES, DAYS, FIRST_DAY = 6, 13, 360, "2022-06-01"
ENTERS, LEAVES, DELISTED, SPLIT = (12, 120), (10, 200), (11, 280), (3, 150)
"""(name, day) of what happens."""
DIVIDENDS = 90
"""Days between a name's dividends, of 1 % each."""
_STREAM = 90


def rows(seed: int = SEED) -> Iterator[str]:
    """The lines of the panel, header first."""
    from scenarium.envs.portfolio.synthetic import SyntheticMarket

    rolled = SyntheticMarket(NAMES, suspensions=True).roll(seed, DAYS, NUMPY)
    u = rng.uniform_double(NUMPY, rng.words(rng.stream_key(seed, _STREAM), np.arange(2 * NAMES)))
    price, shares = np.exp(np.log(6.0) + 1.8 * u[:NAMES]), rolled.caps / rolled.caps.sum() * 9000.0
    shares = shares / price
    calendar = trading_days()
    dates = calendar[np.searchsorted(calendar, day_number(FIRST_DAY)) :][:DAYS]
    yield "date,symbol,open,high,low,close,volume,adj_factor,market_value,delist_date\n"
    names = [_name(rolled.bars, name, float(price[name])) for name in range(NAMES)]
    for day in range(DAYS):
        for name, lines in enumerate(names):
            if lines[day] is None:
                continue
            bar, volume, factor = lines[day]
            # Splits and dividends change the price of a share; the value of the firm is that of the first share.
            value = shares[name] * bar[3] * factor
            prices = ",".join(f"{one:.2f}" for one in bar)
            last = (name, day) == (DELISTED[0], DELISTED[1] - 6)
            gone = day_text(dates[DELISTED[1]]) if last else ""
            yield (
                f"{day_text(dates[day])},S{name + 1:02d},{prices},{100 * round(volume / bar[3])},{factor:.6g},"
                f"{value:.0f},{gone}\n"
            )


def _name(bars: Any, name: int, price: float) -> list[Any]:
    """A name's days: (open, high, low, close), traded value over price, factor; None where it has no row."""
    first = ENTERS[1] if name == ENTERS[0] else 0
    last = DELISTED[1] - 6 if name == DELISTED[0] else DAYS - 1
    lines: list[Any] = []
    close, factor = price, 1.0
    for day in range(DAYS):
        if day and (day + 7 * name) % DIVIDENDS == 0:
            factor *= 1.01
        if (name, day) == SPLIT:
            factor *= 2.0
        if not (first <= day <= last and bars.traded[day, name]):
            lines.append(None)
            continue
        before = _last_factor(lines, factor)
        reference = reference_close(np.array(close), np.array(before), np.array(factor))
        bar = _bar(bars, day, name, reference)
        close = float(bar[3])
        lines.append((bar, 2000.0 * np.exp(float(bars.volume[day, name])), float(f"{factor:.6g}")))
    return lines


def _last_factor(lines: Sequence[Any], factor: float) -> float:
    """The factor of the last day with a row."""
    return next((line[2] for line in reversed(lines) if line is not None), factor)


def _bar(bars: Any, day: int, name: int, reference: Floats) -> Floats:
    """Open, high, low and close to a cent, within the price limits."""
    start = float(reference) * float(np.exp(bars.overnight[day, name]))
    close = start * float(np.exp(bars.intraday[day, name]))
    high, low = (close * float(np.exp(part[day, name])) for part in (bars.high, bars.low))
    up, down = limit_prices(reference, np.array(SHIPPED_LIMIT))
    bar: Floats = np.clip(np.round([start, high, low, close], 2), down, up)
    bar[1], bar[2] = max(bar), min(bar)
    return bar


def member_rows() -> Iterator[str]:
    """The lines of the membership, header first."""
    calendar = trading_days()
    dates = calendar[np.searchsorted(calendar, day_number(FIRST_DAY)) :][:DAYS]
    yield "symbol,start,end\n"
    for name in range(NAMES):
        start = dates[LEAVES[1] + 1] if name == ENTERS[0] else dates[0]
        end = {LEAVES[0]: day_text(dates[LEAVES[1]]), DELISTED[0]: day_text(dates[DELISTED[1]])}.get(name, "")
        yield f"S{name + 1:02d},{day_text(start)},{end}\n"


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line of this module; see its first lines."""
    parser = argparse.ArgumentParser(description="Write the made-up panel that comes with the package.")
    parser.add_argument("--out", type=Path, default=SHIPPED.parent, help="folder")
    out = parser.parse_args(arguments).out
    write_atomic(out / SHIPPED.name, "".join(rows()))
    write_atomic(out / SHIPPED_MEMBERS.name, "".join(member_rows()))


if __name__ == "__main__":
    main()
