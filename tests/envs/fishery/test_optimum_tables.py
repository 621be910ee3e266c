"""Tables of escapement targets: files, lookups, and what the shipped ones earn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from scenarium.envs import ScenariumError
from scenarium.envs.fishery.dynamics import MODEL_1, PARAMETERS
from scenarium.envs.fishery.optimum import Table, load_table, measured, read_tables, save_tables, solved_variant
from scenarium.envs.fishery.optimum.grid import make_grid
from scenarium.envs.fishery.optimum.recipes import SEED, SOLVED, knots, play, timed
from scenarium.envs.fishery.optimum.table import FOLDER
from scenarium.envs.fishery.variants import VARIANTS

OPTIMA = {
    ("model_1", "timed"): 2.07, ("model_2", "timed"): 20.28, ("model_3", "timed"): 73.16, ("model_4", "timed"): 55.32,
    ("model_1", "stationary"): 1.69, ("model_2", "stationary"): 20.0, ("model_3", "stationary"): 71.9,
    ("model_4", "stationary"): 53.6,
}  # fmt: skip
"""Full return of an independent dynamic program, and of its stationary slices."""


def hand_made() -> Table:
    """Two species fished of three; years 0 and 10; the target of X is 0.1 year + Y, that of Y is X + Z."""
    axis = np.array([0.1, 0.5, 1.0])
    of_x = 0.1 * np.array([0.0, 10.0])[:, None, None, None] + axis[None, None, :, None]
    of_y = np.zeros((2, 1, 1, 1)) + axis[None, :, None, None] + axis[None, None, None, :]
    return Table(np.array([0.0, 10.0]), (axis, axis, axis), (of_x, of_y))


def test_lookups_interpolate_and_leave_no_more_than_there_is() -> None:
    table = hand_made()
    stocks = torch.tensor([[0.9, 0.3, 0.2], [0.05, 0.9, 0.1], [2.0, 2.0, 0.3]])
    found = table.escapement(stocks, torch.tensor([5.0, 0.0, 20.0]))
    np.testing.assert_allclose(found, [[0.8, 0.3], [0.05, 0.2], [2.0, 1.3]], rtol=1e-5)
    torch.testing.assert_close(table.escapement(stocks[:1], 5.0), found[:1])
    assert table.sees_year


def test_files_keep_tables_to_half_precision(tmp_path: Path) -> None:
    table = hand_made()
    save_tables(tmp_path / "a.safetensors", {"timed": table, "stationary": table})
    back = read_tables(tmp_path / "a.safetensors")
    assert set(back) == {"timed", "stationary"}
    for kept, own in zip(back["timed"].targets, table.targets, strict=True):
        assert kept.shape == own.shape
        np.testing.assert_allclose(kept, own, rtol=1e-3)
    for kept, own in zip(back["timed"].axes, table.axes, strict=True):
        np.testing.assert_allclose(kept, own, rtol=1e-6)


def test_what_is_missing_or_damaged_is_said(tmp_path: Path) -> None:
    with pytest.raises(ScenariumError, match="no readable table"):
        read_tables(tmp_path / "none.safetensors")
    (tmp_path / "bad.safetensors").write_bytes(b"12345678")
    with pytest.raises(ScenariumError, match="no readable table"):
        read_tables(tmp_path / "bad.safetensors")
    table = hand_made()
    save_tables(tmp_path / "odd.safetensors", {"timed": Table(table.years[:1], table.axes, table.targets)})
    with pytest.raises(ScenariumError, match="shapes of table 'timed'"):
        read_tables(tmp_path / "odd.safetensors")
    with pytest.raises(ScenariumError, match="did you mean 'model_3'"):
        load_table("model_33", True)


def test_knots_are_years_that_grow_denser_towards_the_end() -> None:
    found = knots(200)
    assert found[0] == 0
    assert found[-1] == 199
    assert len(found) == 19
    assert min(np.diff(found)) == 1
    assert max(np.diff(found)) == 25


def test_making_a_table_small_and_large() -> None:
    table, value, middle = timed(MODEL_1, make_grid(MODEL_1, (151,)))
    assert value == pytest.approx(2.07, abs=0.03)
    assert middle.shape == make_grid(MODEL_1, (151,)).shape_after
    shipped = load_table("model_1", True)
    stocks = torch.linspace(0.45, 0.9, 10)[:, None]
    for year in (0.0, 90.0, 198.0):
        torch.testing.assert_close(table.escapement(stocks, year), shipped.escapement(stocks, year), atol=0.02, rtol=0)


def test_the_shipped_files_are_small_and_complete() -> None:
    files = list(FOLDER.glob("*.safetensors"))
    assert {path.stem for path in files} == set(SOLVED) == set(measured())
    assert sum(path.stat().st_size for path in files) < 1_100_000
    for number, parameters in PARAMETERS.items():
        assert solved_variant(parameters) == f"model_{number}"
    assert solved_variant(VARIANTS["v0_drift"]) is None


@pytest.mark.parametrize(("variant", "kind"), list(OPTIMA))
def test_the_shipped_policies_are_as_good_as_they_should_be(variant: str, kind: str) -> None:
    """Within 0.3 per cent of the independent program, or above."""
    assert measured()[variant][kind]["mean"] >= OPTIMA[variant, kind] * 0.997


@pytest.mark.parametrize("kind", ["timed", "stationary"])
@pytest.mark.parametrize("variant", SOLVED)
def test_simulation_confirms_what_is_stored(variant: str, kind: str) -> None:
    stored = measured()[variant][kind]
    found = play(VARIANTS[variant], load_table(variant, kind == "timed"), 2000, seed=SEED + 5_000_000)
    error = (found["standard_error"] ** 2 + stored["standard_error"] ** 2) ** 0.5
    assert abs(found["mean"] - stored["mean"]) < 4.0 * error
    assert found["survival"] == pytest.approx(stored["survival"], abs=0.04)
