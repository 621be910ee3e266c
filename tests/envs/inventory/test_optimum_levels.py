"""Newsvendor levels: against tables, against sampling, and what they refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.inventory.optimum import backlog_base_stock, backlog_base_stock_discrete
from scenarium.envs.inventory.optimum.levels import newsvendor_level


@pytest.mark.parametrize("lead_time", [0, 1, 4, 20])
@pytest.mark.parametrize("underage", [1.0, 9.0, 39.0])
def test_levels_are_the_optima_with_backlog(lead_time: int, underage: float) -> None:
    normal = newsvendor_level(lead_time, underage, mean=5.0, std=1.6)
    assert normal == pytest.approx(backlog_base_stock(lead_time, underage).level, rel=1e-12)
    poisson = newsvendor_level(lead_time, underage, mean=5.0, law="poisson")
    assert poisson == backlog_base_stock_discrete(lead_time, underage).level


def test_negative_binomial_levels_are_quantiles_of_sums_with_that_mean_and_variance() -> None:
    mean, std, periods = 5.0, 3.0, 5
    success = mean / std**2
    size = mean * success / (1.0 - success)
    law = stats.nbinom(size, success)
    assert law.mean() == pytest.approx(mean)
    assert law.std() == pytest.approx(std)
    one = law.pmf(np.arange(200))
    expected = backlog_base_stock_discrete(periods - 1, 9.0, pmf=one / one.sum()).level
    assert newsvendor_level(periods - 1, 9.0, mean=mean, std=std, law="negative_binomial") == expected == 34.0


def test_overdispersion_raises_the_level() -> None:
    levels = [
        newsvendor_level(4, 19.0, mean=5.0, law="poisson"),
        *(newsvendor_level(4, 19.0, mean=5.0, std=s, law="negative_binomial") for s in (2.2361, 3.0, 5.0, 8.0)),
    ]
    assert levels[0] == levels[1]
    assert levels[1] < levels[2] < levels[3] < levels[4]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"law": "poison", "mean": 5.0}, "did you mean 'poisson'"),
        ({"mean": 5.0}, "normal demand needs std"),
        ({"mean": 5.0, "std": 0.0}, "must be positive"),
        ({"mean": 0.0, "law": "poisson"}, "needs a positive mean"),
        ({"mean": 5.0, "std": 3.0, "law": "poisson"}, "Poisson demand of mean 5.0 has 2.23607"),
        ({"mean": 5.0, "std": 2.0, "law": "negative_binomial"}, "needs more than 2.23607"),
        ({"mean": 5.0, "law": "negative_binomial"}, "needs more than 2.23607"),
        ({"mean": 5.0, "std": 1.0, "underage": 0.0}, "underage cost is 0.0"),
        ({"mean": 5.0, "std": 1.0, "lead_time": -1}, "lead time is -1"),
    ],
)
def test_what_levels_refuse(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ScenariumError, match=message):
        newsvendor_level(**{"lead_time": 4, "underage": 9.0, **arguments})
