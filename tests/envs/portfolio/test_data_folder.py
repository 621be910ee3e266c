"""Real prices, where there are some: the folder in SCENARIUM_DATA, and every folder in it that holds a Parquet file.

A folder holds one Parquet file of daily bars (canonical columns), and may hold a file of closes with "index" in its
name and one of membership intervals with "membership" in its name.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from scenarium.baselines import make_baseline
from scenarium.envs import ScenariumError
from scenarium.envs.core.rollout import unroll
from scenarium.envs.portfolio import presets
from scenarium.envs.portfolio.data import read_panel

ROOT = os.environ.get("SCENARIUM_DATA", "")
FILES = sorted(Path(ROOT).rglob("*.parquet")) if ROOT else []
WHY = f"no Parquet file in {ROOT}" if ROOT else "SCENARIUM_DATA is not set: it names the folder of real prices"
pytestmark = [
    pytest.mark.skipif(not FILES, reason=WHY),
    pytest.mark.parametrize("path", FILES or [Path("none")], ids=lambda path: path.stem),
    pytest.mark.filterwarnings("ignore:.*rows dropped"),
]


def options_of(path):
    """What lies beside the bars."""
    found = {"dirty": "drop"}
    for what in ("index", "membership"):
        beside = sorted(path.parent.glob(f"*{what}*.csv*"))
        if beside:
            found[what] = str(beside[0].relative_to(ROOT))
    return found


def load(path, **changes):
    return read_panel(str(path.relative_to(ROOT)), **{**options_of(path), **changes})


def test_it_is_read_and_what_is_dirty_is_named(path):
    panel = load(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        alone = load(path, index=None, membership=None)
    assert panel.days > 200
    assert panel.names > 10
    assert all(f"{path.name}, row " in str(one) and "would be right" in str(one) for one in panel.dropped)
    assert set(alone.dates) == set(panel.dates)
    if panel.dropped:
        with pytest.raises(ScenariumError, match=rf"{path.name}, row \d+ \(\d"):
            load(path, dirty="refuse")
    assert panel.sha256 == load(path).sha256


def test_returns_lie_within_the_limits_and_a_missing_factor_shows(path):
    pandas = pytest.importorskip("pandas")
    panel = load(path)
    jumps = [one for one in panel.doubts if "close moved" in one.what]
    assert len(jumps) <= 1e-4 * panel.traded.sum()
    bare = read_panel(pandas.read_parquet(path).assign(adj_factor=1.0), **{**options_of(path)})
    assert sum("close moved" in one.what for one in bare.doubts) > len(jumps) + 5


def test_twenty_names_play_and_their_names_were_members(path):
    model = presets.data(str(path.relative_to(ROOT)), names=20, window=20, horizon=60, **options_of(path))
    seeds = torch.arange(64)
    scenario = model.scenario(seeds)
    panel = model.market.panel
    evening = scenario.start + 19
    assert bool(torch.as_tensor(panel.member)[evening[:, None], scenario.names].all())
    policy = make_baseline("equal_weight", model)
    rewards = torch.stack([moment.outcome.reward for moment in unroll(model.native(), scenario, policy.act)])
    assert rewards.shape == (60, 64)
    assert bool(torch.isfinite(rewards).all())
    assert 0.001 < float(rewards.std()) < 0.05


def test_equal_weights_earn_what_pandas_says(path):
    """1/N over the whole panel, in names that never missed a day, against a computation that shares nothing."""
    pandas = pytest.importorskip("pandas")
    bars = pandas.read_parquet(path)
    bars = bars[bars["date"].isin(pandas.to_datetime(load(path).dates, unit="D"))]
    rows = bars.groupby("symbol", observed=True).size()
    names = sorted(rows[rows == rows.max()].index)[:20]
    table = bars.pivot_table(index="date", columns="symbol", values=["open", "close", "adj_factor"], observed=True)
    factor = table["adj_factor"][names].astype(float)
    start, close = (table[what][names].astype(float) * factor for what in ("open", "close"))
    overnight, intraday = start / close.shift() - 1.0, close / start - 1.0
    options = {**options_of(path), "membership": None, "names": names, "window": 20, "horizon": None}
    free = {"frictions": False, "fees": (0.0, 0.0, False), "action_mode": "weights", "orders": "weights"}
    model = presets.data(str(path.relative_to(ROOT)), **options, **free)
    asked = np.full(model.names + 1, 1.0 / model.names, np.float32)
    asked[0] = 0.0
    moments = list(unroll(model, model.scenario(0), lambda o, m, t: (asked, None)))
    # 1/N after each open: the night's return is that of the weights the day before left.
    held = (1.0 + intraday).div((1.0 + intraday).sum(axis=1), axis=0).shift()
    growth = (1.0 + (held * overnight).sum(axis=1)) * (1.0 + intraday.mean(axis=1))
    growth.iloc[20] = 1.0 + intraday.mean(axis=1).iloc[20]  # the first night is spent in cash
    wealth = np.exp([float(moment.outcome.info["wealth"]) for moment in moments])
    np.testing.assert_allclose(wealth, growth.iloc[20:].cumprod(), rtol=2e-5)
