"""What the pictures of fisheries share: palette, canvas and axes."""

from __future__ import annotations

from typing import Any

from scenarium.envs.core.canvas import HEIGHT, INK, LINE, MUTED, PAPER, WIDTH, Image, figure_of, pixels

__all__ = [
    "DANGER", "HEIGHT", "INK", "LINE", "MUTED", "PAPER", "SHADE", "SPECIES", "WIDTH", "Image", "figure_of", "finish",
    "label", "pixels",
]  # fmt: skip

SHADE = "#f6f8fa"
DANGER = "#dc2f45"
SPECIES = {"X": "#0f9d8a", "Y": "#3b82f6", "Z": "#7c5cd6"}
"""Species and their colours: two kinds of prey, and their predator."""


def finish(axes: Any, title: str, legend: bool = False) -> None:
    """Title, quiet axes and, beside them, the legend."""
    axes.set_title(title, loc="left", fontsize=10, color=INK, weight="bold")
    if legend:
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, fontsize=9, labelcolor=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(LINE)
    axes.tick_params(colors=MUTED, labelsize=8, length=0)
    axes.set_axisbelow(True)


def label(axes: Any, x: str = "", y: str = "") -> None:
    """Names of the axes."""
    axes.set_xlabel(x, fontsize=9, color=MUTED)
    axes.set_ylabel(y, fontsize=9, color=MUTED)
