from __future__ import annotations

import pytest
import torch

from scenarium.baselines.pricing.losses import interval_loss, purchase_loss, unweighted
from scenarium.envs.core.errors import ScenariumError


@pytest.mark.parametrize(
    ("output", "bought", "sign"),
    [
        (0.8, True, -1.0),  # sold at 1: 0.8 gives money away, so the price must rise
        (1.1, True, 0.0),
        (1.5, True, 1.0),
        (1.2, False, 1.0),  # declined at 1: 1.2 would be declined too, so the price must fall
        (0.8, False, 0.0),
        (0.5, False, -1.0),
    ],
)
def test_interval_loss_pulls_the_price_the_right_way(output: float, bought: bool, sign: float) -> None:
    price = torch.tensor([output], requires_grad=True)
    interval_loss(price, torch.ones(1), torch.tensor([bought]), lower=0.7, upper=1.3).backward()
    assert price.grad is not None
    assert float(price.grad) == sign


def test_interval_loss_by_hand() -> None:
    output, offered = torch.tensor([0.5, 2.0, 0.2, 1.0]), torch.ones(4)
    bought = torch.tensor([1.0, 1.0, 0.0, 0.0])
    assert float(interval_loss(output, offered, bought, 0.6, 1.5)) == pytest.approx((0.5 + 0.5 + 0.4 + 0.0) / 4)


def test_weight_is_taken_out_of_the_probabilities() -> None:
    bought = torch.tensor([1.0] * 6 + [0.0] * 94)
    for weight in (1.0, 5.0):
        logit = torch.zeros(1, requires_grad=True)
        optimiser = torch.optim.LBFGS([logit], max_iter=50, line_search_fn="strong_wolfe")

        def loss(logit: torch.Tensor = logit, weight: float = weight) -> torch.Tensor:
            logit.grad = None
            value = purchase_loss(logit.expand(100), bought, weight)
            value.backward()  # type: ignore[no-untyped-call]
            return value

        optimiser.step(loss)
        assert float(unweighted(logit.detach(), weight)) == pytest.approx(0.06, abs=1e-3)


def test_what_is_wrong_is_said() -> None:
    with pytest.raises(ScenariumError, match="0 < lower < 1 < upper"):
        interval_loss(torch.ones(1), torch.ones(1), torch.ones(1), 1.2, 1.3)
