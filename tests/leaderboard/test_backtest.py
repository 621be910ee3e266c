"""Backtests: what is played, what is said of it, and the folder that is written."""

from __future__ import annotations

import csv
import io
import json
import math
import re

import numpy as np
import pytest
import torch

import scenarium
from scenarium.baselines import make_baseline
from scenarium.cli import main
from scenarium.envs import ScenariumError, make_model
from scenarium.envs.core.canvas import pixels
from scenarium.envs.portfolio import metrics, presets
from scenarium.leaderboard.backtest import backtest
from scenarium.leaderboard.backtest.figures import CATALOGUE, written
from scenarium.leaderboard.backtest.pictures import Style, draw_drawdown, draw_wealth, draw_weights

ID = "PortfolioAllocation-v0"
SHORT = {"horizon": 60}


@pytest.fixture(scope="module")
def one():
    return backtest(["minimum_variance", "cash"], ID, [5], **SHORT)


@pytest.fixture(scope="module")
def many():
    return backtest({"<b>mine</b>": make_baseline("risk_parity", make_model(ID, **SHORT))}, ID, range(24), **SHORT)


def test_what_is_played_is_what_an_evaluation_plays(many):
    policy = make_baseline("risk_parity", make_model(ID, **SHORT))
    found = scenarium.evaluate(policy, ID, range(24), aggregate="sum", **SHORT)
    np.testing.assert_allclose(np.log(many.tracks["<b>mine</b>"].wealth[-1]), found.returns, rtol=1e-5, atol=1e-7)
    assert list(many.tracks) == ["equal_weight", "<b>mine</b>"]
    assert many.against == "equal_weight"
    assert many.tracks["<b>mine</b>"].weights.shape == (60, 11, 24)
    np.testing.assert_allclose(many.tracks["<b>mine</b>"].weights.sum(1), 1.0, atol=1e-5)


def test_the_figures_of_one_path_are_those_of_metrics(one):
    track, rival = one.tracks["minimum_variance"], one.tracks["equal_weight"]
    summary = metrics.summary(
        track.returns[:, 0], track.weights[..., 0], track.turnover[:, 0], track.cost[:, 0], trials=2
    )
    found = one.figures["minimum_variance"]
    assert {name: found[name].value for name in summary} == summary
    for name in metrics.FIGURES:
        assert found[name].low <= found[name].high, name
    for name in ("annual_volatility", "cvar_95", "turnover_per_day", "sharpe"):
        assert found[name].low < found[name].value < found[name].high, name
    difference = metrics.sharpe_difference(track.returns[:, 0], rival.returns[:, 0], draws=1000)
    assert found["sharpe_difference"] == difference
    assert "sharpe_difference" not in one.figures["equal_weight"]
    assert one.trials == 2


def test_the_figures_of_many_worlds_are_means_with_the_error_of_a_mean(many):
    track = many.tracks["equal_weight"]
    each = np.array([metrics.annual_volatility(track.returns[:, world]) for world in range(24)])
    found = many.figures["equal_weight"]["annual_volatility"]
    assert found.value == pytest.approx(each.mean())
    assert found.high - found.low == pytest.approx(2 * 1.96 * each.std(ddof=1) / math.sqrt(24), rel=0.15)
    mine = many.tracks["<b>mine</b>"]
    gaps = [metrics.sharpe_ratio(mine.returns[:, w]) - metrics.sharpe_ratio(track.returns[:, w]) for w in range(24)]
    assert many.figures["<b>mine</b>"]["sharpe_difference"].value == pytest.approx(np.mean(gaps))
    pooled = metrics.probabilistic_sharpe(track.returns.T.ravel())
    assert many.figures["equal_weight"]["probabilistic_sharpe"].value == pooled


