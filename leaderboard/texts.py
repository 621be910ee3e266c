"""Numbers as the pages write them."""

from __future__ import annotations

import math
from typing import NamedTuple


def number(value: float, digits: int = 3) -> str:
    """Write a number with fixed decimals, fewer for large ones, a true minus sign and no negative zero."""
    decimals = max(0, digits - max(0, math.floor(math.log10(abs(value))))) if value else digits
    text = f"{value:.{decimals}f}"
    if float(text) == 0:
        text = text.removeprefix("-")
    return text.replace("-", "\u2212")


def short(value: float) -> str:
    """Write a score for a narrow column: two decimals, none from ten on."""
    decimals = 2 if abs(value) < 9.995 else 0
    text = f"{value:.{decimals}f}"
    if float(text) == 0:
        text = text.removeprefix("-")
    return text.replace("-", "\u2212")


def counted(value: float) -> str:
    """Write a count as people read it: 950, 12k, 3.5M."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"


class Quantity(NamedTuple):
    """A mean and its standard error, written with matching decimals."""

    mean: str
    std_error: str


def quantity(mean: float, std_error: float) -> Quantity:
    """Write a mean to the decimals that its standard error justifies (two digits of the error)."""
    if std_error <= 0:
        return Quantity(number(mean, 4), "0")
    decimals = min(12, max(0, 1 - math.floor(math.log10(std_error))))
    return Quantity(f"{mean:.{decimals}f}".replace("-", "\u2212"), f"{std_error:.{decimals}f}")
