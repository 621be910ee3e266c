"""Losses of networks that output a price, and of networks that output a purchase probability."""

from __future__ import annotations

import torch
from torch import Tensor

from scenarium.envs.core.errors import ScenariumError


def interval_loss(
    output: Tensor, price: Tensor, bought: Tensor, lower: float, upper: float, weight: float = 1.0
) -> Tensor:
    """Mean distance of a recommended price from the interval a session's outcome suggests.

        bought:      [P, upper P]        not bought:  [lower P, P]

    so that a price below one that was accepted costs, and so does a price above one that was declined. Source: Ye et
    al., "Customized regression model for Airbnb dynamic pricing" (KDD 2018), equation of the strategy model's loss.

    DNN-CL (Shukla et al., KDD 2019) states a sum over the rungs of a ladder in which the interval of a rung turns on
    the outcome only where the sign of (j - j*) (-1)^y is right. Taken literally, its terms for rungs below the
    recommendation are max(0, F - c2 P) and for rungs above it max(0, c1 P - F): high prices are penalised after a
    purchase and low ones after a refusal, the opposite of what its prose asks for ("regret of pricing low if
    purchased, penalty for pricing high if not"). This form, at the price that was offered, does what the prose says.

    Args:
        output: Recommended prices [B].
        price: Offered prices P [B].
        bought: Whether the customer bought, bool or 0/1 [B].
        lower: c1 in (0, 1): how far below a declined price the best one may lie.
        upper: c2 > 1: how far above an accepted price.
        weight: Of a sale relative to a refusal. Where most customers want nothing at any price, their refusals would
            otherwise decide.

    Raises:
        ScenariumError: c1 or c2 is out of range.
    """
    if not 0.0 < lower < 1.0 < upper:
        raise ScenariumError(f"interval bounds are {lower} and {upper}; they must satisfy 0 < lower < 1 < upper")
    sold = bought.bool()
    low = torch.where(sold, price, lower * price)
    high = torch.where(sold, upper * price, price)
    return (torch.where(sold, weight, 1.0) * ((low - output).relu() + (output - high).relu())).mean()


def purchase_loss(logit: Tensor, bought: Tensor, weight: float = 1.0) -> Tensor:
    """Cross-entropy of purchases in which every sale counts `weight` times.

    Six sales in a hundred sessions are often weighted up; probabilities are then those of a reweighted population,
    and `unweighted` takes the weight out again before they enter a revenue.

    Args:
        logit: Of the purchase probability [B].
        bought: 0/1 [B].
        weight: Of a sale relative to a refusal, > 0.
    """
    scale = torch.tensor(weight, dtype=logit.dtype, device=logit.device)
    loss = torch.nn.functional.binary_cross_entropy_with_logits
    return loss(logit, bought.to(logit.dtype), pos_weight=scale)


def unweighted(logit: Tensor, weight: float) -> Tensor:
    """Purchase probabilities from logits fitted with sales weighted up: the weight only shifts the logit."""
    return torch.sigmoid(logit - torch.log(torch.tensor(weight, dtype=logit.dtype, device=logit.device)))
