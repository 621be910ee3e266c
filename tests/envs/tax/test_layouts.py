"""Maps and where workers start."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.tax.layouts import LAYOUTS, Layout, layout, split
from scenarium.envs.tax.model import TaxWorld
from scenarium.envs.tax.parameters import Parameters
from scenarium.envs.tax.scenario import TaxScenario


@pytest.mark.parametrize(
    ("name", "size", "wood", "stone", "water"),
    [
        ("open_quadrant_25", 25, 20, 20, 33),
        ("closed_quadrant_25", 25, 20, 20, 49),
        ("no_water_25", 25, 20, 20, 0),
        ("uniform_25", 25, 27, 24, 0),
        ("split_25", 25, 20, 20, 25),
        ("open_quadrant_40", 40, 49, 51, 108),
        ("no_water_40", 40, 49, 51, 0),
    ],
)
def test_what_grows_on_each_map(name: str, size: int, wood: int, stone: int, water: int) -> None:
    found = layout(name)
    assert (found.size, len(found.wood), len(found.stone), len(found.water)) == ((size, size), wood, stone, water)


def test_open_quadrant_tile_by_tile() -> None:
    found = layout("open_quadrant_25")
    assert sorted(found.wood)[:7] == [(0, 0), (0, 1), (0, 2), (0, 3), (0, 4), (0, 7), (0, 14)]
    assert sorted(found.stone)[-4:] == [(18, 0), (18, 1), (19, 2), (24, 0)]
    dry = {*range(5, 9), *range(16, 20)}
    expected = {(12, k) for k in range(25) if k not in dry} | {(k, 12) for k in range(25) if k not in dry}
    assert found.water == expected


def test_corners_by_rank() -> None:
    small, large = layout("open_quadrant_25"), layout("open_quadrant_40")
    assert [divmod(tile, 25) for tile in small.corners(4)] == [(0, 24), (24, 0), (0, 0), (24, 24)]
    # Ten workers: groups of three, two, three and two.
    assert [divmod(tile, 40) for tile in large.corners(10)] == [
        (0, 39), (0, 38), (0, 37), (39, 0), (39, 1), (0, 0), (0, 1), (0, 2), (39, 39), (39, 38),
    ]  # fmt: skip


def test_the_most_skilled_starts_above_the_water() -> None:
    parameters, where = Parameters(workers=5), layout("split_25")
    skills, places = TaxScenario(torch.arange(200), parameters, where).start()
    best = skills.pay == skills.pay.amax(0)
    assert bool((places[best] // 25 < 12).all())
    assert bool((places[~best] // 25 > 12).all())
    assert len(np.unique(places[best].numpy())) > 100


def test_random_starts_are_different_dry_tiles() -> None:
    where = layout("open_quadrant_25")
    _, places = TaxScenario(torch.arange(4000), Parameters(skills="pareto"), where).start()
    ordered = places.sort(0).values
    assert bool((ordered[1:] != ordered[:-1]).all())
    seen = np.bincount(places.numpy().ravel(), minlength=625)
    assert sorted(np.flatnonzero(seen)) == where.dry()
    assert seen.max() < 27.0 + 6.0 * 27.0**0.5  # 16,000 starts on 592 tiles


def test_bad_maps_are_refused() -> None:
    with pytest.raises(ScenariumError, match="unknown"):
        layout("round_25")
    with pytest.raises(ScenariumError, match="two things"):
        Layout("own", (5, 5), ((0, 0),), ((0, 0),), frozenset())
    with pytest.raises(ScenariumError, match="outside"):
        Layout("own", (5, 5), ((0, 5),), ((0, 0),), frozenset())
    with pytest.raises(ScenariumError, match="does not split"):
        split(layout("no_water_25"), 0)
    tiny = Layout("own", (3, 3), ((1, 1),), ((1, 2),), frozenset())
    with pytest.raises(ScenariumError, match="do not fit"):
        TaxWorld(Parameters(workers=4), Layout("own", (1, 9), ((0, 1),), ((0, 2),), frozenset()))
    assert TaxWorld(Parameters(workers=4), tiny).layout.tiles == 9
    assert len(LAYOUTS) == 8
