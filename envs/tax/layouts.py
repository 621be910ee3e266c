"""Maps: where wood and stone grow and where water stands.

The three resource maps in `layouts.json` are those of Foundation 1.7.1 (github.com/salesforce/ai-economist, BSD-3):
25 x 25 quadrants with 20 tiles each, 40 x 40 quadrants with 49 and 51, and 25 x 25 with wood below and stone above.
Water is drawn here: a cross that divides the quadrants, with or without gaps, or one line that splits the world.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from scenarium.envs.core.errors import ScenariumError, unknown_name
from scenarium.envs.tax.parameters import RESOURCES

Tile = tuple[int, int]


@dataclass(frozen=True)
class Layout:
    """A map of tiles (row, column), row 0 on top.

    Attributes:
        name: Its name in `LAYOUTS`, or the user's.
        size: Rows and columns.
        stone: Source tiles of stone.
        wood: Source tiles of wood.
        water: Tiles nobody enters.
        split: Row of the line of water that splits the world in two, if one does.

    Raises:
        ScenariumError: A tile is outside, or two things share one.
    """

    name: str
    size: tuple[int, int]
    stone: tuple[Tile, ...]
    wood: tuple[Tile, ...]
    water: frozenset[Tile]
    split: int | None = None

    def __post_init__(self) -> None:
        placed = [*self.stone, *self.wood, *self.water]
        if len(set(placed)) < len(placed):
            raise ScenariumError(f"layout {self.name!r}: a tile holds two things")
        if any(not (0 <= row < self.size[0] and 0 <= column < self.size[1]) for row, column in placed):
            raise ScenariumError(f"layout {self.name!r}: a tile lies outside its {self.size[0]} x {self.size[1]} tiles")
        if not self.stone or not self.wood:
            raise ScenariumError(f"layout {self.name!r} needs stone and wood")

    @property
    def tiles(self) -> int:
        """Number of tiles; tile (row, column) has number row * columns + column."""
        return self.size[0] * self.size[1]

    @property
    def sources(self) -> tuple[Tile, ...]:
        """Source tiles in the order of every source axis: stone first, then wood."""
        return (*self.stone, *self.wood)

    def number(self, tile: Tile) -> int:
        """The number of a tile."""
        return tile[0] * self.size[1] + tile[1]

    def dry(self) -> list[int]:
        """Numbers of the tiles without water, ascending."""
        wet = {self.number(tile) for tile in self.water}
        return [tile for tile in range(self.tiles) if tile not in wet]

    def corners(self, workers: int) -> list[int]:
        """Start tiles by rank of skill, the least skilled first.

        The four quarters of the ranking start at the top right, bottom left, top left and bottom right; members of a
        quarter fill four columns inward, then the next row.
        """
        bottom, right = self.size[0] - 1, self.size[1] - 1
        starts = ((0, right, 1, -1), (bottom, 0, -1, 1), (0, 0, 1, 1), (bottom, right, -1, -1))
        members, found = [0, 0, 0, 0], []
        for rank in range(workers):
            group = rank * 4 // workers
            row, column, down, along = starts[group]
            number = members[group]
            members[group] += 1
            found.append(self.number((row + down * (number // 4), column + along * (number % 4))))
        return found


@cache
def _maps() -> Any:
    return json.loads(Path(__file__).with_name("layouts.json").read_text())


def _growth(name: str) -> tuple[tuple[int, int], tuple[Tile, ...], tuple[Tile, ...]]:
    """Size, stone and wood of a map in the file."""
    entry = _maps()[name]
    stone, wood = (
        tuple((int(row), column) for row, columns in entry[what].items() for column in columns) for what in RESOURCES
    )
    rows, columns = entry["size"]
    return (rows, columns), stone, wood


def _cross(size: tuple[int, int], lines: tuple[int, ...], gaps: Iterable[int]) -> frozenset[Tile]:
    """Water on these rows and columns, but for the gaps."""
    dry = set(gaps)
    across = {(line, column) for line in lines for column in range(size[1]) if column not in dry}
    return frozenset(across | {(row, line) for line in lines for row in range(size[0]) if row not in dry})


def _quadrants(name: str, source: str, lines: tuple[int, ...], gaps: Iterable[int]) -> Layout:
    size, stone, wood = _growth(source)
    return Layout(name, size, stone, wood, _cross(size, lines, gaps))


_GAPS_25, _GAPS_40 = (*range(5, 9), *range(16, 20)), (*range(8, 14), *range(26, 32))
LAYOUTS = (
    "open_quadrant_25", "closed_quadrant_25", "no_water_25", "uniform_25", "split_25",
    "open_quadrant_40", "no_water_40", "split_40",
)  # fmt: skip
"""Names of the layouts."""


@cache
def layout(name: str) -> Layout:
    """A layout by its name.

    Raises:
        ScenariumError: No layout has this name.
    """
    if name not in LAYOUTS:
        raise unknown_name("layout", name, LAYOUTS)
    if name == "uniform_25":
        size, stone, wood = _growth(name)
        return Layout(name, size, stone, wood, frozenset())
    large = name.endswith("40")
    source, lines = ("quadrant_40", (19, 20)) if large else ("quadrant_25", (12,))
    if name.startswith("open"):
        return _quadrants(name, source, lines, _GAPS_40 if large else _GAPS_25)
    if name.startswith("closed"):
        return _quadrants(name, source, lines, ())
    size, stone, wood = _growth(source)
    plain = Layout(name, size, stone, wood, frozenset())
    return plain if name.startswith("no_water") else split(plain)


def split(plain: Layout, row: int | None = None) -> Layout:
    """The same with one full row under water (the middle by default), and nothing growing on it."""
    line = plain.size[0] // 2 if row is None else row
    if not 0 < line < plain.size[0] - 1:
        raise ScenariumError(f"row {line} does not split a map of {plain.size[0]} rows; use 1 to {plain.size[0] - 2}")
    stone, wood = (tuple(tile for tile in tiles if tile[0] != line) for tiles in (plain.stone, plain.wood))
    water = {tile for tile in plain.water if tile[0] != line} | {(line, column) for column in range(plain.size[1])}
    return Layout(plain.name, plain.size, stone, wood, frozenset(water), line)