def test_cash_has_no_risk_and_says_so(one):
    found = one.figures["cash"]
    assert one.tracks["cash"].wealth[-1, 0] == pytest.approx(1.0, abs=1e-6)
    for name in ("sharpe", "sortino", "calmar", "probabilistic_sharpe", "deflated_sharpe"):
        assert math.isnan(found[name].value), name
    assert found["active_share"].value == pytest.approx(1.0, abs=1e-6)
    assert found["hit_rate"].value == 0.0
    assert written("sharpe", found["sharpe"].value) == "\u2013"
    assert one.as_json()["figures"]["cash"]["sharpe"] == {"value": None, "low": None, "high": None}


class Recorder:
    """A policy that notes what it is asked."""

    def __init__(self, names):
        self.names, self.seen, self.flags = names, [], []

    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        self.flags.append(deterministic)
        self.seen.append(observation["image"][:, 0].copy())
        return np.zeros((len(observation["weights"]), self.names + 1), np.float32), state


def test_policies_act_without_noise_and_see_every_day_anew():
    """Sampled actions, and the first observation fed on all days, are what a published backtest of this field did."""
    policy = Recorder(10)
    found = backtest({"recorder": policy}, ID, range(3), against=None, **SHORT)
    assert policy.flags == [True] * 60
    assert all((a != b).any(axis=(1, 2)).all() for a, b in zip(policy.seen, policy.seen[1:], strict=False))
    assert found.against is None
    # One path: never restarted, so that wealth is the product of all days.
    np.testing.assert_allclose(found.tracks["recorder"].wealth[-1], np.prod(1 + found.tracks["recorder"].returns, 0))


def test_the_dates_are_those_of_the_days_that_earned(one):
    model = make_model(ID, **SHORT)
    scenario = model.scenario(5)
    assert one.played.dates[:, 0].tolist() == [int(scenario.at(t).date) for t in range(60)]
    index = np.log1p([float(scenario.at(t).moves[22]) for t in range(60)])
    np.testing.assert_allclose(np.log1p(one.played.index[:, 0]), index, rtol=1e-4, atol=1e-7)


def test_a_policy_sees_the_problem_as_it_was_made_to():
    flat = make_baseline("minimum_variance", make_model(ID, observation="flat", action_mode="weights", **SHORT))
    found = backtest({"flat": flat, "plain": "minimum_variance"}, ID, [1, 2], **SHORT)
    np.testing.assert_allclose(found.tracks["flat"].returns, found.tracks["plain"].returns, atol=1e-6)


def test_labels_and_foresight():
    found = backtest(["risk_parity", "risk_parity", "best_constant"], ID, [1], **SHORT)
    assert list(found.tracks) == ["equal_weight", "risk_parity", "risk_parity 2", "best_constant"]
    assert found.clairvoyant == ("best_constant",)
    assert found.figures["best_constant"]["sharpe"].value > found.figures["risk_parity"]["sharpe"].value
    same = backtest("equal_weight", ID, [1], **SHORT)
    assert list(same.tracks) == ["equal_weight"]


def test_the_folder_holds_the_page_and_the_numbers(one, many, tmp_path):
    for test in (one, many):
        page = test.write(tmp_path / "report")
        html = page.read_text(encoding="utf-8")
        assert not re.search(r"https?:|<script|@import|url\(", html)
        assert html.count("data:image/png;base64,") == 12  # three pictures, light and dark, wide and narrow
        assert sorted(path.name for path in page.parent.iterdir()) == [
            "backtest.json", "index.html", "series.csv", "weights.csv",
        ]  # fmt: skip
        data = json.loads((page.parent / "backtest.json").read_text())
        assert data["figures"].keys() == test.figures.keys()
        rows = list(csv.DictReader(io.StringIO((page.parent / "series.csv").read_text())))
        assert len(rows) == 60 * len(test.seeds) * len(test.tracks)
        last = rows[59]
        assert last["date"] == test.dates()[-1]
        assert float(last["wealth"]) == pytest.approx(test.tracks[last["policy"]].wealth[-1, 0], rel=1e-6)
        weights = list(csv.DictReader(io.StringIO((page.parent / "weights.csv").read_text())))
        assert sum(float(weights[0][name]) for name in ("cash", *test.names)) == pytest.approx(1.0, abs=1e-5)
    assert many.write(tmp_path / "again").read_bytes() == page.read_bytes()
    assert "<b>mine</b>" not in html
    assert "&lt;b&gt;mine&lt;/b&gt;" in html


