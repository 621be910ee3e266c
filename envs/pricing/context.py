"""What is known of a booking session before the offer, and what it tells about the customer.

Thirteen independent facts of a session, none of them personal: they follow the groups Shukla et al. (KDD 2019) list
(time, market, price comparison, journey), with laws chosen by us. Three sums of scores of them, each mapped to a
standard normal, are the signals: of the trip's purpose (who minds the price), of the level of the willingness to pay,
and of the need. Every fact enters one signal only, and the 15 markets cross five levels of need with three of
purpose, so the signals are independent.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from scenarium.envs.core.namespace import Array, Namespace

Floats = npt.NDArray[np.float64]


class Signals(NamedTuple):
    """Independent standard normals that the context determines.

    Attributes:
        purpose: High where customers hardly mind the price.
        level: High where the willingness to pay is high for the customer's segment.
        need: High where the ancillary is wanted.
    """

    purpose: Array
    level: Array
    need: Array


class Context(NamedTuple):
    """The facts of a session, float arrays of one shape.

    Attributes:
        days: Days from booking to departure, 0 to 330 (median 30).
        stay: Length of stay in days, 0 for a one-way trip (a quarter), else median 7.
        group: Travellers, 1 to 5 (5 stands for more).
        stops: Number of stops, 0 to 2.
        fare: Fare group: 0 light, 1 standard, 2 flexible.
        weekday: Weekday of departure, 0 Monday to 6 Sunday.
        month: Month of departure, 0 to 11.
        departure_hour: Hour of departure, 0 to 23.
        shopping_hour: Hour of the session, 0 to 23; says nothing about the customer.
        market: Cluster of origin and destination, 0 to 14.
        same_flight: Standardised score of the chosen fare against others of the same flight.
        across_classes: Standardised score against other booking classes.
        popularity: Standardised popularity of the ancillary on the route.
    """

    days: Array
    stay: Array
    group: Array
    stops: Array
    fare: Array
    weekday: Array
    month: Array
    departure_hour: Array
    shopping_hour: Array
    market: Array
    same_flight: Array
    across_classes: Array
    popularity: Array


MARKETS = 15
NORMALS, UNIFORMS = 5, 9
"""How many draws of either kind make a session's context."""

_DAYS_MEDIAN, _DAYS_SD, _DAYS_MOST = 30.0, 1.0, 330.0
_STAY_MEDIAN, _STAY_SD, _ONE_WAY = 7.0, 0.8, 0.25
GROUP_LAW = (0.55, 0.27, 0.08, 0.07, 0.03)
STOPS_LAW = (0.65, 0.28, 0.07)
FARE_LAW = (0.50, 0.35, 0.15)

# Scores: what each fact adds to its signal before scaling. Late bookers, flexible fares and weekdays do not mind the
# price; need is highest for stays of about nine days and grows with the group (the paper's qualitative facts).
_DAYS_SCORE, _SAME_FLIGHT_SCORE, _CLASSES_SCORE, _POPULARITY_SCORE = -0.80, 0.45, 0.80, 0.70
_FARE_SCORE = (-0.45, 0.15, 1.10)
_WEEKDAY_SCORE = (0.35, 0.35, 0.35, 0.35, 0.0, -0.55, -0.55)
_PURPOSE_TIERS = (-0.55, 0.0, 0.55)
_GROUP_SCORE = (0.0, 0.25, 0.45, 0.60, 0.80)
_STOPS_SCORE = (0.0, 0.20, 0.40)
_NEED_TIERS = (-0.70, -0.35, 0.0, 0.35, 0.70)
_HUMP, _HUMP_CENTRE, _HUMP_WIDTH = 1.1, math.log(9.0), 0.55
_SEASON, _SEASON_PEAK, _DAYTIME, _DAYTIME_PEAK = 0.50, 6.0, 0.35, 8.0


def draw_context(normals: Any, uniforms: Any, xp: Namespace) -> Context:
    """Facts from independent draws.

    Args:
        normals: `NORMALS` standard normal arrays of one shape.
        uniforms: `UNIFORMS` arrays in (0, 1) of that shape.
        xp: Namespace of the arrays.
    """
    days, stay, same_flight, across_classes, popularity = normals
    one_way, group, stops, fare, weekday, month, departure, shopping, market = uniforms
    return Context(
        days=xp.minimum(_DAYS_MEDIAN * xp.exp(_DAYS_SD * days), _DAYS_MOST),
        stay=xp.where(one_way < _ONE_WAY, stay * 0.0, _STAY_MEDIAN * xp.exp(_STAY_SD * stay)),
        group=1.0 + _category(group, GROUP_LAW, xp),
        stops=_category(stops, STOPS_LAW, xp),
        fare=_category(fare, FARE_LAW, xp),
        weekday=xp.floor(weekday * 7.0),
        month=xp.floor(month * 12.0),
        departure_hour=xp.floor(departure * 24.0),
        shopping_hour=xp.floor(shopping * 24.0),
        market=xp.floor(market * float(MARKETS)),
        same_flight=same_flight,
        across_classes=across_classes,
        popularity=popularity,
    )


def _category(uniform: Array, law: tuple[float, ...], xp: Namespace) -> Array:
    drawn = uniform * 0.0
    for bound in np.cumsum(law)[:-1].tolist():
        drawn = drawn + xp.cast(uniform > bound, "float")
    return drawn


def _score(category: Array, scores: tuple[float, ...], xp: Namespace) -> Array:
    """The score of each category, without a gather."""
    value = category * 0.0 + scores[0]
    for k, (before, after) in enumerate(zip(scores, scores[1:], strict=False), start=1):
        value = value + (after - before) * xp.cast(category >= k, "float")
    return value


