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


SAME = {
    "total_return": lambda e, r: e.cum_returns_final(r),
    "annual_return": lambda e, r: e.annual_return(r, annualization=242),
    "annual_volatility": lambda e, r: e.annual_volatility(r, annualization=242),
    "sharpe_ratio": lambda e, r: e.sharpe_ratio(r, annualization=242),
    "sortino_ratio": lambda e, r: e.sortino_ratio(r, annualization=242),
    "max_drawdown": lambda e, r: e.max_drawdown(r),
    "calmar_ratio": lambda e, r: e.calmar_ratio(r, annualization=242),
    "cvar": lambda e, r: e.conditional_value_at_risk(r),
}
"""Figures whose definitions are those of empyrical-reloaded, which wants pandas' names for some of its arguments."""


@pytest.mark.parametrize("name", SAME)
def test_live_against_empyrical_where_it_is_installed(name):
    empyrical = pytest.importorskip("empyrical", reason="empyrical-reloaded is not installed")
    for seed in range(40):
        r = series(100 + seed, 20 + 37 * seed)
        assert getattr(metrics, name)(r) == pytest.approx(SAME[name](empyrical, r), rel=1e-10, abs=1e-14)


@pytest.mark.parametrize("days", [20, 21, 40, 41, 333])
def test_interest_is_deducted_as_empyrical_does(days):
    empyrical = pytest.importorskip("empyrical", reason="empyrical-reloaded is not installed")
    r = series(days, days)
    ours, theirs = metrics.sharpe_ratio(r, 252, 1e-4), empyrical.sharpe_ratio(r, risk_free=1e-4, annualization=252)
    assert ours == pytest.approx(theirs, rel=1e-10)
    ours, theirs = metrics.sortino_ratio(r, 252, 1e-4), empyrical.sortino_ratio(r, 1e-4, annualization=252)
    assert ours == pytest.approx(theirs, rel=1e-10)
    np.testing.assert_allclose(metrics.drawdowns(r), empyrical.stats.drawdown_series(r), rtol=0, atol=1e-12)


def test_where_definitions_differ_from_empyricals():
    """The places the module names: no risk, no loss, tails that are no whole part, missing days."""
    empyrical = pytest.importorskip("empyrical", reason="empyrical-reloaded is not installed")
    flat, rising = np.full(30, 0.0), np.full(30, 0.01)
    assert math.isnan(metrics.sharpe_ratio(rising))
    assert empyrical.sharpe_ratio(rising) == math.inf
    assert math.isnan(metrics.sortino_ratio(rising))
    assert empyrical.sortino_ratio(rising) == math.inf
    assert math.isnan(metrics.sharpe_ratio(flat))
    assert math.isnan(metrics.calmar_ratio(rising))
    assert math.isnan(empyrical.calmar_ratio(rising))
    r = series(7, 24)
    assert metrics.cvar(r, 0.3) == pytest.approx(np.sort(r)[:8].mean())
    assert empyrical.conditional_value_at_risk(r, 0.3) == pytest.approx(np.sort(r)[:7].mean())
    with pytest.raises(ScenariumError, match="finite"):
        metrics.annual_return(np.append(r, np.nan))
    assert np.isfinite(empyrical.annual_return(np.append(r, np.nan)))


def test_a_portfolio_in_cash_has_no_ratio_whatever_rounding_leaves():
    """Logits leave a few billionths in stocks; a ratio of that would be the market's."""
    dust = series(3) * 2e-8
    for figure in (metrics.sharpe_ratio, metrics.sortino_ratio, metrics.calmar_ratio, metrics.probabilistic_sharpe):
        assert math.isnan(figure(dust)), figure.__name__
    assert metrics.hit_rate(dust) == 0.0
    assert metrics.sharpe_difference(dust, series(4)).value == pytest.approx(-metrics.sharpe_ratio(series(4)))


def test_resampled_days_come_in_circular_blocks():
    days = metrics.resampled_days(23, 5, 400, seed=2)
    assert days.shape == (400, 23)
    assert days.min() == 0
    assert days.max() == 22
    steps = np.diff(days, axis=1) % 23
    assert (steps[:, [i for i in range(22) if i % 5 != 4]] == 1).all()
    assert np.bincount(days.ravel(), minlength=23).std() / 400 < 0.1
    assert (metrics.resampled_days(23, 5, 400, seed=2) == days).all()


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
