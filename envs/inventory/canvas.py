"""What the pictures of inventory networks share: palette, canvas and text."""

from __future__ import annotations

from typing import Any

from scenarium.envs.core.canvas import HEIGHT, INK, LINE, MUTED, PAPER, WIDTH, Image, figure_of, pixels

STOCK, TRANSIT, HUB = "#0f9d8a", "#3b82f6", "#7c5cd6"
SHORT, RATIONED = "#dc2f45", "#e08700"
COSTS = {"holding": STOCK, "underage": SHORT, "shipping": TRANSIT}

PANEL = 250
"""Pixels of the panel on the right."""

__all__ = [
    "COSTS", "HEIGHT", "HUB", "INK", "LINE", "MUTED", "PANEL", "PAPER", "RATIONED", "SHORT", "STOCK", "TRANSIT",
    "WIDTH", "Image", "canvas", "number", "pixels", "short_name", "write",
]  # fmt: skip


def canvas() -> tuple[Any, Any]:
    """A figure, and axes over all of it whose units are pixels from the top left."""
    figure = figure_of()
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_xlim(0, WIDTH)
    axes.set_ylim(HEIGHT, 0)
    axes.axis("off")
    return figure, axes


def short_name(name: str, width: float) -> str:
    """The name, cut to about `width` pixels."""
    room = max(3, int(width / 6.8))
    return name if len(name) <= room else f"{name[: room - 1]}\u2026"


def number(value: float) -> str:
    """A quantity in few characters."""
    return f"{value:.0f}" if abs(value) >= 100 or value == round(value) else f"{value:.1f}"


def write(axes: Any, x: float, y: float, text: str, *, size: float = 9, colour: str = INK, **style: Any) -> None:
    """Text at a place, vertically centred, left aligned unless `ha` says otherwise."""
    axes.text(x, y, text, fontsize=size, color=colour, **{"va": "center", "zorder": 8, **style})
