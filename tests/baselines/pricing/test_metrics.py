from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from scenarium.baselines.pricing.metrics import auc, offline_metrics
from scenarium.envs.core.errors import ScenariumError

PRICES, RECOMMENDED = [10.0, 15.0, 10.0, 25.0, 40.0], [8.0, 12.0, 15.0, 35.0, 37.0]


def test_the_papers_example() -> None:
    found = offline_metrics(PRICES, RECOMMENDED, [True] * 5)
    assert found.regret_score == pytest.approx((0.2 + 0.2 + 0.0 + 0.0 + 0.075) / 5)
    assert found.regret_score == pytest.approx(0.095)
    assert found.booking_regret == pytest.approx(0.075)
    assert found.increase_recall == pytest.approx(2 / 5)
    assert math.isnan(found.decrease_recall)


def test_counts_by_hand() -> None:
    # a = {15 >= 10}, b = {35 >= 25}, c = {8 < 10}, d = {12 < 15, 37 < 40}
    found = offline_metrics(PRICES, RECOMMENDED, [True, False, True, False, False])
    assert (found.decrease_recall, found.decrease_precision) == pytest.approx((2 / 3, 2 / 3))
    assert (found.increase_recall, found.increase_precision) == pytest.approx((1 / 2, 1 / 2))
    assert found.decrease_f1 == pytest.approx(2 / 3)
    assert (found.booking_regret, found.regret_score) == pytest.approx((0.1, 0.1))


def test_a_blind_discount_has_perfect_recall() -> None:
    bought = np.arange(100) < 10
    found = offline_metrics(np.ones(100), np.full(100, 0.9), bought)
    assert found.decrease_recall == 1.0
    assert found.decrease_precision == pytest.approx(0.9)  # one minus the conversion of the log
    assert found.regret_score == pytest.approx(0.1)


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=40))
def test_auc_is_that_of_scikit_learn(rows: list[tuple[int, bool]]) -> None:
    scores, bought = zip(*rows, strict=True)
    if all(bought) or not any(bought):
        assert math.isnan(auc(scores, bought))
    else:
        assert auc(scores, bought) == pytest.approx(roc_auc_score(bought, scores))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1.0], [1.0, 2.0], [True]), r"\[n\] alike"),
        (([], [], []), r"\[n\] alike"),
        (([0.0], [1.0], [True]), "positive"),
    ],
)
def test_what_is_wrong_is_said(arguments: tuple[list[float], list[float], list[bool]], message: str) -> None:
    with pytest.raises(ScenariumError, match=message):
        offline_metrics(*arguments)
