"""Whether a submission gives the same scores in another process, and nearly the same in other chunks.

`python benchmarks/leaderboard_reproducibility.py [--root runs/leaderboard] [--worlds 256] [TASK ...]`

On every task three kinds of policies are submitted to a store of this benchmark's own: the task's reference among the
classical policies, untrained agents that hold weights, and the same as ONNX where they can be exported. Each is then
made again as `scenarium verify` does it, in another process: at the task's chunk every return must be identical, at
half the chunk within 1e-4 of the largest return. With --root the entries of a store are made again instead.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch

from scenarium.agents.core.registry import agent_entries, make_agent
from scenarium.baselines import baseline_entries
from scenarium.envs.core.errors import ScenariumError
from scenarium.leaderboard.foreign import export_onnx
from scenarium.leaderboard.schema import Task
from scenarium.leaderboard.store import ResultStore
from scenarium.leaderboard.submission import Signature, submit, verify
from scenarium.leaderboard.tasks import load_tasks

AGENTS = ("hdpo", "pqn")


def submissions(task: Task, room: Path) -> Iterator[tuple[str, str | Path]]:
    """What is submitted to a task, with a name each."""
    reference = task.reference.command.split()[2]
    name = reference if reference in baseline_entries() else task.floor.command.split()[2]
    yield name, name
    for name in (name for name in AGENTS if name in agent_entries()):
        try:
            agent = make_agent(name, task.env_id, seed=1, device="cpu", env_kwargs=dict(task.env_kwargs))
        except ScenariumError as error:
            print(f"{task.name}: {name} does not play it ({error})")
            continue
        agent.save(room / name / "seed_1")
        yield name, room / name
        try:
            export_onnx(agent, agent.model, room / f"{name}_onnx" / "policy_1.onnx")
        except ScenariumError as error:
            print(f"{task.name}: {name} has no ONNX form ({error})")
        else:
            yield f"{name} as ONNX", room / f"{name}_onnx"


def again(store: ResultStore, task: Task, slug: str) -> list[float]:
    """Largest relative differences at the task's chunk and at half of it."""
    return [verify(store, task, slug, chunk=chunk).difference for chunk in (None, task.chunk // 2)]


def main() -> None:
    """Prints a line per submission and the largest differences of all."""
    parser = argparse.ArgumentParser(description="Scores made again in other processes and chunks.")
    parser.add_argument("tasks", nargs="*")
    parser.add_argument("--root", type=Path, help="make the verified entries of this store again")
    parser.add_argument("--worlds", type=int, default=256)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    tasks = {name: task for name, task in load_tasks().items() if name in chosen.tasks or not chosen.tasks}
    worst = [0.0, 0.0]
    for line, found in _stored(chosen.root, tasks) if chosen.root else _fresh(tasks, chosen.worlds):
        print(f"{line:60s}" + "".join(f"{value:10.1e}" for value in found), flush=True)
        worst = [max(pair) for pair in zip(worst, found, strict=True)]
    print(f"largest: {worst[0]:.1e} at the task's chunk, {worst[1]:.1e} at another")


def _fresh(tasks: dict[str, Task], worlds: int) -> Iterator[tuple[str, list[float]]]:
    with tempfile.TemporaryDirectory() as folder:
        store = ResultStore(Path(folder) / "board")
        for name, full in tasks.items():
            task = full.model_copy(update={"worlds": worlds, "chunk": min(full.chunk, worlds // 2)})
            for label, source in submissions(task, Path(folder) / name):
                result = submit(source, task, store, Signature(title=label, track="model-free"))
                yield f"{name}: {label}", again(store, task, result.slug)


def _stored(root: Path, tasks: dict[str, Task]) -> Iterator[tuple[str, list[float]]]:
    store = ResultStore(root)
    for result in store.load().results:
        if result.task in tasks and result.status_for(tasks[result.task]) == "verified":
            yield f"{result.task}: {result.slug}", again(store, tasks[result.task], result.slug)


if __name__ == "__main__":
    main()