def test_every_figure_has_a_row_in_page_and_table(one):
    table = one.table()
    assert all(shown.title in table for shown in CATALOGUE.values())
    assert set(one.figures["cash"]) == set(CATALOGUE)


@pytest.mark.parametrize("draw", [draw_wealth, draw_drawdown, draw_weights])
def test_pictures_suit_page_and_screen(draw, one, many):
    for test in (one, many):
        wide, narrow, dark = (draw(test, style) for style in (Style(), Style(narrow=True), Style(dark=True)))
        assert pixels(wide).shape[1] == 1180
        assert pixels(narrow).shape[1] == 370
        assert pixels(dark).shape == pixels(wide).shape
        assert pixels(wide).std() > 5  # something is drawn


def test_recorded_prices_are_one_path_with_symbols_and_dates():
    model = presets.data(split="train", horizon=None, names=None)
    found = backtest("buy_and_hold", model)
    assert found.seeds == (0,)
    assert found.names == tuple(model.market.panel.symbols)
    first, last = model.market.part
    assert found.played.dates[-1, 0] == model.market.panel.dates[last]
    assert found.days == last + 1 - max(first, model.layout.window)
    with pytest.raises(ScenariumError, match="share their days"):
        backtest("buy_and_hold", model, range(2))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: backtest("random", "InventoryNet-v0"), "InventoryNet-v0 is no portfolio problem"),
        (lambda: backtest([], ID), "at least one"),
        (lambda: backtest("cash", ID, []), "seeds is empty"),
        (lambda: backtest("cash", ID, [1], periods=1), "periods is 1"),
        (lambda: backtest("cash", ID, [1], periods=200), "2 to 128 days"),
        (lambda: backtest("csah", ID, [1]), "did you mean 'cash'"),
        (lambda: backtest("cash", make_model(ID), [1], window=9), "already made"),
    ],
)
def test_bad_arguments_are_one_line(call, message):
    with pytest.raises(ScenariumError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_returns_that_are_not_finite_are_refused():
    class Broken(Recorder):
        def predict(self, observation, state=None, episode_start=None, deterministic=False):
            return torch.full((len(observation["weights"]), 11), math.nan), state

    with pytest.raises(ScenariumError, match="broken earned a return that is not finite"):
        backtest({"broken": Broken(10)}, ID, [1], **SHORT)


def test_the_command_line(tmp_path, capsys):
    command = ["backtest", ID, "minimum_variance", "--worlds", "4", "--env-kwargs", '{"horizon": 40}']
    assert main([*command, "--out", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "Sharpe less benchmark" in out
    assert f"4 worlds of 40 days -> {tmp_path / 'index.html'}" in out
    assert main([*command, "--against", "none", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert list(data["figures"]) == ["minimum_variance"]
    assert data["against"] is None
    assert main(["backtest", ID]) == 1
    assert "at least one" in capsys.readouterr().err
    assert main(["backtest", ID, "minimum_varianc"]) == 1


def test_training_runs_are_reported_by_their_folder(tmp_path, capsys):
    kwargs = '{"horizon": 20, "window": 5, "names": 3}'
    run = str(tmp_path / "mine")
    train = ["train", ID, "hdpo", "--seeds", "0", "1", "--out", run, "--steps", "80", "--batch-size", "4"]
    assert main([*train, "--dev-every", "0", "--compile", "false", "--env-kwargs", kwargs]) == 0
    capsys.readouterr()
    assert main(["backtest", ID, run, "cash", "--worlds", "2", "--env-kwargs", kwargs, "--json"]) == 0
    assert list(json.loads(capsys.readouterr().out)["figures"]) == [
        "equal_weight",
        "mine seed_0",
        "mine seed_1",
        "cash",
    ]
