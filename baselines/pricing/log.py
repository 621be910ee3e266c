"""The sessions pricing models are fitted on, and what a policy would have earned in them.

Half of the sessions see the list price and half a random price of known propensity (`envs.pricing.logged`): a log at
the list price alone does not identify how customers answer prices. Where prices may exceed the list price, so do the
random ones: 1 + N(0, 0.45), rounded to the menu.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.namespace import NUMPY
from scenarium.envs.pricing import features
from scenarium.envs.pricing.demand import LIST_PRICE, Latents
from scenarium.envs.pricing.logged import RANDOM_SD, human, log_sessions
from scenarium.envs.pricing.model import AncillaryPricing
from scenarium.envs.pricing.scenario import acceptable

_WORLD = 1 << 40
"""Worlds of the training customers start here: far from the seeds anybody evaluates on."""


class Log(NamedTuple):
    """Logged sessions, float32.

    Attributes:
        context: Features [n, `features.SIZE`].
        price: Offered, one of the menu, in list prices [n].
        rung: Its place in the menu, int64 [n].
        bought: 0 or 1 [n].
        propensity: Probability with which this price was offered [n].
        menu: The prices that are offered [K].
    """

    context: Tensor
    price: Tensor
    rung: Tensor
    bought: Tensor
    propensity: Tensor
    menu: Tensor

    def rows(self, index: Tensor) -> Log:
        """Some of the sessions."""
        context, price, rung, bought, propensity = (x[index] for x in self[:5])
        return Log(context, price, rung, bought, propensity, self.menu)


class Customers(NamedTuple):
    """A sample of sessions before anything is offered.

    Attributes:
        context: Features [n, `features.SIZE`].
        limit: The highest price each accepts, in list prices [n].
        latent: What decides them and nobody sees.
    """

    context: Tensor
    limit: Tensor
    latent: Latents

    def buys(self, price: Tensor) -> Tensor:
        """Whether each accepts a price, 0 or 1 [n]."""
        return (price <= self.limit).float()


def before_drift(model: AncillaryPricing) -> AncillaryPricing:
    """The same customers and prices, without drift and without an end of the units."""
    prices = model.prices
    return AncillaryPricing(model.demand, ladder=prices.ladder, legal=(prices.low, prices.high))


def customers(model: AncillaryPricing, count: int, seed: int = 0) -> Customers:
    """Independent sessions of a problem, before any drift.

    Args:
        model: The problem; only its demand enters.
        count: How many.
        seed: Different seeds give different customers.

    Raises:
        ScenariumError: The count is less than one.
    """
    if count < 1:
        raise ScenariumError(f"{count} sessions are too few; give at least 1")
    drawn = before_drift(model).scenario(_WORLD + seed).sessions(0, count)
    context = np.stack(features.encode(drawn.context, NUMPY), -1)
    limit = acceptable(drawn.latent, drawn.uniform, NUMPY)
    arrays = [torch.as_tensor(x, dtype=torch.float32) for x in (context, limit, *drawn.latent)]
    return Customers(arrays[0], arrays[1], Latents(*arrays[2:]))


def training_log(model: AncillaryPricing, sessions: int, seed: int = 0) -> Log:
    """Sessions of which half see the list price and half a random one.

    Args:
        model: The problem; its demand and its menu of prices enter.
        sessions: How many.
        seed: Of the customers and of the prices.
    """
    policy = "mixed" if model.prices.high <= LIST_PRICE else two_sided_traffic
    log = log_sessions(before_drift(model), policy, sessions, _WORLD + seed)
    arrays = (log.context, log.price, log.choice, log.purchased, log.propensity, log.menu)
    return Log(*(torch.as_tensor(np.array(x)) for x in arrays))


def two_sided_traffic(context: npt.NDArray[np.float32], menu: npt.NDArray[np.float32]) -> npt.ArrayLike:
    """Logging policy: half at the list price, half at 1 + N(0, 0.45) rounded to the menu."""
    from scipy.special import ndtr

    middles = 0.5 * (menu[1:].astype(np.float64) + menu[:-1])
    law = np.diff(ndtr((middles - LIST_PRICE) / RANDOM_SD), prepend=0.0, append=1.0)
    return 0.5 * human(context, menu) + 0.5 * law


def to_menu(price: Tensor, menu: Tensor) -> Tensor:
    """The place in the menu of the nearest price, int64."""
    return torch.bucketize(price.contiguous(), 0.5 * (menu[1:] + menu[:-1]))


def log_value(log: Log, recommended: Tensor) -> float:
    """What a policy would have earned on the log, by inverse propensity weighting, in list prices per session.

    Args:
        log: The sessions.
        recommended: Prices of the policy, rounded here to the menu [n].

    Source: Horvitz and Thompson (1952), self-normalised (Swaminathan and Joachims, NeurIPS 2015).
    """
    weight = (to_menu(recommended, log.menu) == log.rung).float() / log.propensity
    return float((weight * log.bought * log.price).sum() / weight.sum().clamp_min(1e-9))
