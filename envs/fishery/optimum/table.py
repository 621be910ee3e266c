"""Escapement targets as small files: what the dynamic program decides, rounded to half precision on coarse knots."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scenarium.envs.core.errors import ScenariumError, unknown_name
from scenarium.envs.core.files import write_atomic
from scenarium.envs.fishery.dynamics import Parameters
from scenarium.envs.fishery.optimum.grid import Floats
from scenarium.envs.fishery.variants import VARIANTS

if TYPE_CHECKING:
    from torch import Tensor

FOLDER = Path(__file__).resolve().with_name("tables")
VALUES = FOLDER / "values.json"


@dataclass(frozen=True)
class Table:
    """Targets of each fished species, interpolated linearly in the year and the stocks.

    Attributes:
        years: Knots in time, ascending [K]; a single one if the policy does not see the year.
        axes: Knots in the stock of each species, natural units, ascending.
        targets: Per fished species [K, ...one axis per species], 1 where it does not depend on a stock; the stock to
            leave, natural units, of which a smaller stock is left alone.
    """

    years: Floats
    axes: tuple[Floats, ...]
    targets: tuple[Floats, ...]
    _placed: dict[str, list[Any]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def sees_year(self) -> bool:
        """Whether the policy depends on the year."""
        return len(self.years) > 1

    def escapement(self, stocks: Tensor, year: Tensor | float = 0.0) -> Tensor:
        """The stocks a harvest leaves.

        Args:
            stocks: Before the harvest [B, species], natural units.
            year: Year [B], or one for all; of no account if the policy does not see it.

        Returns:
            Of the fished species [B, harvested], at most their stocks.
        """
        import torch

        knots, tables = self._on(stocks.device)
        seen = [torch.as_tensor(year, dtype=stocks.dtype, device=stocks.device).expand(len(stocks)), *stocks.unbind(1)]
        cells = [_cell(axis, x.contiguous()) if len(axis) > 1 else None for axis, x in zip(knots, seen, strict=True)]
        levels = torch.stack([_interpolated(table, cells) for table in tables], 1)
        return torch.minimum(levels, stocks[:, : len(tables)])

    def _on(self, device: Any) -> list[Any]:
        """Knots and targets as tensors on a device, built once."""
        import torch

        if str(device) not in self._placed:
            arrays = [(self.years, *self.axes), self.targets]
            self._placed[str(device)] = [
                [torch.as_tensor(np.asarray(a, dtype=np.float32), device=device) for a in group] for group in arrays
            ]
        return self._placed[str(device)]


def _cell(axis: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    """The knot below each x and how far x is on the way to the next, in [0, 1]."""
    import torch

    low = (torch.searchsorted(axis, x, right=True) - 1).clamp(0, len(axis) - 2)
    return low, ((x - axis[low]) / (axis[low + 1] - axis[low])).clamp(0.0, 1.0)


def _interpolated(table: Tensor, cells: Sequence[tuple[Tensor, Tensor] | None]) -> Tensor:
    """Multilinear interpolation over the axes longer than 1."""
    used = [(size, cell) for size, cell in zip(table.shape, cells, strict=True) if size > 1 and cell is not None]
    flat = table.reshape(-1)
    total: Any = 0.0
    for corner in itertools.product((0, 1), repeat=len(used)):
        place: Any = 0
        weight: Any = 1.0
        for (size, (low, part)), up in zip(used, corner, strict=True):
            place = place * size + low + up
            weight = weight * (part if up else 1.0 - part)
        total = total + weight * flat[place]
    result: Tensor = total
    return result


def save_tables(path: Path, tables: Mapping[str, Table]) -> None:
    """Writes tables to a safetensors file, half precision (knots in single precision).

    Args:
        path: The file.
        tables: By name, such as "timed" and "stationary".
    """
    from safetensors.numpy import save

    content: dict[str, Floats] = {}
    for name, table in tables.items():
        content[f"{name}.years"] = np.asarray(table.years, dtype=np.float32)
        content |= {f"{name}.axis.{i}": np.asarray(axis, dtype=np.float32) for i, axis in enumerate(table.axes)}
        content |= {f"{name}.target.{i}": np.asarray(a, dtype=np.float16) for i, a in enumerate(table.targets)}
    write_atomic(path, save({key: np.ascontiguousarray(value) for key, value in content.items()}))


def read_tables(path: Path) -> dict[str, Table]:
    """Reads what `save_tables` wrote.

    Raises:
        ScenariumError: The file is missing or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        content = load(path.read_bytes())
    except (OSError, SafetensorError):
        raise ScenariumError(f"{path} is no readable table file") from None
    names = dict.fromkeys(key.split(".")[0] for key in content)
    return {name: _assembled(name, content, path) for name in names}


def _assembled(name: str, content: Mapping[str, Floats], path: Path) -> Table:
    def numbered(kind: str) -> tuple[Floats, ...]:
        keys = sorted(key for key in content if key.startswith(f"{name}.{kind}."))
        return tuple(content[key].astype(np.float64) for key in keys)

    table = Table(content.get(f"{name}.years", np.zeros(0)).astype(np.float64), numbered("axis"), numbered("target"))
    knots = (len(table.years), *(len(axis) for axis in table.axes))
    fits = all(
        a.ndim == len(knots) and all(n in (1, k) for n, k in zip(a.shape, knots, strict=True)) for a in table.targets
    )
    if not (len(table.years) and table.axes and table.targets and fits):
        raise ScenariumError(f"{path} is damaged: the shapes of table {name!r} do not fit together")
    return table


@cache
def load_table(variant: str, timed: bool) -> Table:
    """The shipped table of a named fishery.

    Args:
        variant: One of `solved_variants`.
        timed: Whether the policy sees the year.

    Raises:
        ScenariumError: There is none.
    """
    if variant not in solved_variants():
        raise unknown_name("solved fishery", variant, solved_variants())
    return read_tables(FOLDER / f"{variant}.safetensors")["timed" if timed else "stationary"]


@cache
def solved_variants() -> tuple[str, ...]:
    """The named fisheries that have tables."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.safetensors")))


def solved_variant(parameters: Parameters) -> str | None:
    """The named fishery with tables that has these parameters, or None."""
    return next((name for name in solved_variants() if VARIANTS[name] == parameters), None)


@cache
def measured() -> dict[str, dict[str, dict[str, float]]]:
    """What the shipped policies are worth: by fishery, then "timed" or "stationary", as `recipes` wrote it.

    Each has "mean" and "standard_error" (simulated full return of the table), "survival", "worlds" and "grid" (its
    value on the grid); and "timed" has "refined_by" (what a finer grid adds to that).
    """
    values: dict[str, dict[str, dict[str, float]]] = json.loads(VALUES.read_text(encoding="utf-8"))["values"]
    return values
