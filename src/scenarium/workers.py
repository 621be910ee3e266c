"""Places where commands run: processes of this machine, or the workers of a Ray cluster.

Both take jobs and say how each ended. A job is a `scenarium` command line, so that what a worker did can be repeated by
hand. Retrying is for whoever hands out the jobs: a worker only tells failures apart from being killed.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.files import write_atomic

Ending = Literal["done", "failed", "killed"]
_INTERRUPT_SECONDS = 120.0  # for an iteration and its checkpoint


@dataclass(frozen=True)
class Job:
    """One command.

    Attributes:
        name: Unique among the jobs; shown.
        arguments: The command line, without the program's name.
        folder: Where it writes.
        log: File for its output; None lets it print.
    """

    name: str
    arguments: tuple[str, ...]
    folder: Path
    log: Path | None = None


@dataclass(frozen=True)
class Outcome:
    """How a job ended: done, failed by itself (it would fail again), or killed; `reason` is a line about it."""

    job: Job
    ending: Ending
    reason: str = ""


class Workers(Protocol):
    """A place where jobs run."""

    def free(self) -> bool:
        """Whether another job can be handed over."""

    def start(self, job: Job) -> None:
        """Hands over a job."""

    def finished(self) -> list[Outcome]:
        """The jobs that ended since the last call; waits a moment at most."""

    def close(self) -> None:
        """Stops what still runs, letting it write its checkpoint."""


class LocalWorkers(Workers):
    """One process per job, each on one thread and in a group of its own.

    Args:
        count: Jobs at the same time.
        started: Called with each job and its process id.

    Raises:
        ScenariumError: The count is below 1.
    """

    def __init__(self, count: int, started: Callable[[Job, int], None] | None = None) -> None:
        if count < 1:
            raise ScenariumError(f"jobs must be at least 1, got {count}")
        self._count, self._started = count, started
        self._running: dict[str, tuple[Job, subprocess.Popen[bytes]]] = {}

    def free(self) -> bool:
        return len(self._running) < self._count

    def start(self, job: Job) -> None:
        command = [sys.executable, "-m", "scenarium", *job.arguments]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        if job.log is None:
            process = subprocess.Popen(command, env=environment, start_new_session=True)
        else:
            job.log.parent.mkdir(parents=True, exist_ok=True)
            with open(job.log, "ab") as stream:
                process = subprocess.Popen(
                    command, env=environment, stdout=stream, stderr=subprocess.STDOUT, start_new_session=True
                )
        # In a group of its own, Ctrl-C reaches it only through `close`: a second one would cut its iteration short.
        self._running[job.name] = (job, process)
        if self._started is not None:
            self._started(job, process.pid)

    def finished(self) -> list[Outcome]:
        time.sleep(0.1)
        ended = [(job, process.poll()) for job, process in self._running.values()]
        outcomes = [_outcome(job, code) for job, code in ended if code is not None]
        for outcome in outcomes:
            del self._running[outcome.job.name]
        return outcomes

    def close(self) -> None:
        for _, process in self._running.values():
            process.send_signal(signal.SIGINT)
        limit = time.monotonic() + _INTERRUPT_SECONDS
        for _, process in self._running.values():
            try:
                process.wait(max(0.1, limit - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._running.clear()


def _outcome(job: Job, code: int) -> Outcome:
    if code == 0:
        return Outcome(job, "done")
    if code < 0 or code > 128:
        number = -code if code < 0 else code - 128
        return Outcome(job, "killed", f"killed by signal {number}")
    return Outcome(job, "failed", _last_line(job.log) or f"exit code {code}")


def _last_line(log: Path | None) -> str:
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log is not None else []
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


@dataclass
class RayWorkers(Workers):
    """The workers of a Ray cluster; Ray decides where a job runs.

    Each job needs one CPU. A machine that does not share the folder sends its files back at the end. A job that is
    retried goes on from its checkpoint where the folder is shared, and starts again where it is not.

    Args:
        address: Of the cluster, "auto" for the one this machine belongs to, or "local" for one started here.
        count: CPUs of a local one.
        gpus: GPUs each job needs; may be a fraction.

    Raises:
        ScenariumError: Ray is not installed, or the cluster cannot be reached.
    """

    address: str
    count: int
    gpus: float = 0.0
    _running: dict[Any, Job] = field(default_factory=dict)

    def __post_init__(self) -> None:
        try:
            import ray
        except ImportError:
            raise ScenariumError("--ray needs Ray: pip install 'scenarium[ray]'") from None
        local = self.address == "local"
        try:
            ray.init(
                address="local" if local else self.address, num_cpus=self.count if local else None,
                include_dashboard=None if not local else False, log_to_driver=False, logging_level=logging.ERROR,
            )  # fmt: skip
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise ScenariumError(f"cannot reach Ray at {self.address!r}: {str(error).splitlines()[0]}") from None
        self._ray = ray
        # Retries are counted in one place, the sweep.
        self._remote = ray.remote(_run_remotely).options(num_cpus=1, num_gpus=self.gpus, max_retries=0)

    def free(self) -> bool:
        return True  # Ray queues; an autoscaling cluster grows by what is queued

    def start(self, job: Job) -> None:
        self._running[self._remote.remote(job.arguments, str(job.folder.resolve()))] = job

    def finished(self) -> list[Outcome]:
        if not self._running:
            return []
        ready, _ = self._ray.wait(list(self._running), num_returns=len(self._running), timeout=0.1)
        return [self._ended(reference) for reference in ready]

    def close(self) -> None:
        for reference in self._running:
            self._ray.cancel(reference)  # a KeyboardInterrupt in the worker, which then writes its checkpoint
        if self._running:
            self._ray.wait(list(self._running), num_returns=len(self._running), timeout=_INTERRUPT_SECONDS)
        self._running.clear()
        self._ray.shutdown()

    def _ended(self, reference: Any) -> Outcome:
        job = self._running.pop(reference)
        try:
            error, files = self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as failure:
            return Outcome(job, "failed", str(failure).strip().splitlines()[-1])
        except self._ray.exceptions.RayError as failure:
            return Outcome(job, "killed", f"{type(failure).__name__}: the worker or its machine went away")
        for name, content in files.items():
            if not (job.folder / name).exists():
                write_atomic(job.folder / name, content)
        return Outcome(job, "failed" if error else "done", error)


def _run_remotely(arguments: Sequence[str], folder: str) -> tuple[str, dict[str, bytes]]:
    """Runs a command in a worker of Ray and returns its error, empty if there is none, and the files it wrote."""
    from scenarium.cli import parse
    from scenarium.commands import run

    try:
        parsed = parse(list(arguments))
        run(parsed.command, parsed.fields, parsed.arguments)
    except ScenariumError as error:
        return str(error), {}
    paths = [path for path in Path(folder).iterdir() if path.suffix in {".json", ".safetensors"} and path.is_file()]
    return "", {path.name: path.read_bytes() for path in paths}
