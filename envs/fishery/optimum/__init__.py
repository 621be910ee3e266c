"""Near-exact optima of the fishery models by dynamic programming, and the small tables of what they do.

* `grid`: the nodes in stocks before and after the harvest;
* `transition`: expected values under Gaussian recruitment, exact for values that are cubic between nodes;
* `program`: the backward recursion for policies that see the year; `targets`: what it decides;
* `blind`: the best policy known that does not see the year;
* `table`: escapement targets as small files, looked up by interpolation, and what they are worth;
* `recipes`: the command that computes and measures them.
"""

from scenarium.envs.fishery.optimum.grid import Grid, make_grid
from scenarium.envs.fishery.optimum.program import solve, value_at
from scenarium.envs.fishery.optimum.table import (
    Table,
    load_table,
    measured,
    read_tables,
    save_tables,
    solved_variant,
    solved_variants,
)
from scenarium.envs.fishery.optimum.targets import targets

__all__ = [
    "Grid",
    "Table",
    "load_table",
    "make_grid",
    "measured",
    "read_tables",
    "save_tables",
    "solve",
    "solved_variant",
    "solved_variants",
    "targets",
    "value_at",
]
