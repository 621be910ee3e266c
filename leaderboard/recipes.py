"""Making the task file: every floor, reference and shown value of every task, from `recipes.yaml`.

    python -m scenarium.leaderboard.recipes                          # all tasks, anew
    python -m scenarium.leaderboard.recipes portfolio-gaussian       # one of them; the others stay as they are
    python -m scenarium.leaderboard.recipes --check                  # compare only; exit code 1 if a number differs

A value is what ``scenarium evaluate POLICY --task TASK`` prints, to six digits, on the worlds of the last closed round.
Values of training runs are made anew only where the run's folder is there. The same code gives the same file.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from scenarium.envs.core.errors import ScenariumError, unknown_name
from scenarium.envs.core.fingerprint import fingerprint, same_fingerprint
from scenarium.leaderboard.schema import Task
from scenarium.leaderboard.tasks import TaskFile, read_task_file, write_task_file

_DIGITS = 6
_TOLERANCE = 1e-4


def read_recipes() -> dict[str, Any]:
    """The recipes: ``defaults`` of all tasks, ``families`` with what their tasks share, ``policies``, ``tasks``."""
    import yaml

    text = resources.files("scenarium.leaderboard").joinpath("recipes.yaml").read_text(encoding="utf-8")
    recipes: dict[str, Any] = yaml.safe_load(text)
    return recipes


def make_task(name: str, recipes: Mapping[str, Any], content: TaskFile) -> Task:
    """Computes all numbers of a task.

    Args:
        name: Its name in the recipes.
        recipes: As `read_recipes` gives them.
        content: The task file as it is, for the round and for values of training runs that are not at hand.

    Raises:
        ScenariumError: There is no such recipe, or it is wrong.
    """
    if name not in recipes["tasks"]:
        raise unknown_name("recipe", name, recipes["tasks"])
    recipe = recipes["tasks"][name]
    family = recipes["families"][recipe["family"]]
    before = {task.name: task for task in content.tasks}.get(name)
    fields = {**recipes["defaults"], **family, **recipe}
    for key in ("family", "floor", "reference", "bound", "random", "shown"):
        fields.pop(key, None)
    fields["name"] = name
    task = _blank(fields, content)
    fields["env_fingerprint"] = _fingerprint(task, before)
    values = _Values(task, before, recipes["policies"])
    wanted = {**family, **recipe}
    for role in ("floor", "reference", "bound"):
        fields[role] = values.of(wanted[role], role) if wanted.get(role) else None
    fields["random"] = values.of(wanted.get("random", "random"), "shown")
    fields["shown"] = [values.of(one, "shown") for one in wanted.get("shown", ())]
    return Task.parse(fields, name)


def _blank(fields: Mapping[str, Any], content: TaskFile) -> Task:
    """The task as it is played, before its numbers are known."""
    zero = {"mean": 0.0, "std_error": 0.0, "command": "-", "kind": "floor", "proof": "simple policy"}
    one = {**zero, "mean": 1.0, "kind": "reference", "proof": "best known"}
    task = Task.parse({**fields, "floor": zero, "reference": one})
    played = content.round_played()
    return task if played is None else task.model_copy(update={"salt": played.salt, "round": played.number})


def _fingerprint(task: Task, before: Task | None) -> str:
    from scenarium.leaderboard.evaluation import task_model

    now = fingerprint(task_model(task, {}))
    # The last digits differ between machines; a fingerprint of the same problem stays as it was written.
    return before.env_fingerprint if before and same_fingerprint(now, before.env_fingerprint) else now


class _Values:
    """The values of one task; a policy is played once whatever its roles."""

    def __init__(self, task: Task, before: Task | None, policies: Mapping[str, Any]) -> None:
        self._task, self._before, self._policies = task, before, policies
        self._played: dict[str, tuple[float, float]] = {}

    def of(self, key: str, role: str) -> dict[str, Any]:
        if key not in self._policies:
            raise unknown_name("policy of the recipes:", key, self._policies)
        known = {"proof": "simple policy", **self._policies[key]}
        policy = known.pop("policy", key)
        special = known.pop("as", {}).get(role, {})
        command = f"scenarium evaluate {policy} --task {self._task.name}"
        if command not in self._played:
            self._played[command] = self._play(policy, command)
        mean, error = self._played[command]
        return {"mean": mean, "std_error": error, "command": command, "kind": role, **known, **special}

    def _play(self, policy: str, command: str) -> tuple[float, float]:
        from scenarium.agents.core.registry import load_agent
        from scenarium.baselines import make_baseline
        from scenarium.leaderboard.evaluation import evaluate_task, task_model
        from scenarium.leaderboard.packing import seed_folders

        task = self._task
        if "/" not in policy:
            found = evaluate_task(make_baseline(policy, task_model(task, {})), task)
        elif Path(policy).exists():
            agent = load_agent(seed_folders(policy)[0], device="cpu")
            found = evaluate_task(agent, task, task_model(task, dict(agent.model.env_kwargs)))
        else:
            return self._kept(command, policy)
        print(f"{task.name:30s} {policy:22s} {found.mean:.6g} +- {found.std_error:.3g}", flush=True)
        return _rounded(found.mean), _rounded(found.std_error)

    def _kept(self, command: str, policy: str) -> tuple[float, float]:
        old = self._before
        values = () if old is None else (old.floor, old.reference, old.bound, old.random, *old.shown)
        for value in values:
            if value is not None and value.command == command:
                print(f"{self._task.name:30s} {policy:22s} {value.mean:.6g} kept: the run is not here", flush=True)
                return value.mean, value.std_error
        raise ScenariumError(f"no training run in {policy}; {self._task.name} needs it once")


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


def differences(old: Task, new: Task) -> list[str]:
    """What of a task is not what its recipe gives, beyond a relative 1e-4 in numbers."""
    a, b = old.model_dump(mode="json"), new.model_dump(mode="json")
    return [key for key in a if not _alike(a[key], b[key])]


def _alike(a: Any, b: Any) -> bool:
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_alike(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(_alike(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, float) and isinstance(b, (int, float)):
        return abs(a - b) <= _TOLERANCE * max(abs(a), abs(b))
    return bool(a == b)


def main(arguments: list[str] | None = None) -> int:
    """Makes the tasks named, or all, and writes the task file; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="*", help="names; all by default")
    parser.add_argument("--check", action="store_true", help="compare with the task file instead of writing it")
    chosen = parser.parse_args(arguments)
    import torch

    torch.set_num_threads(1)
    recipes, content = read_recipes(), read_task_file()
    names = chosen.tasks or list(recipes["tasks"])
    return _compare(names, recipes, content) if chosen.check else _make(names, recipes, content)


def _make(names: Sequence[str], recipes: Mapping[str, Any], content: TaskFile) -> int:
    tasks = {task.name: task for task in content.tasks}
    for name in names:
        tasks[name] = make_task(name, recipes, content)
        # Written after each, so that an interrupt loses one task's work.
        order = tuple(tasks[one] for one in recipes["tasks"] if one in tasks)
        write_task_file(content.model_copy(update={"tasks": order}))
    return 0


def _compare(names: Sequence[str], recipes: Mapping[str, Any], content: TaskFile) -> int:
    tasks = {task.name: task for task in content.tasks}
    wrong = []
    for name in names:
        made = make_task(name, recipes, content)
        found = differences(tasks[name], made) if name in tasks else ["missing"]
        wrong += [f"{name}: {', '.join(found)}"] if found else []
    print("\n".join(wrong) or "all as the recipes give them")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
