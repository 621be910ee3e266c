"""Logged sessions with known propensities, as an airline's past offers would be, for offline learning and evaluation.

The logging policy names the probability of every price of a menu; the price is drawn from it and its probability is
kept. A log at one price alone does not identify how customers answer prices, which is why the online test of Shukla et
al. (KDD 2019) routed part of its traffic to random discounts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from scenarium.envs.core import rng
from scenarium.envs.core.errors import ScenariumError, unknown_name
from scenarium.envs.core.namespace import NUMPY
from scenarium.envs.pricing import features
from scenarium.envs.pricing.demand import LIST_PRICE
from scenarium.envs.pricing.model import AncillaryPricing
from scenarium.envs.pricing.scenario import acceptable

Floats = npt.NDArray[np.float32]
LoggingPolicy = Callable[[Floats, Floats], npt.ArrayLike]
"""From features [n, F] and the menu [K] to probabilities [n, K]."""
RANDOM_SD = 0.45
"""Spread of the random discounts that reproduce the published random arm."""
LOGGING_STREAM = 5


class LoggedSessions(NamedTuple):
    """What a log holds; session i is row i of every array.

    Attributes:
        context: Features, float32 [n, F].
        price: Offered price in list prices, float32 [n].
        purchased: 0 or 1, float32 [n].
        propensity: Probability with which the logging policy offered that price, float32 [n].
        menu: The prices it chose from, float32 [K].
        choice: Which of them, int64 [n].
    """

    context: Floats
    price: Floats
    purchased: Floats
    propensity: Floats
    menu: Floats
    choice: npt.NDArray[np.int64]


def human(context: Floats, menu: Floats) -> Floats:
    """Always the price of the menu nearest to the list price."""
    return np.broadcast_to(_one_price(menu), (len(context), len(menu)))


def random_discount(context: Floats, menu: Floats) -> Floats:
    """The random arm: ``1 - |N(0, 0.45)|``, rounded to the menu."""
    return np.broadcast_to(_rounded_discount(menu), (len(context), len(menu)))


def mixed(context: Floats, menu: Floats) -> Floats:
    """Half list price, half random discounts: traffic split as in an online test."""
    return 0.5 * human(context, menu) + 0.5 * random_discount(context, menu)


LOGGING_POLICIES: dict[str, LoggingPolicy] = {"human": human, "random": random_discount, "mixed": mixed}
"""Logging policies by name."""


def _one_price(menu: Floats) -> Floats:
    chosen = np.zeros(len(menu), np.float32)
    chosen[np.abs(menu - LIST_PRICE).argmin()] = 1.0
    return chosen


def _rounded_discount(menu: Floats) -> Floats:
    from scipy.special import ndtr

    middles = 0.5 * (menu[1:].astype(np.float64) + menu[:-1])
    below = 2.0 * ndtr(np.minimum(middles - LIST_PRICE, 0.0) / RANDOM_SD)
    return np.diff(below, prepend=0.0, append=1.0).astype(np.float32)


def log_sessions(
    model: AncillaryPricing, policy: str | LoggingPolicy = "mixed", sessions: int = 50_000, seed: int = 0
) -> LoggedSessions:
    """Plays a logging policy and keeps what an airline would.

    Args:
        model: The problem: its customers, and its menu of prices.
        policy: A name of `LOGGING_POLICIES`, or a function of features and menu.
        sessions: How many; the published data sets have 41,000 to 72,000.
        seed: World the customers come from, and the seed of the policy's draws.

    Raises:
        ScenariumError: The policy is unknown, or what it returns is not one probability per session and price.
    """
    if sessions < 1:
        raise ScenariumError(f"sessions {sessions} must be at least 1")
    if isinstance(policy, str) and policy not in LOGGING_POLICIES:
        raise unknown_name("logging policy", policy, LOGGING_POLICIES)
    drawn = model.scenario(seed).sessions(0, sessions)
    context = np.stack(features.encode(drawn.context, NUMPY), -1).astype(np.float32)
    menu = model.prices.menu().astype(np.float32)
    act = LOGGING_POLICIES[policy] if isinstance(policy, str) else policy
    chances = _checked(act(context, menu), (sessions, len(menu)))
    choice = _chosen(chances, seed)
    price = menu[choice]
    purchased = (price <= acceptable(drawn.latent, drawn.uniform, NUMPY)).astype(np.float32)
    propensity = chances[np.arange(sessions), choice].astype(np.float32)
    return LoggedSessions(context, price, purchased, propensity, menu, choice)


def _chosen(chances: npt.NDArray[np.float64], seed: int) -> npt.NDArray[np.int64]:
    """A draw of each session from its chances."""
    count = rng.counters(NUMPY, 0, len(chances), 1)[:, 0]
    uniform = rng.uniform_double(NUMPY, rng.words(rng.stream_key(seed, LOGGING_STREAM), count))
    bounds = np.cumsum(chances, -1)[:, :-1]
    return np.asarray((uniform[:, None] > bounds).sum(-1), np.int64)


def _checked(chances: npt.ArrayLike, shape: tuple[int, int]) -> npt.NDArray[np.float64]:
    array = np.asarray(chances, np.float64)
    if array.shape != shape:
        raise ScenariumError(f"a logging policy returned shape {array.shape}; expected probabilities {shape}")
    if not (array >= 0.0).all() or not np.allclose(array.sum(-1), 1.0, atol=1e-5):
        raise ScenariumError("a logging policy must return non-negative probabilities that sum to 1 in every session")
    return array
