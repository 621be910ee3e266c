"""What all pictures share: colours, a figure drawn without a display, and PNG files."""

from __future__ import annotations

import io
import os
from typing import Any

import numpy as np
import numpy.typing as npt

from scenarium.envs.core.files import write_atomic

Image = npt.NDArray[np.uint8]
"""uint8 [height, width, 3]."""

INK, MUTED, LINE, PAPER = "#1e293b", "#64748b", "#cbd5e1", "#ffffff"
WIDTH, HEIGHT = 1200, 680
"""Pixels of a picture."""


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


def write_png(path: str | os.PathLike[str], picture: Image) -> None:
    """Writes a picture [height, width, 3] as PNG."""
    from matplotlib.image import imsave

    buffer = io.BytesIO()
    imsave(buffer, picture, format="png")
    write_atomic(path, buffer.getvalue())
