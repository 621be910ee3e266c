"""`scenarium sweep`: trains a grid of tasks, agents and seeds, and submits what is finished.

A job is one seed, one submission or one classical policy. A job that ended well leaves a marker beside its results, so
the same command run again only does what is missing. A job that was killed is started again and goes on from its
checkpoint; one that failed by itself would fail again and is reported.
"""

from __future__ import annotations

import shlex
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from scenarium import cli
from scenarium.envs.core.errors import ScenariumError
from scenarium.grid import Grid, cells, only, read_grid, with_common
from scenarium.plan import Place, Plan, mark_done, plan
from scenarium.report import Reporter
from scenarium.workers import Job, LocalWorkers, Outcome, RayWorkers, Workers


def sweep(
    todo: Plan, trainers: Workers, submitters: Workers, retries: int = 2, report: Reporter | None = None
) -> list[Outcome]:
    """Runs a plan to its end and returns what went wrong.

    Args:
        todo: The plan.
        trainers: Where training runs.
        submitters: Where submissions are evaluated; may be the same.
        retries: How often a killed job is started again.
        report: Told what happens.

    Returns:
        One outcome per job that failed or was killed too often; submissions that waited for it are left out.
    """
    run = _Run(todo, trainers, submitters, retries, report or Reporter(todo.total))
    try:
        while run.waiting or run.running:
            run.hand_out()
            run.collect()
    finally:
        for place in run.places:
            place.close()
        run.report.close()
    return run.failures


class _Run:
    """The state of a sweep while it runs."""

    def __init__(self, todo: Plan, trainers: Workers, submitters: Workers, retries: int, report: Reporter) -> None:
        self.waiting, self.later = list(todo.ready), list(todo.then)
        self.running, self.failures = set[str](), list[Outcome]()
        self.places = [trainers] if trainers is submitters else [trainers, submitters]
        self.report = report
        self._trainers, self._submitters, self._retries = trainers, submitters, retries
        self._tries: dict[str, int] = {}

    def hand_out(self) -> None:
        """Starts what can start."""
        for job in list(self.waiting):
            place = self._submitters if job.arguments[0] == "submit" else self._trainers
            if place.free():
                self.waiting.remove(job)
                place.start(job)
                self.running.add(job.name)
                self.report.started(job)

    def collect(self) -> None:
        """Takes note of what has ended."""
        for place in self.places:
            for outcome in place.finished():
                self.running.remove(outcome.job.name)
                again = outcome.ending == "killed" and self._tries.get(outcome.job.name, 0) < self._retries
                self.report.ended(outcome, again)
                if again:
                    self._tries[outcome.job.name] = self._tries.get(outcome.job.name, 0) + 1
                    self.waiting.append(outcome.job)
                elif outcome.ending == "done":
                    self._done(outcome.job)
                else:
                    self.failures.append(outcome)

    def _done(self, job: Job) -> None:
        mark_done(job)
        left = [(names - {job.name}, submission) for names, submission in self.later]
        # First in the queue: what is finished is of use to readers while the rest still trains.
        self.waiting[:0] = [submission for names, submission in left if not names]
        self.later = [item for item in left if item[0]]


@contextmanager
def stoppable() -> Iterator[None]:
    """Lets a request to terminate or a lost terminal end a sweep like Ctrl-C: checkpoints are written."""

    def stop(signum: int, frame: Any) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run_sweep(command: cli.Sweep, fields: dict[str, Any]) -> None:
    """Runs the command.

    Raises:
        ScenariumError: The grid is wrong, Ray cannot be reached, or a job failed.
    """
    from scenarium.leaderboard.tasks import load_tasks

    grid = _grid(command, fields)
    found = cells(grid, load_tasks())
    if command.config is not None:
        found = only(found, command.tasks, command.agents, command.baselines)
    todo = plan(grid, found, Place(command.out, command.root, command.device, command.submit))
    print(f"{todo.total} jobs to do, {todo.finished} done before")
    if command.dry_run:
        for job in (*todo.ready, *(job for _, job in todo.then)):
            print(shlex.join(("scenarium", *job.arguments)))
        return
    with stoppable():
        local = LocalWorkers(command.jobs)
        trainers = RayWorkers(command.ray, command.jobs, command.gpus_per_job) if command.ray else local
        failures = sweep(todo, trainers, local, command.retries)
    for outcome in failures:
        print(f"{outcome.job.name}: {outcome.reason} (log: {outcome.job.log})", file=sys.stderr)
    if failures:
        raise ScenariumError(f"{len(failures)} of {todo.total} jobs failed; run the same command again to go on")
    print(f"{todo.total} jobs done")


def _grid(command: cli.Sweep, fields: dict[str, Any]) -> Grid:
    """The grid of the command line, or that of the file as far as the command line leaves it."""
    common = {"seeds": command.seeds, "steps": command.steps}
    given = {name: value for name, value in common.items() if value}
    if command.config is not None:
        if fields or command.policy or command.envs:
            raise ScenariumError("with --config, the file says policies, environments and config fields")
        return with_common(read_grid(command.config), given)
    names = {"tasks": command.tasks, "envs": command.envs, "agents": command.agents, "baselines": command.baselines}
    block = {
        **names,
        "policy": command.policy,
        "config": fields,
        "env_kwargs": cli.json_argument(command.env_kwargs, "env-kwargs"),
        "policy_kwargs": cli.json_argument(command.policy_kwargs, "policy-kwargs"),
    }
    return Grid.parse({**given, "authors": command.author, "grid": [block]}, "the grid of the command line")