def _days_score(days: Array, xp: Namespace) -> Array:
    return (_DAYS_SCORE / _DAYS_SD) * xp.log(days / _DAYS_MEDIAN)


def _stay_score(stay: Array, xp: Namespace) -> Array:
    distance = (xp.log(xp.maximum(stay, 1e-3)) - _HUMP_CENTRE) / _HUMP_WIDTH
    return _HUMP * xp.exp(-0.5 * distance * distance)


def _cycle(x: Array, peak: float, period: float, xp: Namespace) -> Array:
    return xp.cos((x - peak) * (2.0 * math.pi / period))


def raw_scores(context: Context, xp: Namespace) -> tuple[Array, Array, Array]:
    """The three sums of scores, before each is mapped to a standard normal."""
    need_tier = xp.floor((context.market + 0.5) / 3.0)
    purpose = (
        _SAME_FLIGHT_SCORE * context.same_flight
        + _days_score(context.days, xp)
        + _score(context.fare, _FARE_SCORE, xp)
        + _score(context.weekday, _WEEKDAY_SCORE, xp)
        + _score(context.market - 3.0 * need_tier, _PURPOSE_TIERS, xp)
    )
    level = (
        _CLASSES_SCORE * context.across_classes
        + _SEASON * _cycle(context.month, _SEASON_PEAK, 12.0, xp)
        + _DAYTIME * _cycle(context.departure_hour, _DAYTIME_PEAK, 24.0, xp)
    )
    need = (
        _POPULARITY_SCORE * context.popularity
        + _stay_score(context.stay, xp)
        + _score(context.group, (0.0, *_GROUP_SCORE), xp)
        + _score(context.stops, _STOPS_SCORE, xp)
        + _score(need_tier, _NEED_TIERS, xp)
    )
    return purpose, level, need


def signals(context: Context, xp: Namespace) -> Signals:
    """The signals of sessions: each raw score's quantile, as a standard normal.

    Args:
        context: Facts of sessions, any shape.
        xp: Namespace of the arrays.
    """
    raw = raw_scores(context, xp)
    return Signals(*(_standardise(x, signal, xp) for signal, x in enumerate(raw)))


class _Table(NamedTuple):
    """Normal scores of a raw score on an even grid."""

    low: float
    per_unit: float
    values: Floats


_GRID = 401


@cache
def _values(signal: int, xp: Namespace) -> Array:
    return xp.constant(_tables()[signal].values)


def _standardise(raw: Array, signal: int, xp: Namespace) -> Array:
    table, values = _tables()[signal], _values(signal, xp)
    position = xp.minimum(xp.maximum((raw - table.low) * table.per_unit, 0.0), _GRID - 1.001)
    cell = xp.floor(position)
    index = xp.cast(cell, "index")
    below = values[index]
    return below + (position - cell) * (values[index + 1] - below)


@cache
def _tables() -> tuple[_Table, _Table, _Table]:
    """From raw score to normal score for each signal, from the exact laws of the facts."""
    from scipy.special import ndtri

    quantiles = ndtri((np.arange(96) + 0.5) / 96)
    even = np.full(96, 1.0 / 96)
    days = np.minimum(_DAYS_SD * quantiles, math.log(_DAYS_MOST / _DAYS_MEDIAN)) * (_DAYS_SCORE / _DAYS_SD)
    hump = _HUMP * np.exp(-0.5 * ((math.log(_STAY_MEDIAN) + _STAY_SD * quantiles - _HUMP_CENTRE) / _HUMP_WIDTH) ** 2)
    stay = (np.append(hump, 0.0), np.append((1.0 - _ONE_WAY) * even, _ONE_WAY))
    purpose = [(days, even), (_FARE_SCORE, FARE_LAW), _even(_WEEKDAY_SCORE), _even(_PURPOSE_TIERS)]
    season = _SEASON * np.cos((np.arange(12) - _SEASON_PEAK) * (2.0 * math.pi / 12.0))
    daytime = _DAYTIME * np.cos((np.arange(24) - _DAYTIME_PEAK) * (2.0 * math.pi / 24.0))
    need = [stay, (_GROUP_SCORE, GROUP_LAW), (_STOPS_SCORE, STOPS_LAW), _even(_NEED_TIERS)]
    return (
        _table(_SAME_FLIGHT_SCORE, purpose),
        _table(_CLASSES_SCORE, [_even(season), _even(daytime)]),
        _table(_POPULARITY_SCORE, need),
    )


def _even(scores: Any) -> tuple[Any, Any]:
    return scores, np.full(len(scores), 1.0 / len(scores))


def _table(normal_score: float, parts: list[tuple[Any, Any]]) -> _Table:
    """The normal quantile of a normal plus independent discrete scores; equal sums are merged to keep it small."""
    from scipy.special import ndtr, ndtri

    atoms: Floats = np.zeros(1)
    weights: Floats = np.ones(1)
    for scores, law in parts:
        atoms = np.round(np.add.outer(atoms, np.asarray(scores)).ravel(), 3)
        weights = np.multiply.outer(weights, np.asarray(law)).ravel()
        atoms, place = np.unique(atoms, return_inverse=True)
        weights = np.asarray(np.bincount(place, weights), np.float64)
    low, high = atoms[0] - 4.5 * normal_score, atoms[-1] + 4.5 * normal_score
    grid = np.linspace(low, high, _GRID)
    z = (grid[:, None] - atoms) / normal_score
    below, above = ndtr(z) @ weights, ndtr(-z) @ weights
    values = np.where(below < 0.5, ndtri(np.maximum(below, 1e-12)), -ndtri(np.maximum(above, 1e-12)))
    return _Table(float(low), (_GRID - 1) / float(high - low), values)
