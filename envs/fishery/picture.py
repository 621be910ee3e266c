"""Policies as maps over the plane of the two fished stocks, one beside another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.fishery.canvas import DANGER, INK, MUTED, SPECIES, Image, figure_of, finish, label, pixels
from scenarium.envs.fishery.model import BOUND

if TYPE_CHECKING:
    from scenarium.envs.fishery.model import Fishery

Floats = npt.NDArray[np.float64]
Acting = Callable[[Any], Any]
"""A policy: observations [n, k] to actions [n, fished], both NumPy. An object with ``predict`` will do as well."""

STOCK_TOP = 1.2
GRID = 121


def draw_policies(
    model: Fishery, policies: Mapping[str, Acting | Any], *, t: int = 100, predator: float | None = None
) -> Image:
    """What policies do at every stock: the fraction taken of each fished species.

    With three species, one row per policy and one column per fished species, over the plane of X and Y at one stock of
    the predator; the white line is where nothing is taken any more, the cross the initial stocks. With one species,
    the stock left as a curve over the stock, all policies in one panel.

    Args:
        model: The problem the policies play.
        policies: By the name they are shown under; the optimum beside what is compared with it.
        t: The year, which matters to policies that see it.
        predator: Stock of Z; its initial stock if None.

    Returns:
        uint8 [height, width, 3].

    Raises:
        ScenariumError: There is no policy to draw.
    """
    if not policies:
        raise ScenariumError("draw_policies needs at least one policy")
    if model.parameters.species == 1:
        return _curves(model, policies, t)
    fished = list(SPECIES)[: model.parameters.harvested]
    figure = figure_of(90 + 520 * len(fished), 100 + 420 * len(policies))
    panels = figure.subplots(len(policies), len(fished), squeeze=False, sharex=True, sharey=True)
    z = model.parameters.initial[2] if predator is None else float(predator)
    axis = np.linspace(0.01, STOCK_TOP, GRID)
    x, y = np.meshgrid(axis, axis)
    stocks = np.stack([x.ravel(), y.ravel(), np.full(x.size, z)], -1)
    for row, (name, policy) in zip(panels, policies.items(), strict=True):
        taken = mortality(model, policy, stocks, t).reshape(GRID, GRID, -1)
        for i, (axes, species) in enumerate(zip(row, fished, strict=True)):
            image = _map(axes, axis, taken[..., i], model.parameters.initial)
            finish(axes, f"{name}: of {species}")
        label(row[0], y="Y")
    for axes in panels[-1]:
        label(axes, x="X")
    figure.subplots_adjust(left=0.08, right=0.86, top=1.0 - 70.0 / figure.bbox.height, bottom=0.09, hspace=0.2)
    bar = figure.colorbar(image, cax=figure.add_axes((0.885, 0.25, 0.018, 0.5)))
    bar.ax.tick_params(colors=MUTED, labelsize=8, length=0)
    bar.outline.set_visible(False)
    year = f"year {t}, " if model.time_observed else ""
    figure.text(0.08, 1.0 - 24.0 / figure.bbox.height, f"fraction taken at {year}Z = {z:.2f}", fontsize=12, color=INK)
    return pixels(figure)


def mortality(model: Fishery, policy: Acting | Any, stocks: Floats, t: int) -> Floats:
    """The fraction of each fished species a policy takes.

    Args:
        model: The problem the policy plays.
        policy: The policy.
        stocks: [n, k], natural units.
        t: The year.

    Returns:
        [n, fished], in [0, 1].
    """
    seen = stocks / BOUND if model.observation == "paper" else stocks / 2.0 - 1.0
    if model.time_observed:
        seen = np.concatenate([seen, np.full((len(seen), 1), t / model.horizon)], 1)
    seen = seen.astype(np.float32)
    answer = policy.predict(seen)[0] if hasattr(policy, "predict") else policy(seen)
    action = np.asarray(answer, np.float64).reshape(len(stocks), model.parameters.harvested)
    if model.action_mode == "mortality":
        return np.clip(action, 0.0, 1.0)
    fished = stocks[:, : model.parameters.harvested]
    left: Floats = np.minimum(np.maximum(action, 0.0), fished)
    return 1.0 - left / np.maximum(fished, 1e-9)


def _map(axes: Any, axis: Floats, taken: Floats, initial: tuple[float, ...]) -> Any:
    """One map; the fraction runs from 0 (dark) to 1."""
    image = axes.pcolormesh(axis, axis, taken, cmap="viridis", vmin=0.0, vmax=1.0, shading="nearest")
    if (taken < 0.01).any() and (taken > 0.01).any():
        axes.contour(axis, axis, taken, levels=[0.01], colors="white", linewidths=1.4)
    axes.plot(*initial[:2], "+", color="white", markersize=11, markeredgewidth=2)
    axes.set_aspect("equal")
    return image


def _curves(model: Fishery, policies: Mapping[str, Acting | Any], t: int) -> Image:
    """One species: the stock left over the stock found."""
    figure = figure_of(900, 560)
    axes = figure.subplots()
    stock = np.linspace(1e-3, 1.0, 400)
    colours = [SPECIES["Y"], INK, SPECIES["X"], SPECIES["Z"]]
    axes.plot(stock, stock, color=MUTED, linewidth=1, linestyle=(0, (2, 3)), label="take nothing")
    for i, (name, policy) in enumerate(policies.items()):
        left = stock * (1.0 - mortality(model, policy, stock[:, None], t)[:, 0])
        axes.plot(stock, left, color=colours[i % len(colours)], linewidth=2.2 - 0.6 * (i % 2), label=name)
    axes.axvspan(0.0, model.parameters.threshold, color=DANGER, alpha=0.12, linewidth=0)
    axes.set(xlim=(0.0, 1.0), ylim=(0.0, 1.0))
    year = f", year {t}" if model.time_observed else ""
    finish(axes, f"stock left in the sea{year}", legend=True)
    label(axes, "stock before harvest", "stock left")
    figure.subplots_adjust(left=0.08, right=0.78, top=0.92, bottom=0.1)
    return pixels(figure)
