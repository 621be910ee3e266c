"""One mapping for every source: the same five rows in four dialects are the same panel."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from scenarium.envs import ScenariumError
from scenarium.envs.portfolio.data import PRESETS, Columns, read_panel
from scenarium.envs.portfolio.data.columns import columns_of, symbol_of

DATA = Path(__file__).with_name("data")
SOURCES = ("akshare", "baostock", "tushare", "qlib")
CLOSE = [[19.8, 10.2], [np.nan, 10.4], [np.nan, 5.3]]
VOLUME = [[54300, 123400], [np.nan, 98700], [np.nan, 210000]]


@pytest.mark.parametrize("source", SOURCES)
def test_five_rows_of_each_source(source):
    panel = read_panel(DATA / f"{source}.csv", source)
    assert panel.symbols == ("000002.SZ", "600001.SH")
    assert panel.span() == "2024-03-04 to 2024-03-06"
    np.testing.assert_allclose(panel.close, CLOSE, rtol=1e-9)
    np.testing.assert_allclose(panel.volume, VOLUME, rtol=1e-9)
    np.testing.assert_allclose(panel.high[:, 1], [10.4, 10.5, 5.4], rtol=1e-9)
    np.testing.assert_allclose(panel.low[:, 1], [9.9, 10.1, 5.1], rtol=1e-9)
    np.testing.assert_allclose(panel.open[:, 1], [10.0, 10.3, 5.2], rtol=1e-9)
    # The split of the third day doubles the factor, wherever it is known from.
    np.testing.assert_allclose(panel.factor[1:, 1] / panel.factor[0, 1], [1.0, 2.0], rtol=1e-9)
    # Limits are measured from the close before the split as it counts after it.
    np.testing.assert_allclose(panel.limit_up[1:, 1], [11.22, 5.72], rtol=1e-9)
    np.testing.assert_allclose(panel.limit_down[1:, 1], [9.18, 4.68], rtol=1e-9)
    assert len(DATA.joinpath(f"{source}.csv").read_text().splitlines()) == 6


def test_a_chinese_spreadsheet_is_read_in_its_own_encoding_and_packed(tmp_path):
    text = DATA.joinpath("akshare.csv").read_text()
    (tmp_path / "a.csv").write_bytes(text.encode("gb18030"))
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(text.encode("utf-8-sig")))
    hashes = {
        read_panel(path, "akshare").sha256 for path in (DATA / "akshare.csv", tmp_path / "a.csv", tmp_path / "b.csv.gz")
    }
    assert len(hashes) == 1


def test_a_folder_holds_a_file_per_name(tmp_path):
    lines = DATA.joinpath("qlib.csv").read_text().splitlines()
    for name in ("SH600001", "SZ000002"):
        rows = [line.removeprefix(f"{name},") for line in lines[1:] if line.startswith(name)]
        (tmp_path / f"{name}.csv").write_text("\n".join([lines[0].removeprefix("symbol,"), *rows]))
    assert read_panel(tmp_path, "qlib").sha256 == read_panel(DATA / "qlib.csv", "qlib").sha256


def test_adjusted_prices_and_codes_without_zeros_are_named(tmp_path):
    text = DATA.joinpath("baostock.csv").read_text()
    (tmp_path / "a.csv").write_text(text.replace("1252510.00,3", "1252510.00,2"))
    with pytest.raises(ScenariumError, match=r"line 2 .*adjustflag is '2': adjusted prices; '3', raw prices"):
        read_panel(tmp_path / "a.csv", "baostock")
    text = DATA.joinpath("akshare.csv").read_text().replace(",000002,", ",2,")
    (tmp_path / "b.csv").write_text(text)
    with pytest.raises(ScenariumError, match=r"line 5 .*'2' is no six-digit code.*leading zeros lost\? 000002"):
        read_panel(tmp_path / "b.csv", "akshare")


def test_a_mapping_can_be_a_name_a_dict_or_an_object():
    assert columns_of("tushare") is PRESETS["tushare"]
    changed = columns_of({"preset": "tushare", "adj_factor": "hfq", "volume_unit": 1})
    assert (changed.name_of("adj_factor"), changed.name_of("date"), changed.volume_unit) == ("hfq", "trade_date", 1)
    assert columns_of({"close": "Last"}).name_of("close") == "Last"
    assert columns_of(changed) is changed
    for given, message in (
        ("tushar", "did you mean 'tushare'"),
        ({"clsoe": "x"}, "did you mean 'close'"),
        ({"prices": "qfq"}, "use one of raw"),
        ({"volume_unit": 0}, "must be positive"),
    ):
        with pytest.raises(ScenariumError, match=message):
            columns_of(given)
    with pytest.raises(ScenariumError, match="field"):
        Columns({"nothing": "x"})


@pytest.mark.parametrize(
    ("given", "symbol"),
    [
        ("sh.600000", "600000.SH"), ("SZ000001", "000001.SZ"), ("600000.XSHG", "600000.SH"), ("600000", "600000.SH"),
        ("300001", "300001.SZ"), ("920001", "920001.BJ"), ("830001", "830001.BJ"), ("900901", "900901.SH"),
        (" AAPL ", "AAPL"), ("00700.HK", "00700.HK"), ("BRK.B", "BRK.B"),
    ],
)  # fmt: skip
def test_symbols_have_one_form(given, symbol):
    assert symbol_of(given) == symbol
    assert symbol_of(symbol) == symbol
