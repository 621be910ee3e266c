"""How the shipped tables are made: `python -m scenarium.envs.fishery.optimum.recipes [--only NAME ...] [--part PART]`.

Every policy is computed on 36 x 36 x 40 nodes (one species: 1351) and, to estimate the error of the grid, once more on
a finer one (44 x 44 x 50, or 2701). The tables are then played in the batched model, on seeds from `SEED` on.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from scenarium.envs.core.files import write_atomic
from scenarium.envs.fishery.dynamics import Parameters
from scenarium.envs.fishery.model import Fishery
from scenarium.envs.fishery.optimum.blind import BlindAscent
from scenarium.envs.fishery.optimum.grid import Floats, Grid, make_grid
from scenarium.envs.fishery.optimum.program import Years, solve, value_at
from scenarium.envs.fishery.optimum.table import FOLDER, VALUES, Table, read_tables, save_tables
from scenarium.envs.fishery.optimum.targets import targets
from scenarium.envs.fishery.returns import full_returns
from scenarium.envs.fishery.variants import VARIANTS

COMMAND = "python -m scenarium.envs.fishery.optimum.recipes"
SOLVED = ("model_1", "model_1_low_beta", "model_1_low_beta_high_noise", "model_2", "model_3", "model_4")
FINER = {1: (2701,), 3: (44, 44, 50)}
"""Nodes of the check, by number of species."""
ROUNDS = {1: 16, 3: 2}
"""Rounds of ascent without the year, by number of species."""
HELD, HELD_LONG = 2, 10
"""Years over which drifting coefficients are held: where the year is seen, and in the ascent and the check."""
THINNED = 3
"""Of the nodes of an only species, every third is kept where the year is seen."""
KINDS = ("timed", "stationary")
SEED = 10_000_000
MEASURED = {1: 400_000, 3: 50_000}
"""Worlds played, by number of species."""


def knots(horizon: int) -> list[int]:
    """Years whose targets are kept: closer together towards the end, where the liquidation takes place."""
    to_go = (1, 2, 3, 4, 5, 7, 9, 12, 16, 20, 25, 35, 50)
    return sorted({*range(0, max(horizon - 50, 1), 25), *(horizon - n for n in to_go if n <= horizon)})


def timed(parameters: Parameters, grid: Grid, every: int = 1) -> tuple[Table, float, Floats]:
    """The policy that sees the year, its value from the mean initial stocks, and W in the middle year."""
    wanted, kept = set(knots(parameters.horizon)), []
    for year in solve(parameters, grid, Years(parameters, grid, every)):
        if year.t in wanted:
            kept.append(targets(year.left, grid, parameters.harvested))
        if year.t == parameters.horizon // 2:
            middle = year.left
    stacked = [np.stack(species[::-1]) for species in zip(*kept, strict=True)]
    table = _thinned(Table(np.array(sorted(wanted), dtype=np.float64), grid.before, tuple(stacked)))
    return table, value_at(year.value, grid, parameters.initial), middle


def stationary(parameters: Parameters, grid: Grid, middle: Floats, rounds: int) -> tuple[Table, float]:
    """The best policy known that does not see the year, and its value on the grid."""
    every = HELD_LONG if parameters.trends else 1
    for last in BlindAscent(parameters, grid, middle, every).rounds(rounds):
        line = f"  round {last.number}: {last.value:.4f}, survival {last.survival:.4f}, changed {last.changed:.4f}"
        print(line, file=sys.stderr, flush=True)
    return Table(np.zeros(1), grid.before, tuple(level[None] for level in last.targets)), last.value


def _thinned(table: Table) -> Table:
    if len(table.axes) > 1:
        return table
    every = slice(None, None, THINNED)
    return Table(table.years, (table.axes[0][every],), tuple(a[:, every] for a in table.targets))


def play(parameters: Parameters, table: Table, worlds: int, seed: int = SEED, chunk: int = 50_000) -> dict[str, float]:
    """Full return of a table in the batched model.

    Args:
        parameters: The fishery.
        table: The policy.
        worlds: Worlds played.
        seed: Of the first world.
        chunk: Worlds at a time.
    """
    model = Fishery(parameters, time_observed=table.sees_year, action_mode="escapement")
    found = full_returns(model, _player(model, table), worlds, seed, chunk)
    return {
        "mean": round(found.mean, 4),
        "standard_error": round(found.error, 4),
        "survival": round(found.survival, 4),
        "worlds": worlds,
    }


def _player(model: Fishery, table: Table) -> Any:
    def act(observation: Any, memory: Any, t: int) -> tuple[Any, Any]:
        return table.escapement(model.stocks_of(observation), float(t)), memory

    return act


def make(name: str) -> dict[str, dict[str, float]]:
    """Makes and measures the tables of one fishery, writes their file, and returns what they are worth."""
    parameters = VARIANTS[name]
    k = parameters.species
    grid = make_grid(parameters)
    with_year, value, middle = timed(parameters, grid, HELD)
    blind, blind_value = stationary(parameters, grid, middle, ROUNDS[k])
    path = (FOLDER / f"{name}.safetensors").resolve()
    save_tables(path, {"timed": with_year, "stationary": blind})
    result = {kind: play(parameters, table, MEASURED[k]) for kind, table in read_tables(path).items()}
    result["timed"]["grid"], result["stationary"]["grid"] = round(value, 4), round(blind_value, 4)
    return result


def check(name: str) -> dict[str, dict[str, float]]:
    """How much a finer grid changes the value of the policy that sees the year."""
    parameters = VARIANTS[name]
    sizes = (FINER[parameters.species], None)
    finer, usual = (timed(parameters, make_grid(parameters, nodes), HELD_LONG)[1] for nodes in sizes)
    return {"timed": {"refined_by": round(finer - usual, 4)}}


def main(arguments: Sequence[str] | None = None) -> None:
    """Makes the tables, and writes what they are worth."""
    parser = argparse.ArgumentParser(description="Compute the optima of the fisheries.")
    parser.add_argument("--only", nargs="+", default=SOLVED, choices=SOLVED, help="the fisheries to solve")
    parser.add_argument("--part", default="all", choices=("all", "tables", "check"), help="what to compute")
    chosen = parser.parse_args(arguments)
    parts = ("tables", "check") if chosen.part == "all" else (chosen.part,)
    for name in chosen.only:
        for part in parts:
            found = make(name) if part == "tables" else check(name)
            print(f"{name}: {json.dumps(found)}", file=sys.stderr, flush=True)
            _store(name, found)


def _store(name: str, found: dict[str, dict[str, float]]) -> None:
    """Adds to the file of values, keeping what is there."""
    values = json.loads(VALUES.read_text(encoding="utf-8"))["values"] if VALUES.exists() else {}
    values[name] = {kind: {**values.get(name, {}).get(kind, {}), **found.get(kind, {})} for kind in KINDS}
    content = {"format": 1, "command": COMMAND, "values": values}
    write_atomic(VALUES.resolve(), json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
