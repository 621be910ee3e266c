"""The leaderboard's site: the board over all tasks, a page per task and a page per submission.

Plain files that need no server and no network; the same results give the same bytes. A public board cannot prevent
everything, and the first page says what.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup, escape

from scenarium.envs.core.errors import ScenariumError
from scenarium.leaderboard.board import Board, Entrant, make_board
from scenarium.leaderboard.bootstrap import REPLICATIONS, interval_of
from scenarium.leaderboard.charts import Figure, Line, curve_figure, profile_figure
from scenarium.leaderboard.manifest import Manifest
from scenarium.leaderboard.page import environment
from scenarium.leaderboard.ranking import MIN_SEEDS, Row, Standings
from scenarium.leaderboard.schema import Result, Task
from scenarium.leaderboard.store import BrokenFile
from scenarium.leaderboard.texts import counted, number

ManifestOf = Callable[[Result], Manifest | None]
"""Finds what a result's submission says of itself, where that is kept."""


@dataclass(frozen=True)
class Behind:
    """How far an entry is behind the best of its table, compared world by world.

    Attributes:
        by: Difference of the scores, 0 or below but for ties.
        low: Lower end of its 95 % interval.
        high: Upper end; below 0 if the entry is clearly behind.
    """

    by: float
    low: float
    high: float


def render_site(
    tasks: Mapping[str, Task],
    results: Iterable[Result],
    *,
    manifests: ManifestOf = lambda result: None,
    broken: Sequence[BrokenFile] = (),
    title: str = "Scenarium leaderboard",
    replications: int = REPLICATIONS,
) -> Iterator[tuple[str, str]]:
    """Render all pages, one after the other.

    Args:
        tasks: Tasks by name, in the order in which they are shown.
        results: Results in any order; those of unknown tasks are listed as left out.
        manifests: Finds the manifest of a result, for what was trained how.
        broken: Result files that could not be read, listed as left out.
        title: Heading of the first page.
        replications: Bootstrap samples behind each interval.

    Yields:
        Path below the site's folder, with ``/``, and the complete HTML document.
    """
    board = make_board(tasks, results, replications)
    common: dict[str, Any] = {
        "title": title,
        "board": board,
        "names": {entrant.id: entrant.result.summary.label for entrant in board.entrants},
        "min_seeds": MIN_SEEDS,
        "replications": replications,
    }
    yield "index.html", _index(board, common, broken)
    for name in tasks:
        yield f"tasks/{name}.html", _task_page(board, name, common)
    for entrant in board.entrants:
        yield f"submissions/{entrant.id}.html", _submission_page(board, entrant, common, manifests)


def write_site(folder: str | os.PathLike[str], pages: Iterable[tuple[str, str]]) -> Path:
    """Write pages below a folder and return the path of the first page.

    Pages of submissions that are gone are removed. A page can be made again at any time, so the many pages are not
    flushed to the device one by one.

    Raises:
        ScenariumError: The folder is a file.
    """
    root = Path(folder)
    if root.is_file() or root.suffix == ".html":
        raise ScenariumError(f"the site is a folder of pages, got the file name {root}")
    kept = set()
    for name, html in pages:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.part")
        part.write_text(html, encoding="utf-8", newline="\n")
        os.replace(part, path)
        kept.add(path)
    for below in ("tasks", "submissions"):
        for path in set((root / below).glob("*.html")) - kept:
            path.unlink()
    return root / "index.html"


def _index(board: Board, common: Mapping[str, Any], broken: Sequence[BrokenFile]) -> str:
    left_out = sorted([*board.left_out, *((str(file.path), file.error) for file in broken)])
    figures = {
        track: profile_figure([_line(entrant) for entrant in entrants if entrant.overall.rank], board.tasks)
        for track, entrants in board.tracks.items()
    }
    results = sum(len(entrant.rows) for entrant in board.entrants)
    newest = max((entrant.date for entrant in board.entrants), default="")
    return _render(
        "index.html.j2", common, root="", left_out=left_out, figures=figures, results=results, newest=newest,
        best={name: _best(board, name) for name in board.tasks},
    )  # fmt: skip


def _task_page(board: Board, name: str, common: Mapping[str, Any]) -> str:
    task, tables = board.tasks[name], board.tables[name]
    profiles, curves = {}, {}
    for table in tables:
        lines = [
            Line(row.label, _page(board, row), {name: row})
            for row in table.rows
            if row.result is not None and (row.rank or table.entries <= MIN_SEEDS)
        ]
        profiles[table.track] = profile_figure([line for line in lines if line.rows[name].rank], {name: task})
        curves[table.track] = [curve_figure(lines, task, against) for against in ("steps", "cpu_seconds")]
    return _render(
        "task.html.j2", common, root="../", task=task, tables=tables, profiles=profiles, curves=curves,
        behind={table.track: behind_best(table) for table in tables}, fields=_mapping(task.env_kwargs),
    )  # fmt: skip


