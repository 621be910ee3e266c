"""What is wrong in a file is named, row by row, and nothing is repaired."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from scenarium.envs import ScenariumError
from scenarium.envs.portfolio.calendar import day_number
from scenarium.envs.portfolio.data import Columns, read_panel
from scenarium.envs.portfolio.data.__main__ import main
from scenarium.envs.portfolio.data.checks import clean
from scenarium.envs.portfolio.data.reader import read_table

DATA = Path(__file__).with_name("data")
DIRTY = DATA / "dirty.csv"
HEAD = "date,symbol,open,high,low,close,volume"
NAMED = {
    (3, "S2"): "open is 'n.a.x'; a number",
    (10, "S1"): "close is missing on a day with volume; a positive number",
    (11, "S2"): "low is -3; a positive number",
    (12, "S3"): "high 13.94 is below low 14.14; the larger of the two",
    (18, "S1"): "high 9.76 is below open or close; at least 9.77",
    (19, "S2"): "low 11.76 is above open or close; at most 11.75",
    (20, "S3"): "volume is -500; 0 or more",
    (26, "S1"): "adj_factor is 0; a positive number",
    (27, "S2"): "close 11.74 is beyond limit_up 11.24; a close within",
    (28, "S3"): "amount over volume is 17.94, outside the day's range; between 13.71 and 13.89",
    (34, "S1"): "trading is 1 but there is no volume; 0 for a suspended day",
    (36, "S3"): "date is '2024-13-08'; a date such as",
    (42, "S1"): "the date is missing; a date such as",
    (43, "S2"): "the date is a weekend; a trading day",
    (44, ""): "the symbol is missing; a code",
    (53, "S4"): "trades before the listing on 2024-03-13; no row",
    (56, "S6"): "repeats dirty.csv, line 55; one row",
    (59, "S1"): "contradicts dirty.csv, line 60; one row",
    (60, "S1"): "contradicts dirty.csv, line 59; one row",
    (64, "S5"): "trades after the delisting on 2024-03-13; no row",
    (68, "S6"): "only 1 names have rows that day: the market was closed; no row",
}


def test_every_dirty_row_is_named_with_its_line_and_what_would_be_right():
    rows = clean(read_table(DIRTY, Columns()), Columns(), "drop")
    found = {
        (int(re.search(r"line (\d+)", one.place)[1]), one.symbol): f"{one.what}; {one.right}" for one in rows.dropped
    }
    assert found.keys() == NAMED.keys()
    for key, text in NAMED.items():
        assert found[key].startswith(text)
        assert "would be right" in found[key]


def test_dirty_data_is_refused_unless_rows_may_be_dropped():
    with pytest.raises(ScenariumError, match=r"21 rows .*dirty='drop'.*\n.*line 3 \(2024-03-04, S2\): open is"):
        read_panel(DIRTY)
    with pytest.warns(UserWarning, match="21 rows dropped"):
        panel = read_panel(DIRTY, dirty="drop")
    with pytest.raises(ScenariumError, match="use 'refuse' or 'drop'"):
        read_panel(DIRTY, dirty="fix")
    assert len(panel.dropped) == 21
    assert "dirty.csv, line 3" in panel.describe()


def test_a_dropped_row_is_a_day_without_trade_and_nothing_is_filled():
    with pytest.warns(UserWarning, match="dropped"):
        panel = read_panel(DIRTY, dirty="drop")
    text = [line.split(",") for line in DIRTY.read_text().splitlines()[1:]]
    wrong = {line for line, _ in NAMED}
    kept = {(f[0], f[1]): f for line, f in enumerate(text, 2) if line not in wrong and f[6] != "0"}
    for row, day in enumerate(panel.dates):
        for name, symbol in enumerate(panel.symbols):
            fields = next((f for (d, s), f in kept.items() if day_number(d) == day and s == symbol), None)
            bar = [getattr(panel, what)[row, name] for what in ("open", "high", "low", "close", "volume")]
            assert np.isnan(bar).all() if fields is None else bar == [float(x) for x in fields[2:7]]
    assert panel.traded.sum() == len(kept)


def frame(**columns):
    pandas = pytest.importorskip("pandas")
    days = ["2024-03-04", "2024-03-05", "2024-03-06"]
    base = {"date": days, "symbol": "A", "open": 10.0, "high": 11.0, "low": 9.0, "close": 10.0, "volume": 100}
    return pandas.DataFrame({**base, "adj_factor": 1.0, **columns})


def test_wrong_units_are_found_by_the_price_paid_on_average():
    with pytest.raises(ScenariumError, match=r"100 times the close.*volume_unit=100"):
        read_panel(frame(amount=[100_000.0, 100_500.0, 99_000.0]))
    read_panel(frame(amount=[100_000.0, 100_500.0, 99_000.0]), {"volume_unit": 100})


def test_returns_without_splits_need_a_factor_or_a_previous_close():
    with pytest.raises(ScenariumError, match="neither adjustment factors nor previous closes"):
        read_panel(frame().drop(columns="adj_factor"))
    panel = read_panel(frame().drop(columns="adj_factor"), {"prices": "comparable"})
    assert (panel.factor == 1.0).all()
    assert np.isnan(panel.limit_up).all()


def test_prices_without_a_volume_are_no_suspension():
    for volume in ([100, 0, 100], [100, None, 100]):
        with pytest.raises(
            ScenariumError, match=r"row 2 .*no volume, yet high 11 is above low 9; a volume, or one price"
        ):
            read_panel(frame(volume=volume))
        panel = read_panel(frame(volume=volume, high=10.0, low=10.0))
        assert panel.traded[:, 0].tolist() == [True, False, True]
        assert read_panel(frame(volume=volume, trading=[1, 0, 1])).sha256 != panel.sha256


def test_columns_that_may_hold_nothing(tmp_path):
    pandas = pytest.importorskip("pandas")
    nullable = frame(volume=pandas.array([100, 100, 100], "Int64"), delist_date=[None, None, "2024-04-01"])
    gaps = nullable.assign(industry=pandas.array(["bank", None, "bank"], "string"), is_special=True)
    panel = read_panel(gaps, {"special": "is_special"}, daily_limit=0.1)
    assert panel.industries == ("bank",)
    assert panel.traded.all()
    with pytest.raises(ScenariumError, match="row 2 .*open is missing"):
        read_panel(frame(open=pandas.array([10.0, None, 10.0], "Float64")))


def test_what_is_odd_is_kept_and_named():
    panel = read_panel(frame(open=[20.0, 10.0, 10.0], high=21.0, close=[20.0, 10.0, 10.0]), daily_limit=0.1)
    (doubt,) = panel.doubts
    assert "2024-03-05, A): close moved -50.0 %" in str(doubt)
    assert "an adj_factor 2 times as large would be right" in str(doubt)
    assert (
        read_panel(frame(adj_factor=[1.0, 1.0001, 1.0]), daily_limit=None).doubts[0].what.startswith("adj_factor moves")
    )
    pandas = pytest.importorskip("pandas")
    both = pandas.concat([frame(), frame(symbol="B")[:1]])
    assert "rows end 2 days before the panel does" in read_panel(both).doubts[0].what


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"has no column date, open, .*symbol; it has none"),
        ("date,symbol,open,high,low,close\n", "has no column volume; it has date, symbol"),
        (HEAD + ",volume\n", "'volume' occurs twice"),
        (HEAD + "\n", "has no rows"),
        (HEAD + "\n2024-03-04,A,1\n", "line 2: 3 cells, the header has 7"),
        (HEAD + "\nx,A,1,1,1,1,1\n", r"1 rows of.*\n.*line 2 \(no date, A\): date is 'x'"),
    ],
)
def test_a_file_that_is_no_table_says_why(tmp_path, text, message):
    path = tmp_path / "prices.csv"
    path.write_text(text)
    with pytest.raises(ScenariumError, match=message):
        read_panel(path)


def test_files_that_cannot_be_read_say_why(tmp_path):
    for name, content in (("a.parquet", b"nothing"), ("a.csv.gz", b"nothing"), ("a.csv", b"\xff\xfe\x00\xff")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ScenariumError, match="cannot be read|neither UTF-8"):
            read_panel(tmp_path / name)
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(ScenariumError, match="is none of .csv"):
        read_panel(tmp_path / "a.txt")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ScenariumError, match="holds no .csv"):
        read_panel(tmp_path / "empty")


def test_relative_paths_start_from_the_folder_in_the_environment(tmp_path, monkeypatch):
    monkeypatch.delenv("SCENARIUM_DATA", raising=False)
    with pytest.raises(ScenariumError, match="start from SCENARIUM_DATA, which is not set"):
        read_panel("tushare.csv", "tushare")
    monkeypatch.setenv("SCENARIUM_DATA", str(DATA))
    assert read_panel("tushare.csv", "tushare").names == 2
    with pytest.raises(ScenariumError, match="SCENARIUM_DATA is "):
        read_panel("nowhere.csv")


def test_the_command_line_says_what_is_in_a_file(capsys):
    with pytest.raises(SystemExit, match=r"line 3 \(2024-03-04, S2\): open is"):
        main([str(DIRTY)])
    main([str(DIRTY), "--drop"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("8 names, 8 days, 2024-03-04 to 2024-03-13, sha256 ")
    assert sum(line.startswith("dropped: dirty.csv, line ") for line in lines) == 21
