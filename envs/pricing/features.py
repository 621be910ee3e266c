"""How a session's facts are shown to an agent: numbers of about unit size, and back."""

from __future__ import annotations

import math

import numpy as np

from scenarium.envs.core.namespace import Array, Namespace
from scenarium.envs.pricing.context import MARKETS, Context

_FARES, _DAYS_OF_WEEK = 3, 7
NAMES: tuple[str, ...] = (
    "days", "stay", "one_way", "group", "stops", "same_flight", "across_classes", "popularity",
    "month_sin", "month_cos", "departure_sin", "departure_cos", "shopping_sin", "shopping_cos",
    *(f"fare_{k}" for k in range(_FARES)),
    *(f"weekday_{k}" for k in range(_DAYS_OF_WEEK)),
    *(f"market_{k}" for k in range(MARKETS)),
)  # fmt: skip
"""The features of an observation, in order."""
SIZE = len(NAMES)
_FIRST_FARE = NAMES.index("fare_0")
_FIRST_WEEKDAY = NAMES.index("weekday_0")
_FIRST_MARKET = NAMES.index("market_0")
_TURN = 2.0 * math.pi


def encode(context: Context, xp: Namespace) -> tuple[Array, ...]:
    """The features of `NAMES`, each of the shape of the facts.

    Days and stay on a logarithmic scale, hours and month as points on a circle, fare, weekday and market one-hot.
    """
    hot = [_one_hot(*one, xp) for one in ((context.fare, _FARES), (context.weekday, _DAYS_OF_WEEK))]
    return (
        xp.log(context.days * (1.0 / 30.0)),
        xp.log(1.0 + context.stay) - 2.0,
        xp.cast(context.stay == 0.0, "float"),
        0.5 * (context.group - 1.0),
        context.stops,
        context.same_flight,
        context.across_classes,
        context.popularity,
        *circle(context.month, 12.0, xp),
        *circle(context.departure_hour, 24.0, xp),
        *circle(context.shopping_hour, 24.0, xp),
        *hot[0],
        *hot[1],
        *_one_hot(context.market, MARKETS, xp),
    )


def circle(x: Array, period: float, xp: Namespace) -> tuple[Array, Array]:
    """Sine and cosine of a number that recurs after `period`."""
    angle = x * (_TURN / period)
    return xp.sin(angle), xp.cos(angle)


def _one_hot(category: Array, count: int, xp: Namespace) -> list[Array]:
    return [xp.cast(category == k, "float") for k in range(count)]


def decode(observation: Array, xp: Namespace) -> Context:
    """The facts back from observations [..., at least SIZE], for rules that reason in them.

    Days, stay and hours come back to float precision; the rest exactly.
    """
    feature = {name: observation[..., k] for k, name in enumerate(NAMES)}
    one_way = feature["one_way"] > 0.5
    stay = xp.exp(feature["stay"] + 2.0) - 1.0
    return Context(
        days=30.0 * xp.exp(feature["days"]),
        stay=xp.where(one_way, stay * 0.0, stay),
        group=2.0 * feature["group"] + 1.0,
        stops=feature["stops"],
        fare=_hottest(observation, _FIRST_FARE, _FARES),
        weekday=_hottest(observation, _FIRST_WEEKDAY, _DAYS_OF_WEEK),
        month=_angle(feature["month_sin"], feature["month_cos"], 12, xp),
        departure_hour=_angle(feature["departure_sin"], feature["departure_cos"], 24, xp),
        shopping_hour=_angle(feature["shopping_sin"], feature["shopping_cos"], 24, xp),
        market=_hottest(observation, _FIRST_MARKET, MARKETS),
        same_flight=feature["same_flight"],
        across_classes=feature["across_classes"],
        popularity=feature["popularity"],
    )


def _hottest(observation: Array, first: int, count: int) -> Array:
    value = observation[..., first] * 0.0
    for k in range(1, count):
        value = value + k * observation[..., first + k]
    return value


def _angle(sine: Array, cosine: Array, period: int, xp: Namespace) -> Array:
    """The whole number whose point on the circle is nearest."""
    best, closest = sine * 0.0, sine * 0.0 - 2.0
    for k in range(period):
        closeness = sine * math.sin(_TURN * k / period) + cosine * math.cos(_TURN * k / period)
        best, closest = xp.where(closeness > closest, float(k), best), xp.maximum(closeness, closest)
    return best


LOW = np.array([-np.inf, -2.0, 0, 0, 0, *[-np.inf] * 3, *[-1.0] * 6, *[0.0] * (SIZE - 14)], np.float32)
HIGH = np.array([np.inf, np.inf, 1, 2, 2, *[np.inf] * 3, *[1.0] * 6, *[1.0] * (SIZE - 14)], np.float32)
"""Bounds of the features."""
