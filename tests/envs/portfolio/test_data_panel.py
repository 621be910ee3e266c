"""Panels: aligned, as traded, hashed; membership, delisting, limits, index."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from small_market import small_panel, without

from scenarium.envs import ScenariumError
from scenarium.envs.portfolio.calendar import day_number, day_text
from scenarium.envs.portfolio.data import panel_of, read_panel
from scenarium.envs.portfolio.data.bars import bars_of
from scenarium.envs.portfolio.data.fixture import SHIPPED, SHIPPED_LIMIT, SHIPPED_MEMBERS, main
from scenarium.envs.portfolio.data.limits import free_days, limit_rates

SHIPPED_PANEL = read_panel(SHIPPED, daily_limit=SHIPPED_LIMIT, membership=SHIPPED_MEMBERS)


def test_the_shipped_panel_is_what_its_command_writes(tmp_path):
    main(["--out", str(tmp_path)])
    for path in (SHIPPED, SHIPPED_MEMBERS):
        assert (tmp_path / path.name).read_text() == path.read_text()
    assert SHIPPED.stat().st_size < 300_000


def test_the_shipped_panel_has_every_event():
    panel = SHIPPED_PANEL
    assert (panel.names, panel.days) == (13, 360)
    assert panel.dropped == ()
    assert panel.doubts == ()
    late, leaver, dead, split = (panel.symbols.index(name) for name in ("S13", "S11", "S12", "S04"))
    assert panel.first[late] == 120
    assert panel.member[:, leaver].sum() == 201
    assert not panel.member[:201, late].any()
    assert panel.gone[dead] == 281 - 1
    assert not panel.listed[280:, dead].any()
    assert panel.factor[150, split] / panel.factor[149, split] == pytest.approx(2.0, rel=1e-5)
    assert panel.close[150, split] / panel.close[149, split] == pytest.approx(0.5, rel=0.06)
    assert 0 < (~panel.traded & panel.listed).sum() < 100
    returns = np.diff(np.log(panel.close[:, :10] * panel.factor[:, :10]), axis=0)
    assert np.nanmax(np.abs(returns)) < 0.12


def test_parquet_csv_and_frames_are_the_same_panel(tmp_path):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    frame = pandas.read_csv(SHIPPED)
    frame.to_parquet(tmp_path / "a.parquet")
    frame.sample(frac=1.0, random_state=1).to_csv(tmp_path / "shuffled.csv.gz", index=False)
    dates = frame.assign(date=pandas.to_datetime(frame["date"]), symbol=frame["symbol"].astype("category"))
    single = dates.assign(
        **{name: dates[name].astype("float32") for name in ("open", "high", "low", "close", "adj_factor")}
    )
    single.to_parquet(tmp_path / "single.parquet")
    options = {"daily_limit": SHIPPED_LIMIT, "membership": SHIPPED_MEMBERS}
    sources = [tmp_path / "a.parquet", tmp_path / "shuffled.csv.gz", tmp_path / "single.parquet", frame, dates]
    assert {read_panel(source, **options).sha256 for source in sources} == {SHIPPED_PANEL.sha256}


def test_the_hash_changes_with_anything_that_matters():
    panel = small_panel(index=np.linspace(1.0, 2.0, 40))
    hashes = {panel.sha256}
    for what in ("open", "high", "low", "close", "volume", "factor", "limit_up", "limit_down"):
        values = getattr(panel, what).copy()
        values[7, 2] = 1.0 if np.isnan(values[7, 2]) else np.nextafter(values[7, 2], 99.0)
        hashes.add(replace(panel, **{what: values}).sha256)
    member, gone, dates = panel.member.copy(), panel.gone.copy(), panel.dates.copy()
    member[3, 1], gone[0] = False, 30
    dates[-1] += 1
    changes = [
        {"member": member},
        {"gone": gone},
        {"dates": dates},
        {"symbols": ("N0", "N1", "N2", "X")},
        {"index": None},
    ]
    hashes |= {replace(panel, **change).sha256 for change in changes}
    assert len(hashes) == 14
    again = small_panel(index=np.linspace(1.0, 2.0, 40))
    assert again.sha256 == panel.sha256 == replace(panel, volume=panel.volume + 0.0).sha256


def test_membership_is_by_date_and_closed_on_both_ends(tmp_path):
    path = tmp_path / "members.csv"
    dates = SHIPPED_PANEL.dates
    days = [day_text(dates[i]) for i in (5, 9, 20)]
    path.write_text(f"symbol,start,end\nS01,{days[0]},{days[1]}\nS01,{days[2]},\nNOBODY,2020-01-01,\n")
    panel = read_panel(SHIPPED, membership=path)
    assert panel.member[:, 0].nonzero()[0].tolist() == [*range(5, 10), *range(20, 360)]
    assert not panel.member[:, 1:].any()
    for text, message in (
        (f"S01,,{days[0]}", r"line 2 \(S01\): no interval; a start"),
        (f"S01,{days[1]},{days[0]}", "an empty end or one after the start"),
        (f"S01,{days[1]},soon", "an empty end or one after the start"),
        ("S99,2020-01-01,", "has none of the panel's names"),
    ):
        path.write_text(f"symbol,start,end\n{text}\n")
        with pytest.raises(ScenariumError, match=message):
            read_panel(SHIPPED, membership=path)


def test_the_index_says_which_days_there_are(tmp_path):
    path, dates = tmp_path / "index.csv", SHIPPED_PANEL.dates
    rows = [f"{day_text(day)},{1000 + i}" for i, day in enumerate(dates)]
    path.write_text("date,close\n" + "\n".join(reversed(rows)))
    panel = read_panel(SHIPPED, index=path)
    np.testing.assert_array_equal(panel.index, 1000.0 + np.arange(360))
    np.testing.assert_allclose(panel.benchmark()[1:], 1.0 / (1000.0 + np.arange(359)), rtol=1e-12)
    path.write_text("date,close\n" + "\n".join([*rows, "2022-06-04,1"]))
    assert [f"{one.date} {one.what}" for one in read_panel(SHIPPED, index=path).doubts] == [
        "2022-06-04 no name has a row on a day of the index"
    ]
    path.write_text("date,close\n" + "\n".join(rows[1:]))
    with pytest.raises(ScenariumError, match=r"line 2 \(2022-06-01, S01\): the index has no such day"):
        read_panel(SHIPPED, index=path)
    for row, message in ((rows[3], "twice"), ("2024-01-02,0", "positive close"), (",5", "needs a date")):
        path.write_text("date,close\n" + "\n".join([*rows, row]))
        with pytest.raises(ScenariumError, match=message):
            read_panel(SHIPPED, index=path)


def test_without_an_index_the_benchmark_is_the_members():
    panel = small_panel(3)
    move = panel.close[1:] / panel.close[:-1] - 1.0
    np.testing.assert_allclose(panel.benchmark()[1:], move.mean(1), rtol=1e-9)
    member = panel.member.copy()
    member[:, 2] = False
    value = panel.close * [1.0, 3.0, 9.0]
    part = replace(panel, member=member, market_value=value).benchmark()[1:]
    weights = value[:-1, :2] / value[:-1, :2].sum(1, keepdims=True)
    np.testing.assert_allclose(part, (weights * move[:, :2]).sum(1), rtol=1e-9)


def test_returns_come_from_adjusted_prices_and_a_suspension_jumps_at_its_end():
    panel = small_panel(2)
    panel = replace(panel, **without(panel, slice(10, 15), 1))
    factor = panel.factor.copy()
    factor[20:, 0] *= 2.0
    panel = replace(panel, factor=factor, close=panel.close / factor, open=panel.open / factor)
    bars = bars_of(panel)
    total = bars.overnight + bars.intraday
    adjusted = small_panel(2).close
    np.testing.assert_allclose(total[1:40, 0], np.diff(np.log(adjusted[:, 0])), atol=1e-12)
    assert (total[10:15, 1] == 0.0).all()
    assert total[15, 1] == pytest.approx(np.log(adjusted[15, 1] / adjusted[9, 1]))
    assert bars.traded[8:17, 1].tolist() == [1, 1, 0, 0, 0, 0, 0, 1, 1]
    assert total.sum(0) == pytest.approx(np.log(adjusted[-1] / panel.open[0]), abs=1e-9)


def test_names_enter_on_their_second_day_and_leave_with_a_haircut():
    panel = small_panel(3)
    panel = replace(panel, **without(panel, slice(0, 12), 0))
    panel = replace(panel, **without(panel, slice(25, 40), 1), gone=np.array([40, 30, 40]))
    bars = bars_of(panel, haircut=0.4)
    assert bars.overnight[:13, 0].tolist() == [0.0] * 13
    assert bars.traded[12, 0] == 1.0
    assert bars.open_below[:15, 0].tolist() == [0.0] * 13 + [1.0] * 2
    assert bars.overnight[25:40, 1].tolist() == [0.0] * 5 + [pytest.approx(np.log(0.6))] + [0.0] * 9
    assert not bars.open_below[30:, 1].any()
    assert panel.last_close[39, 1] == panel.close[24, 1]


def test_limits_lock_a_side_and_no_more():
    panel = small_panel(1, 6)
    limit = np.full((6, 1), np.nan)
    up, down = limit.copy(), limit.copy()
    up[3], down[4] = panel.open[3], panel.close[4]
    bars = bars_of(replace(panel, limit_up=up, limit_down=down))
    assert bars.open_below[:6, 0].tolist() == [0, 1, 1, 0, 1, 1]
    assert bars.open_above[:6, 0].tolist() == [1, 1, 1, 1, float(panel.open[4, 0] > panel.close[4, 0] + 0.005), 1]
    assert bars.close_above[:6, 0].tolist() == [1, 1, 1, 1, 0, 1]
    assert bars_of(replace(panel, limit_up=up, limit_down=down), price_limits=False).open_below[3, 0] == 1.0


def test_price_limits_by_board_and_date():
    names = ("600001.SH", "688001.SH", "300001.SZ", "830001.BJ", "AAPL")
    dates = np.array([day_number("2020-08-21"), day_number("2020-08-24")], dtype=np.int32)
    rate = limit_rates(names, dates, np.zeros((2, 5)), "board")
    np.testing.assert_array_equal(rate, [[0.1, 0.2, 0.1, 0.3, np.nan], [0.1, 0.2, 0.2, 0.3, np.nan]])
    special = limit_rates(names, dates, np.ones((2, 5)), "board")
    np.testing.assert_array_equal(special[:, :3], [[0.05, 0.2, 0.05], [0.05, 0.2, 0.2]])
    assert (limit_rates(names, dates, special, 0.3) == 0.3).all()
    assert np.isnan(limit_rates(names, dates, special, None)).all()
    with pytest.raises(ScenariumError, match="use 'board'"):
        limit_rates(names, dates, special, "none")
    with pytest.raises(ScenariumError, match="must be in"):
        limit_rates(names, dates, special, 1.5)
    days = np.arange(day_number("2023-05-01"), day_number("2023-05-21"), dtype=np.int32)
    free = free_days(names, days, np.array([3, 3, 3, 3, 3]))
    assert free.sum(0).tolist() == [5, 5, 5, 1, 0]
    assert not free_days(names[:1], days - 700, np.array([3])).any()


def test_parts_of_a_panel():
    panel = SHIPPED_PANEL.choose(["S12", "S01"])
    assert panel.symbols == ("S12", "S01")
    np.testing.assert_array_equal(panel.close[:, 1], SHIPPED_PANEL.close[:, 0])
    some = panel.between("2023-01-01", "2023-12-31")
    assert some.span() == "2023-01-04 to 2023-11-30"
    assert some.gone.tolist() == [panel.gone[0] - (360 - some.days), some.days]
    assert read_panel(SHIPPED, start="2023-01-01").days == some.days
    with pytest.raises(ScenariumError, match="no day between"):
        panel.between("1999-01-01", "1999-12-31")
    with pytest.raises(ScenariumError, match="symbol"):
        panel.choose(["S77"])
    with pytest.raises(ScenariumError, match="must differ"):
        panel.choose(["S01", "S01"])


def test_a_file_is_read_once_and_again_when_it_changes(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(SHIPPED.read_text())
    first = panel_of(path)
    assert panel_of(path) is first
    assert panel_of(first) is first
    path.write_text("\n".join(SHIPPED.read_text().splitlines()[:-1]))
    assert panel_of(path).sha256 != first.sha256
    with pytest.raises(ScenariumError, match="daily_limit go with a path"):
        panel_of(first, daily_limit=0.2)
    assert panel_of(None).sha256 == SHIPPED_PANEL.sha256
    pandas = pytest.importorskip("pandas")
    closes = pandas.DataFrame({"date": [day_text(day) for day in SHIPPED_PANEL.dates], "close": 1.0})
    assert panel_of(None, index=closes).index.sum() == 360.0
