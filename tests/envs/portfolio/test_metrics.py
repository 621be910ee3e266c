"""Backtest figures: golden numbers of another library, closed forms, and coverage of the interval."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from scenarium.envs import ScenariumError
from scenarium.envs.portfolio import metrics

GOLDEN = json.loads((Path(__file__).parent / "empyrical_golden.json").read_text(encoding="utf-8"))


def series(seed, days=500):
    return np.random.default_rng(seed).standard_t(4, days) * 0.01 + 0.0004


@pytest.mark.parametrize("seed", [int(seed) for seed in GOLDEN["values"]])
def test_figures_are_empyricals_where_definitions_agree(seed):
    """The file holds what empyrical-reloaded gives for these series at 242 days a year."""
    r, golden = series(seed), GOLDEN["values"][str(seed)]
    for name, value in golden.items():
        if name != "cvar":
            assert getattr(metrics, name)(r) == pytest.approx(value, rel=1e-10, abs=1e-12), name
    # empyrical counts floor(5 % of (D - 1)) + 1 days, which of 500 is the same 25.
    assert metrics.cvar(r) == pytest.approx(golden["cvar"], rel=1e-10)


def test_live_against_empyrical_where_it_is_installed():
    empyrical = pytest.importorskip("empyrical", reason="empyrical-reloaded is not installed")
    r = series(11)
    assert metrics.sharpe_ratio(r) == pytest.approx(empyrical.sharpe_ratio(r, annualization=242), rel=1e-10)
    assert metrics.sortino_ratio(r) == pytest.approx(empyrical.sortino_ratio(r, annualization=242), rel=1e-10)


def test_by_hand():
    r = [0.1, -0.5, 0.2]
    assert metrics.total_return(r) == pytest.approx(1.1 * 0.5 * 1.2 - 1)
    np.testing.assert_allclose(metrics.drawdowns(r), [0.0, -0.5, -0.4])
    assert metrics.max_drawdown([-0.2, 0.1]) == pytest.approx(-0.2)  # the start is a peak
    assert metrics.hit_rate(r) == pytest.approx(2 / 3)
    assert metrics.cvar(np.arange(100) / 1000 - 0.05) == pytest.approx(np.mean([-0.05, -0.049, -0.048, -0.047, -0.046]))
    assert metrics.effective_names([[0.5, 0.25, 0.25], [0.0, 1.0, 0.0]]) == pytest.approx(1.5)
    assert metrics.effective_names([[1.0, 0.0, 0.0]]) == 0.0
    assert metrics.active_share([[1.0, 0.0, 0.0]]) == pytest.approx(1.0)
    assert metrics.active_share([[0.0, 0.5, 0.5]]) == 0.0
    assert math.isnan(metrics.sharpe_ratio([0.0, 0.0]))
    assert math.isnan(metrics.sortino_ratio([0.01, 0.02]))
    assert math.isnan(metrics.calmar_ratio([0.01, 0.02]))


def test_the_sharpe_error_is_what_simulation_shows():
    draws = np.random.default_rng(0).normal(0.001, 0.01, (4000, 250))
    observed = (draws.mean(1) / draws.std(1, ddof=1)).std()
    assert np.mean([metrics.sharpe_error(r) for r in draws[:200]]) == pytest.approx(observed, rel=0.05)
    assert metrics.probabilistic_sharpe(draws[0], metrics.sharpe_ratio(draws[0])) == pytest.approx(0.5)


def test_the_expected_best_is_that_of_many_tries():
    best = np.random.default_rng(0).normal(0, 0.7, (20_000, 45)).max(1).mean()
    assert metrics.expected_best_sharpe(45, 0.7) == pytest.approx(best, rel=0.02)
    assert metrics.expected_best_sharpe(1, 0.7) == 0.0
    r = series(3)
    assert metrics.deflated_sharpe(r, 1) == metrics.probabilistic_sharpe(r)
    assert metrics.deflated_sharpe(r, 100) < metrics.deflated_sharpe(r, 10) < metrics.deflated_sharpe(r, 1)


def test_the_interval_covers_and_is_reproducible():
    rng = np.random.default_rng(5)
    hits = 0
    for _ in range(60):
        common = rng.normal(0, 0.01, 300)
        a, b = (common + rng.normal(0.0003, 0.005, 300) for _ in range(2))
        interval = metrics.sharpe_difference(a, b, draws=300)
        hits += interval.low <= 0.0 <= interval.high
        assert interval.low <= interval.value <= interval.high
    assert hits >= 50
    assert metrics.sharpe_difference(a, b, draws=50) == metrics.sharpe_difference(a, b, draws=50)
    same = metrics.sharpe_difference(a, a)
    assert same == (0.0, 0.0, 0.0)


def test_a_summary_has_everything_and_knows_its_benchmark():
    r = series(2)
    weights = np.tile([0.2, 0.5, 0.3], (500, 1))
    figures = metrics.summary(r, weights, np.full(500, 0.02), np.full(500, 1e-5), benchmark=series(4), trials=5)
    assert figures["turnover_per_day"] == pytest.approx(0.02)
    assert figures["annual_cost"] == pytest.approx(242e-5, rel=1e-4)
    assert figures["sharpe"] == metrics.sharpe_ratio(r)
    assert figures["sharpe_difference_low"] < figures["sharpe_difference"] < figures["sharpe_difference_high"]
    assert "sharpe_difference" not in metrics.summary(r, weights, np.zeros(500), np.zeros(500))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: metrics.total_return([0.1]), "at least two"),
        (lambda: metrics.total_return([0.1, np.nan]), "finite"),
        (lambda: metrics.total_return([0.1, -1.5]), ">= -1"),
        (lambda: metrics.sharpe_difference(series(1), series(1)[:-1]), "500 and 499 days"),
        (lambda: metrics.expected_best_sharpe(0, 1.0), "trials 0"),
    ],
)
def test_bad_series_are_refused(call, message):
    with pytest.raises(ScenariumError, match=message):
        call()
