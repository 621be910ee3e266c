"""Results as a table for other tools: one row per training run, or per run and held-out world."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.files import write_atomic
from scenarium.leaderboard.schema import Result, Task

COLUMNS = (
    "task", "env_id", "slug", "title", "agent", "kind", "track", "ruleset", "authors", "status", "round", "evaluated",
    "training_seed", "env_steps", "cpu_seconds", "worlds", "mean", "std_error", "score",
)  # fmt: skip
WORLD_COLUMNS = ("task", "slug", "training_seed", "status", "world", "return", "score")


def write_table(
    path: str | os.PathLike[str], tasks: Mapping[str, Task], results: Iterable[Result], worlds: bool = False
) -> int:
    """Writes results as a table.

    Args:
        path: Where to; ends in ``.csv`` or ``.parquet`` (the latter needs the extra ``data``).
        tasks: Tasks by name; results of others are left out.
        results: The results.
        worlds: One row per world (`WORLD_COLUMNS`) instead of one per run (`COLUMNS`).

    Returns:
        Number of rows.

    Raises:
        ScenariumError: The ending is another one, or pyarrow is not installed.
    """
    known = [(tasks[result.task], result) for result in results if result.task in tasks]
    rows = [row for task, result in known for row in (_world_rows if worlds else _run_rows)(task, result)]
    columns = WORLD_COLUMNS if worlds else COLUMNS
    target = Path(path)
    if target.suffix == ".csv":
        write_atomic(target, _csv(columns, rows))
    elif target.suffix == ".parquet":
        write_atomic(target, _parquet(columns, rows))
    else:
        raise ScenariumError(f"{target}: results are written as .csv or .parquet")
    return len(rows)


def _run_rows(task: Task, result: Result) -> Iterator[dict[str, Any]]:
    summary = result.summary
    for run in result.runs:
        yield {
            "task": task.name, "env_id": task.env_id, "slug": result.slug, "title": summary.label,
            "agent": summary.agent, "kind": summary.kind, "track": summary.track, "ruleset": summary.ruleset,
            "authors": "; ".join(summary.authors), "status": result.status_for(task), "round": result.round,
            "evaluated": result.evaluated.isoformat(), "training_seed": run.training_seed,
            "env_steps": run.env_steps, "cpu_seconds": run.cpu_seconds, "worlds": len(run.returns),
            "mean": run.mean, "std_error": run.std_error, "score": task.score(run.mean),
        }  # fmt: skip


def _world_rows(task: Task, result: Result) -> Iterator[dict[str, Any]]:
    status = result.status_for(task)
    for run in result.runs:
        own = {"task": task.name, "slug": result.slug, "training_seed": run.training_seed, "status": status}
        for world, earned in enumerate(run.returns):
            yield {**own, "world": world, "return": earned, "score": task.score(earned)}


def _csv(columns: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> str:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(columns), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _harmless(value) for name, value in row.items()})
    return stream.getvalue()


def _harmless(value: Any) -> Any:
    """Text that a spreadsheet would take for a formula, with an apostrophe before it."""
    return f"'{value}" if isinstance(value, str) and value[:1] in tuple("=+-@\t\r") else value


def _parquet(columns: Iterable[str], rows: list[dict[str, Any]]) -> bytes:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise ScenariumError("parquet needs the extra: pip install 'scenarium[data]'") from None
    table = pyarrow.table({name: [row[name] for row in rows] for name in columns})
    stream = io.BytesIO()
    parquet.write_table(table, stream, compression="zstd")
    return stream.getvalue()