def _submission_page(board: Board, entrant: Entrant, common: Mapping[str, Any], manifests: ManifestOf) -> str:
    line = Line(entrant.result.summary.label, "", entrant.rows)  # no link to the page itself
    parts = []
    for name, row in entrant.rows.items():
        assert row.result is not None
        task = board.tasks[name]
        manifest = manifests(row.result)
        curves = [curve_figure([line], task, against) for against in ("steps", "cpu_seconds")]
        parts.append(Part(task, row, manifest, [figure for figure in curves if figure], rerun(row.result, manifest)))
    return _render(
        "submission.html.j2", common, root="../", entrant=entrant, summary=entrant.result.summary, parts_of=parts,
        profile=profile_figure([line], board.tasks) if entrant.overall.rank else None, pretty=_pretty,
    )  # fmt: skip


@dataclass(frozen=True)
class Part:
    """What the page of a submission shows of one task."""

    task: Task
    row: Row
    manifest: Manifest | None
    curves: Sequence[Figure]
    commands: Sequence[tuple[str, str]]

    @property
    def run_rows(self) -> Markup:
        """Table rows of the training runs; built here because a large board has tens of thousands."""
        assert self.row.result is not None
        devices = {run.training_seed: run.device for run in self.manifest.runs} if self.manifest else {}
        rows = []
        for run in self.row.result.runs:
            cells = (
                ("Seed", str(run.training_seed)),
                ("Score", number(self.task.score(run.mean))),
                ("Mean return", f"{number(run.mean, 4)} ± {number(run.std_error, 4)}"),
                ("Environment steps", f"{run.env_steps:,}" if run.env_steps else "–"),
                ("CPU time", f"{counted(run.cpu_seconds)} s" if run.cpu_seconds else "–"),
                ("Device", escape(devices.get(run.training_seed, "–"))),
                ("SHA-256", f"<code>{run.sha256}</code>" if run.sha256 else "no weights"),
            )
            rows.append("<tr>" + "".join(f'<td class="num" data-label="{a}">{b}</td>' for a, b in cells) + "</tr>")
        return Markup("\n".join(rows))


def behind_best(table: Standings) -> dict[str, Behind]:
    """How far each ranked entry of a table is behind the first, by slug; the first itself is left out."""
    ranked = [row for row in table.rows if row.rank and row.result is not None and row.spread is not None]
    if len(ranked) < 2:
        return {}
    draws = np.array([row.spread.draws for row in ranked if row.spread is not None])
    ends = zip(*interval_of(draws[1:] - draws[0]), strict=True)
    return {
        row.result.slug: Behind(row.score - ranked[0].score, float(low), float(high))
        for row, (low, high) in zip(ranked[1:], ends, strict=True)
        if row.result is not None
    }


def rerun(result: Result, manifest: Manifest | None) -> list[tuple[str, str]]:
    """Commands that do again what a submission did, with what each does."""
    evaluate = f"scenarium submit {result.summary.agent} --task {result.task}"
    if result.summary.kind != "agent":
        return [("Play it again on the held-out worlds", evaluate)]
    again = f"scenarium verify {result.slug} --task {result.task}"
    commands = [("Play the submitted weights again on the held-out worlds and compare every return", again)]
    if manifest is not None:
        steps = max((run.env_steps for run in manifest.runs), default=1)
        train = ["scenarium", "train", manifest.env.id, manifest.agent, "--steps", str(max(1, steps)), "--seeds"]
        train += [str(run.training_seed) for run in manifest.runs]
        train += ["--policy", str(manifest.policy["name"])] if manifest.policy.get("name") else []
        kwargs = (("env-kwargs", manifest.env.kwargs), ("policy-kwargs", manifest.policy.get("kwargs")))
        for option, value in (*kwargs, ("fields", manifest.config)):
            train += [f"--{option}", json.dumps(value)] if value else []
        commands.append(("Train it again", shlex.join([*train, "--out", f"runs/{result.slug}"])))
    return commands


def _best(board: Board, name: str) -> list[tuple[str, Row, str]]:
    """The best ranked row of each track of a task, with its page."""
    found: list[tuple[str, Row, str]] = []
    for table in board.tables[name]:
        row = next((row for row in table.rows if row.rank), None)
        if row is not None:
            found.append((table.track, row, _page(board, row)))
    return found


def _line(entrant: Entrant) -> Line:
    return Line(entrant.result.summary.label, entrant.id, entrant.rows)


def _page(board: Board, row: Row) -> str:
    assert row.result is not None
    return board.ids[row.result.task, row.result.slug]


def _mapping(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={json.dumps(value)}" for name, value in values.items())


def _pretty(values: Any) -> str:
    return json.dumps(values, indent=2, ensure_ascii=False)


def _render(template: str, common: Mapping[str, Any], **values: Any) -> str:
    return environment().get_template(template).render(**common, **values)
