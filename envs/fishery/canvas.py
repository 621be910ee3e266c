"""What the pictures of fisheries share: palette, canvas and axes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]

INK, MUTED, LINE, PAPER, SHADE = "#1e293b", "#64748b", "#cbd5e1", "#ffffff", "#f6f8fa"
DANGER = "#dc2f45"
SPECIES = {"X": "#0f9d8a", "Y": "#3b82f6", "Z": "#7c5cd6"}
"""Species and their colours: two kinds of prey, and their predator."""

WIDTH, HEIGHT = 1200, 680


def figure_of(width: int = WIDTH, height: int = HEIGHT) -> Any:
    """An empty figure of that many pixels, drawn without a display."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width / 100, height / 100), dpi=100, facecolor=PAPER)
    FigureCanvasAgg(figure)
    return figure


def pixels(figure: Any) -> Image:
    """The figure as uint8 [height, width, 3]."""
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba(), dtype=np.uint8)[..., :3].copy()


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
