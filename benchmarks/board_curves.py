"""Learning curves of an agent's published entries, a panel a task: `python benchmarks/board_curves.py hdpo --out PATH`.

Means over training seeds with 95 % intervals. The validation worlds are few and the same for all seeds, so the shape
counts; levels are not comparable with those on the board.
"""

from __future__ import annotations

import argparse

from curves import Panel, bands

from scenarium.leaderboard.collection import PUBLISHED, Collection
from scenarium.leaderboard.tasks import load_tasks


def main() -> None:
    """Reads the published results and draws."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("agent", help="name of the agent, such as hdpo")
    parser.add_argument("--out", required=True)
    parser.add_argument("--tasks", nargs="+", help="only these")
    options = parser.parse_args()
    tasks, panels = load_tasks(), []
    for result in Collection([PUBLISHED]).results:
        curves = [run.curve for run in result.runs if run.curve is not None]
        wanted = result.task in (options.tasks or tasks)
        if result.summary.agent != options.agent or not curves or not wanted:
            continue
        count = min(len(curve.steps) for curve in curves)
        millions = [step / 1e6 for step in curves[0].steps[:count]]
        runs = {result.summary.label: [list(curve.returns[:count]) for curve in curves]}
        panels.append(Panel(result.task, millions, runs, {}))
    bands(options.out, panels, "return", "million environment steps")
    print(options.out, len(panels), "tasks")


if __name__ == "__main__":
    main()
