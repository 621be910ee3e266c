"""Which column of a file means what: one mapping, and the mappings of four common sources.

A mapping is a `Columns`, the name of a preset, or a dict that changes one, as YAML and JSON give it::

    columns="tushare"
    columns={"preset": "tushare", "adj_factor": "factor"}
    columns={"date": "day", "symbol": "ticker", "prices": "comparable"}

What a source leaves out of its main table (tushare's and akshare's adjustment factors) is joined on before, under the
name the preset gives it, or derived from the exchange's previous close.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from scenarium.envs.core.errors import ScenariumError, unknown_name

TEXTS = ("symbol", "industry")
DATES = ("date", "list_date", "delist_date")
PRICES = ("open", "high", "low", "close")
NUMBERS = (
    *PRICES, "volume", "amount", "adj_factor", "previous_close", "change", "trading", "special", "limit_up",
    "limit_down", "market_value",
)  # fmt: skip
FIELDS = (*DATES, *TEXTS, *NUMBERS)
"""What a row may say. Prices are in money per share, volume in shares, amount in money.

previous_close is what the exchange measures the day's move from (the close of the day before, less what has gone ex);
change is the close less that; trading is 0 for a suspended day; special is 1 for names under special treatment, whose
price limit is 5 %; market_value, in any unit, gives the index its weights.
"""
NEEDED = ("date", *PRICES, "volume")
KINDS = ("raw", "times_factor", "comparable")


@dataclass(frozen=True)
class Columns:
    """The columns of a file.

    Raises:
        ScenariumError: A field or a setting is unknown.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    """The file's name for a field of `FIELDS`; a field that is not here has its own name. A column that the file does
    not have is a field that is not known, which `NEEDED` ones must be."""
    volume_unit: float = 1.0
    """Shares per unit of the file's volume: 100 for lots."""
    amount_unit: float = 1.0
    """Money per unit of the file's amount."""
    prices: str = "raw"
    """"raw"; "times_factor", prices were multiplied by adj_factor and volume divided by it; or "comparable", prices
    without splits and dividends in them, which need no factor and allow no price limits."""
    a_shares: bool = False
    """Whether symbols must be Chinese codes: six digits, with or without an exchange."""
    must: Mapping[str, str] = field(default_factory=dict)
    """Columns of the file that must hold a value in every row."""

    def __post_init__(self) -> None:
        for name in self.names:
            if name not in FIELDS:
                raise unknown_name("field", name, FIELDS)
        if self.prices not in KINDS:
            raise ScenariumError(f"prices {self.prices!r} is unknown; use one of {', '.join(KINDS)}")
        if not (self.volume_unit > 0.0 and self.amount_unit > 0.0):
            raise ScenariumError(f"units are {self.volume_unit} and {self.amount_unit}; both must be positive")

    def name_of(self, what: str) -> str:
        """The file's name for a field."""
        return self.names.get(what, what)


PRESETS: dict[str, Columns] = {
    "canonical": Columns(),
    # stock_zh_a_hist(adjust=""): volume in lots; join the "hfq-factor" of stock_zh_a_daily on as hfq_factor.
    "akshare": Columns(
        {
            "date": "日期", "symbol": "股票代码", "open": "开盘", "high": "最高", "low": "最低", "close": "收盘",
            "volume": "成交量", "amount": "成交额", "change": "涨跌额", "adj_factor": "hfq_factor",
        },
        volume_unit=100.0,
        a_shares=True,
    ),
    # query_history_k_data_plus(adjustflag="3"): everything is text, volume in shares, suspended days have rows.
    "baostock": Columns(
        {"symbol": "code", "previous_close": "preclose", "trading": "tradestatus", "special": "isST"},
        a_shares=True,
        must={"adjustflag": "3"},
    ),
    # daily(): volume in lots, amount in thousands; join adj_factor(), stk_limit() and daily_basic() on where wanted.
    "tushare": Columns(
        {
            "date": "trade_date", "symbol": "ts_code", "volume": "vol", "previous_close": "pre_close",
            "limit_up": "up_limit", "limit_down": "down_limit", "market_value": "circ_mv",
        },
        volume_unit=100.0,
        amount_unit=1000.0,
        a_shares=True,
    ),
    # The CSV files that are dumped to bin: prices times factor, volume over factor. Its own "change" is a ratio.
    "qlib": Columns({"adj_factor": "factor", "change": "change_in_money"}, prices="times_factor"),
}  # fmt: skip
"""The mappings by name. Sources: akshare's and tushare's pages of these interfaces, the wiki of baostock.com, and
`scripts/data_collector` of microsoft/qlib."""


def columns_of(given: str | Mapping[str, Any] | Columns) -> Columns:
    """A mapping from whatever it is named by.

    Args:
        given: A preset's name; a `Columns`; or a dict of fields and settings, on top of "preset" if it has one.

    Raises:
        ScenariumError: A name is unknown.
    """
    if isinstance(given, Columns):
        return given
    if isinstance(given, str):
        if given not in PRESETS:
            raise unknown_name("columns preset", given, PRESETS)
        return PRESETS[given]
    rest = dict(given)
    base = columns_of(str(rest.pop("preset", "canonical")))
    settings = {name: rest.pop(name) for name in ("volume_unit", "amount_unit", "prices", "a_shares", "must", "names")
                if name in rest}  # fmt: skip
    names = {**base.names, **settings.pop("names", {}), **{name: str(column) for name, column in rest.items()}}
    return replace(base, names=names, **settings)


_EXCHANGES = {"SH": "SH", "SZ": "SZ", "BJ": "BJ", "SS": "SH", "XSHG": "SH", "XSHE": "SZ"}
_CODE_FIRST = re.compile(r"(\d{6})\.([A-Za-z]{2,4})")
_EXCHANGE_FIRST = re.compile(r"([A-Za-z]{2})\.?(\d{6})")


def symbol_of(text: str) -> str:
    """A symbol in the one form the suite uses: "600000.SH" for Chinese codes, others as they are.

    Takes "600000.SH", "sh.600000", "SH600000", "600000.XSHG" and "600000"; six digits alone say their exchange by the
    first one.
    """
    text = text.strip()
    if match := _CODE_FIRST.fullmatch(text):
        code, exchange = match.groups()
    elif match := _EXCHANGE_FIRST.fullmatch(text):
        exchange, code = match.groups()
    elif re.fullmatch(r"\d{6}", text):
        first = "BJ" if text.startswith("92") else text[0]
        code, exchange = text, {"6": "SH", "9": "SH", "0": "SZ", "2": "SZ", "3": "SZ"}.get(first, "BJ")
    else:
        return text
    known = _EXCHANGES.get(exchange.upper())
    return f"{code}.{known}" if known else text


def is_a_share(symbol: str) -> bool:
    """Whether a symbol in the suite's form is a Chinese code."""
    return re.fullmatch(r"\d{6}\.(SH|SZ|BJ)", symbol) is not None
