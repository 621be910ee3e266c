from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scenarium.baselines.pricing.log import Log, log_value, to_menu, training_log
from scenarium.baselines.pricing.losses import purchase_loss
from scenarium.baselines.pricing.networks import MonotoneNet, PriceNet, PurchaseNet, Training, train
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.pricing import features, presets


@given(st.integers(0, 10_000), st.floats(0.1, 20.0), st.lists(st.floats(0.0, 2.0), min_size=2, max_size=6))
@settings(max_examples=40)
def test_forecast_falls_in_the_price_whatever_the_weights(seed: int, scale: float, prices: list[float]) -> None:
    torch.manual_seed(seed)
    net = MonotoneNet(4, torch.tensor([0.2, 0.4, 0.6, 1.0, 1.5]), hidden=8)
    with torch.no_grad():
        for weights in net.parameters():
            weights.mul_(scale)
        logits = net.curve(scale * torch.randn(16, 4), torch.tensor(sorted(prices)))
    assert bool((logits.diff(dim=-1) <= 1e-4 * (1.0 + logits.abs().max())).all())


def test_a_plain_network_does_not_fall_in_the_price_by_construction() -> None:
    torch.manual_seed(0)
    net = PurchaseNet(4, hidden=8, dropout=0.0)
    context, prices = torch.randn(64, 4), torch.linspace(0.2, 1.0, 9)
    with torch.no_grad():
        logits = net(context[:, None].expand(-1, 9, -1), prices.expand(64, -1))
    assert bool((logits.diff(dim=-1) > 0.0).any())


def test_curve_and_single_price_agree_and_prices_are_legal() -> None:
    torch.manual_seed(0)
    net, context = MonotoneNet(3, torch.tensor([0.2, 0.5, 1.0]), hidden=8), torch.randn(7, 3)
    prices = torch.tensor([0.2, 0.35, 0.9, 1.4])
    curve = net.curve(context, prices)
    for k, price in enumerate(prices):
        torch.testing.assert_close(net(context, price.expand(7)), curve[:, k])
    torch.testing.assert_close(curve[:, 3], net(context, torch.ones(7)))  # flat beyond the last knot
    named = PriceNet(3, 0.2, 1.5, hidden=8)(100.0 * torch.randn(500, 3)).detach()
    assert 0.2 <= float(named.min()) < 0.3
    assert 1.4 < float(named.max()) <= 1.5


def test_training_is_repeatable_and_learns_a_demand_curve() -> None:
    generator = torch.Generator().manual_seed(0)
    menu = torch.tensor([0.25, 0.5, 0.75, 1.0])
    rung = torch.randint(4, (20_000,), generator=generator)
    chance = torch.tensor([0.8, 0.6, 0.3, 0.1])
    bought = (torch.rand(20_000, generator=generator) < chance[rung]).float()
    log = Log(torch.zeros(20_000, 2), menu[rung], rung, bought, torch.full((20_000,), 0.25), menu)

    def fit(seed: int) -> MonotoneNet:
        how = Training(epochs=12, batch=1000, learning_rate=0.02)
        net = train(lambda: MonotoneNet(2, menu, 8), log, lambda out, rows: purchase_loss(out, rows.bought), seed, how)
        assert isinstance(net, MonotoneNet)
        return net

    before = torch.random.get_rng_state()
    first, again, other = fit(0), fit(0), fit(1)
    assert torch.equal(torch.random.get_rng_state(), before)
    with torch.no_grad():
        curves = [net.curve(torch.zeros(1, 2), menu)[0] for net in (first, again, other)]
    assert torch.equal(curves[0], curves[1])
    assert not torch.equal(curves[0], curves[2])
    torch.testing.assert_close(torch.sigmoid(curves[0]), chance, atol=0.03, rtol=0)


def test_the_log_is_split_between_list_price_and_random_prices() -> None:
    log = training_log(presets.ancillary_pricing(), 100_000)
    assert log.context.shape == (100_000, features.SIZE)
    assert float((log.price == 1.0).float().mean()) == pytest.approx(0.544, abs=0.01)
    assert float(log.bought[log.price == 1.0].mean()) == pytest.approx(0.1004, abs=0.004)
    torch.testing.assert_close(log.menu[log.rung], log.price)
    counts = torch.bincount(log.rung, minlength=9) / 100_000
    by_rung = torch.stack([log.propensity[log.rung == k].mean() for k in range(9)])
    torch.testing.assert_close(by_rung, counts, atol=0.005, rtol=0)
    both = training_log(presets.two_sided(), 5000)
    assert float((both.price > 1.01).float().mean()) > 0.15


def test_inverse_propensities_value_a_policy_that_did_not_log() -> None:
    model = presets.ancillary_pricing()
    log = training_log(model, 200_000, seed=3)
    assert log_value(log, torch.ones(200_000)) == pytest.approx(0.1004, rel=0.03)
    assert log_value(log, torch.full((200_000,), 0.6)) == pytest.approx(0.6 * 0.117, rel=0.08)
    assert to_menu(torch.tensor([0.0, 0.26, 0.96, 3.0]), log.menu).tolist() == [0, 1, 8, 8]


def test_an_empty_log_is_refused() -> None:
    with pytest.raises(ScenariumError, match="at least 1"):
        training_log(presets.ancillary_pricing(), 0)
