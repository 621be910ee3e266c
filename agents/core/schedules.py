"""Schedules: a number that changes over a run, as a function of how much of the run is done."""

from __future__ import annotations

import math
from collections.abc import Callable

from scenarium.envs.core.errors import ScenariumError, unknown_name

Schedule = Callable[[float], float]
"""A value as a function of progress, which runs from 0 (start) to 1 (end)."""


def constant(value: float) -> Schedule:
    """The same value throughout."""
    return lambda progress: value


def linear(start: float, end: float = 0.0) -> Schedule:
    """A straight line from `start` to `end`."""
    return lambda progress: start + (end - start) * progress


def cosine(start: float, end: float = 0.0) -> Schedule:
    """Half a cosine wave from `start` to `end` (Loshchilov and Hutter, 2017, one cycle)."""
    return lambda progress: end + 0.5 * (start - end) * (1.0 + math.cos(math.pi * progress))


_MAKERS: dict[str, Callable[..., Schedule]] = {"constant": constant, "linear": linear, "cosine": cosine}
_ARGUMENTS = {"constant": (1,), "linear": (1, 2), "cosine": (1, 2)}


def parse_schedule(value: float | str | Schedule) -> Schedule:
    """Makes a schedule from a number, a text or a function.

    Args:
        value: A number stays constant. A text is a kind and its numbers, such as ``"cosine 0.01 0.0001"``,
            ``"linear 0.003"`` (to zero) or ``"0.01"``. A function of progress in [0, 1] is taken as it is.

    Raises:
        ScenariumError: The kind is unknown, or its numbers are missing, too many or no numbers.
    """
    if callable(value):
        return _clipped(value)
    if not isinstance(value, str):
        return constant(float(value))
    kind, *texts = value.replace(":", " ").split() or [""]
    numbers = _numbers(value, [kind] if _is_number(kind) else texts)
    if _is_number(kind):
        kind = "constant"
    if kind not in _MAKERS:
        raise unknown_name("schedule", kind, _MAKERS)
    if len(numbers) not in _ARGUMENTS[kind]:
        raise ScenariumError(f"schedule {value!r} needs {_ARGUMENTS[kind][-1]} number(s), as in '{kind} 0.01'")
    return _clipped(_MAKERS[kind](*numbers))


def _clipped(schedule: Schedule) -> Schedule:
    return lambda progress: schedule(min(max(progress, 0.0), 1.0))


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _numbers(value: str, texts: list[str]) -> list[float]:
    if not all(_is_number(text) for text in texts):
        raise ScenariumError(f"schedule {value!r} is not a kind and numbers, as in 'cosine 0.01 0.0001'")
    return [float(text) for text in texts]
