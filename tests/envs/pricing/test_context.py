"""Contexts: the laws of the facts, independent standard normal signals, and how much they tell."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from scenarium.envs.core.namespace import NUMPY, torch_namespace
from scenarium.envs.pricing import features
from scenarium.envs.pricing.context import FARE_LAW, GROUP_LAW, MARKETS, STOPS_LAW, Context, signals
from scenarium.envs.pricing.demand import Demand
from scenarium.envs.pricing.presets import ancillary_pricing
from scenarium.envs.pricing.scenario import Drawn

TORCH = torch_namespace("cpu")


@pytest.fixture(scope="module")
def drawn() -> Any:
    """200,000 sessions."""
    found = ancillary_pricing().scenario(torch.arange(4000)).sessions(0, 50)
    flat = [type(part)(*(x.flatten() for x in part)) for part in (found.context, found.latent)]
    return Drawn(flat[0], flat[1], found.uniform.flatten(), None)


def test_the_facts_have_their_laws(drawn: Drawn) -> None:
    context, error = drawn.context, 0.005
    for values, law in ((context.group - 1.0, GROUP_LAW), (context.stops, STOPS_LAW), (context.fare, FARE_LAW)):
        shares = torch.bincount(values.long()) / len(values)
        np.testing.assert_allclose(shares, law, atol=error)
    assert float(context.days.median()) == pytest.approx(30.0, rel=0.02)
    assert (float(context.days.min()) > 0.0, float(context.days.max())) == (True, 330.0)
    assert float((context.stay == 0.0).float().mean()) == pytest.approx(0.25, abs=error)
    assert float(context.stay[context.stay > 0.0].median()) == pytest.approx(7.0, rel=0.02)
    for values, count in ((context.market, MARKETS), (context.weekday, 7), (context.month, 12)):
        np.testing.assert_allclose(torch.bincount(values.long()) / len(values), 1.0 / count, atol=error)


def test_signals_are_independent_standard_normals(drawn: Drawn) -> None:
    from scipy.stats import kstest

    seen = torch.stack(list(signals(drawn.context, TORCH))).double()
    np.testing.assert_allclose(np.corrcoef(seen), np.eye(3), atol=0.01)
    np.testing.assert_allclose(np.corrcoef(seen**2), np.eye(3), atol=0.01)
    for signal in seen:
        assert kstest(signal[:20_000].numpy(), "norm").pvalue > 1e-3
        assert float(signal.mean()) == pytest.approx(0.0, abs=0.01)
        assert float(signal.std()) == pytest.approx(1.0, abs=0.01)


def test_the_context_explains_three_quarters_of_the_willingness_to_pay(drawn: Drawn) -> None:
    """Measured: the variance of m between cells of contexts alike in both signals that move it."""
    seen = signals(drawn.context, TORCH)
    edges = torch.linspace(-2.4, 2.4, 33)
    cell = 40 * torch.bucketize(seen.purpose, edges) + torch.bucketize(seen.level, edges)
    median = drawn.latent.median.double()
    count = torch.bincount(cell, minlength=1600)
    mean = torch.bincount(cell, median, minlength=1600) / count.clamp(min=1)
    within = float(((median - mean[cell]) ** 2).sum() / (len(median) - int((count > 0).sum())))
    assert 1.0 - within / float(median.var()) == pytest.approx(0.75, abs=0.01)
    assert Demand().informativeness == 0.75


def test_earlier_bookers_mind_the_price_more(drawn: Drawn) -> None:
    early, late = drawn.context.days > 60.0, drawn.context.days < 10.0
    assert float(drawn.latent.median[late].mean()) > 1.3 * float(drawn.latent.median[early].mean())


def test_need_is_highest_for_medium_stays(drawn: Drawn) -> None:
    stay, need = drawn.context.stay, drawn.latent.need
    medium, long = need[(stay > 6.0) & (stay < 13.0)].mean(), need[stay > 25.0].mean()
    assert float(medium) > 1.15 * float(long)
    assert float(medium) > 1.15 * float(need[stay == 0.0].mean())


def test_markets_differ_in_how_often_they_buy(drawn: Drawn) -> None:
    rates = torch.stack([drawn.latent.need[drawn.context.market == k].mean() for k in range(MARKETS)])
    assert float(rates.max() / rates.min()) > 1.3


def test_features_and_back(drawn: Drawn) -> None:
    shown = torch.stack(features.encode(drawn.context, TORCH), -1)
    assert shown.shape == (200_000, features.SIZE)
    assert bool(((shown >= torch.as_tensor(features.LOW)) & (shown <= torch.as_tensor(features.HIGH))).all())
    back = features.decode(shown, TORCH)
    for name, was, now in zip(Context._fields, drawn.context, back, strict=True):
        torch.testing.assert_close(now, was, rtol=1e-4, atol=1e-4, msg=name)


def test_numpy_and_torch_give_the_same_signals(drawn: Drawn) -> None:
    few = Context(*(x[:1000] for x in drawn.context))
    mine = signals(Context(*(x.numpy() for x in few)), NUMPY)
    for a, b in zip(mine, signals(few, TORCH), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-5)


def test_sessions_are_addressed_one_by_one() -> None:
    scenario = ancillary_pricing().scenario(7)
    whole, part = scenario.sessions(0, 40), scenario.sessions(25, 5)
    np.testing.assert_array_equal(whole.context.days[25:30], part.context.days)
    np.testing.assert_array_equal(whole.latent.need[25:30], part.latent.need)
    row, shown = scenario.at(24), np.stack(features.encode(whole.context, NUMPY), -1)
    np.testing.assert_array_equal(row.following, shown[25])
    assert float(row.latent.median) == float(whole.latent.median[24])
