"""How much narrower the interval of a difference is when both play the same worlds.

`python benchmarks/leaderboard_paired.py [--worlds 1024] [TASK ...]`

For every task and every pair of classical policies on it (floor, reference and what else is shown, random actions left
out) the mean difference of their scores gets two 95 % intervals from the same episodes: paired, which redraws the
worlds once for both, and unpaired, which redraws them apart. The ratio of the widths is what common worlds buy; its
square is the factor of worlds that an unpaired comparison would need.
"""

from __future__ import annotations

import argparse
import itertools

import numpy as np
import torch

from scenarium.baselines import baseline_entries, make_baseline
from scenarium.leaderboard.evaluation import evaluate_task, task_model
from scenarium.leaderboard.schema import Task
from scenarium.leaderboard.statistics import difference_interval
from scenarium.leaderboard.tasks import load_tasks


def policies_of(task: Task) -> list[str]:
    """Names of the ranked classical policies among a task's values, each once."""
    names = dict.fromkeys(value.command.split()[2] for value in (task.floor, task.reference, *task.shown))
    known = baseline_entries()
    return [name for name in names if name in known and not known[name].clairvoyant]


def widths(task: Task) -> list[tuple[str, float, float, float, float]]:
    """Per pair: its names, the difference of scores, and the half widths (paired, unpaired), and their ratio."""
    scores = {
        name: task.scores(evaluate_task(make_baseline(name, task_model(task, {})), task).returns)[None]
        for name in policies_of(task)
    }
    rows = []
    for a, b in itertools.combinations(scores, 2):
        found = [difference_interval({"": scores[a]}, {"": scores[b]}, paired=flag) for flag in (True, False)]
        paired, apart = (float(one.high - one.low) / 2 for one in found)
        rows.append((f"{a} - {b}", float(found[0].point), paired, apart, apart / paired))
    return rows


def main() -> None:
    """Prints a line per pair and the median ratio of every task."""
    parser = argparse.ArgumentParser(description="Paired against unpaired comparisons on the same episodes.")
    parser.add_argument("tasks", nargs="*")
    parser.add_argument("--worlds", type=int, help="fewer held-out worlds than the task has")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    tasks = load_tasks()
    print(f"{'difference of scores':52s}{'':9s}{'paired':>9s}{'unpaired':>10s}{'ratio':>8s}")
    for name in chosen.tasks or tasks:
        task = tasks[name]
        if chosen.worlds:
            task = task.model_copy(update={"worlds": chosen.worlds, "chunk": min(task.chunk, chosen.worlds)})
        rows = widths(task)
        for pair, point, paired, apart, ratio in rows:
            print(f"{name + ': ' + pair:61.61s}{paired:9.4f}{apart:10.4f}{ratio:8.1f}   ({point:+.3f})")
        print(f"{name}: median ratio {np.median([row[-1] for row in rows]):.1f} over {len(rows)} pairs", flush=True)


if __name__ == "__main__":
    main()
