"""What the pictures of pricing share: palette, canvas and chart style."""

from __future__ import annotations

from typing import Any

from scenarium.envs.core.canvas import HEIGHT, INK, LINE, MUTED, PAPER, WIDTH, Image, pixels
from scenarium.envs.core.canvas import figure_of as canvas

__all__ = [
    "BEST", "CUSTOMER", "HEIGHT", "INK", "LINE", "LOST", "MUTED", "OFFER", "PALETTE", "PANEL", "PAPER", "WIDTH",
    "Image", "canvas", "legend", "pixels", "style",
]  # fmt: skip

PANEL = "#f6f8fa"
BEST, OFFER, LOST, CUSTOMER = "#0f9d8a", "#3b82f6", "#dc2f45", "#94a3b8"
PALETTE = ("#3b82f6", "#e08700", "#7c5cd6", "#dc2f45", "#0f9d8a", "#64748b", "#be185d", "#4d7c0f")


def style(axes: Any, title: str, x: str, y: str) -> None:
    """Titles and quiet axes."""
    axes.set_title(title, loc="left", fontsize=12, color=INK, weight="bold", pad=10)
    axes.set_xlabel(x, fontsize=10, color=MUTED)
    axes.set_ylabel(y, fontsize=10, color=MUTED)
    axes.tick_params(colors=MUTED, labelsize=9)
    axes.grid(True, color=LINE, linewidth=0.6, alpha=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(LINE)


def legend(axes: Any, **options: Any) -> None:
    """A frameless legend in the chart's colours."""
    axes.legend(**{"frameon": False, "fontsize": 9, "labelcolor": INK, **options})
