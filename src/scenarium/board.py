"""What the commands of `scenarium.board_cli` do."""

from __future__ import annotations

import json
import tempfile
from functools import singledispatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenarium import board_cli as cli
from scenarium.envs.core.errors import ScenariumError

if TYPE_CHECKING:
    from scenarium.leaderboard.schema import Task


@singledispatch
def run_board(command: Any) -> None:
    """Runs a command by its type."""
    raise ScenariumError(f"unknown command {type(command).__name__}")


def find_task(source: str, name: str | None) -> Task:
    """The task that something is submitted for: the one named, else the one that what is submitted implies.

    Raises:
        ScenariumError: There is none, or it cannot be told.
    """
    from scenarium.agents.core.checkpoint import read_header
    from scenarium.baselines import baseline_entries
    from scenarium.leaderboard.intake import is_submission, take_in
    from scenarium.leaderboard.submission import seed_folders, task_for
    from scenarium.leaderboard.tasks import get_task, load_tasks

    if name:
        return get_task(name)
    if is_submission(source):
        with tempfile.TemporaryDirectory() as copies:
            return get_task(take_in(source, Path(copies)).task)
    if source in baseline_entries() and not Path(source).exists():
        played = [task for task in load_tasks().values() if baseline_entries()[source].plays(task.env_id)]
        if not played:
            raise ScenariumError(f"no task is on an environment that {source!r} plays")
        return played[0]
    if any(Path(source).glob("policy_*.onnx")):
        raise ScenariumError("ONNX policies do not say what they play; give --task")
    return task_for(str(read_header(seed_folders(source)[0])["env"]["id"]), load_tasks())


@run_board.register
def _(command: cli.Submit) -> None:
    from scenarium.leaderboard.store import ResultStore
    from scenarium.leaderboard.submission import Signature, submit

    task = find_task(command.run, command.task)
    sign = Signature(
        command.author, command.licence, command.title, command.description, command.code_url, command.ruleset,
        command.track,
    )  # fmt: skip
    say = (lambda text: None) if command.json else print
    result = submit(
        command.run, task, ResultStore(command.root), sign, command.slug, command.device, say,
        evaluate=command.evaluate, replace=command.replace,
    )  # fmt: skip
    scores = [task.score(run.mean) for run in result.runs]
    if command.json:
        print(json.dumps({"task": task.name, "slug": result.slug, "status": result.status, "scores": scores}))
    else:
        print(f"{result.slug} on {task.name}: {result.status}, mean score {sum(scores) / len(scores):.3f}")


@run_board.register
def _(command: cli.Validate) -> None:
    from scenarium.leaderboard.store import ResultStore
    from scenarium.leaderboard.submission import check

    task = find_task(command.submission, command.task)
    with tempfile.TemporaryDirectory() as room:
        checked = check(command.submission, task, ResultStore(room))
    manifest = checked.manifest
    if command.json:
        said = {"accepted": True, "task": task.name, "agent": manifest.agent, "track": manifest.track}
        print(json.dumps({**said, "ruleset": manifest.ruleset, "runs": len(manifest.runs), "bytes": checked.size}))
    else:
        print(f"accepted: {manifest.label} for {task.name}, {len(manifest.runs)} runs, {checked.size:,} bytes; not run")


@run_board.register
def _(command: cli.Verify) -> None:
    from scenarium.leaderboard.store import ResultStore
    from scenarium.leaderboard.submission import verify
    from scenarium.leaderboard.tasks import get_task, load_tasks

    store = ResultStore(command.root)
    tasks = load_tasks() if command.task is None else {command.task: get_task(command.task)}
    stored = [one for one in store.load(command.task).results if one.task in tasks]
    chosen = [one for one in stored if one.slug in command.slugs or not command.slugs]
    if not command.slugs:
        chosen = [one for one in chosen if one.status_for(tasks[one.task]) == "verified"]
    if not chosen:
        raise ScenariumError(f"no such entries in {command.root}")
    rows = []
    for one in chosen:
        found = verify(store, tasks[one.task], one.slug, command.device, command.chunk)
        rows.append({"task": one.task, "slug": found.slug, "difference": found.difference, "same": found.same})
        if not command.json:
            verdict = "the same" if found.same else "DIFFERENT"
            print(f"{one.task}/{found.slug}: {verdict}, largest relative difference {found.difference:.1e}")
    if command.json:
        print(json.dumps(rows, indent=2))
    wrong = [f"{row['task']}/{row['slug']}" for row in rows if not row["same"]]
    if wrong:
        raise ScenariumError(f"not reproduced: {', '.join(wrong)}")


@run_board.register
def _(command: cli.Export) -> None:
    from scenarium.leaderboard.collection import PUBLISHED, Collection
    from scenarium.leaderboard.export import write_table
    from scenarium.leaderboard.tasks import load_tasks

    found = Collection([*([PUBLISHED] if command.published else []), command.root])
    rows = write_table(command.out, load_tasks(), found.results, command.worlds)
    said = {"results": len(found.results), "rows": rows, "left_out": len(found.broken), "file": str(command.out)}
    print(json.dumps(said) if command.json else f"{rows} rows of {len(found.results)} results -> {command.out}")


@run_board.register
def _(command: cli.Round) -> None:
    from scenarium.leaderboard.rounds import close_round, open_round, read_salt
    from scenarium.leaderboard.tasks import read_task_file

    if command.action == "close":
        if command.salt_file is None:
            raise ScenariumError("to close a round give --salt-file, the file with its secret salt")
        close_round(read_salt(command.salt_file), command.tasks)
    if command.action == "open" or (command.action == "close" and command.keep is not None):
        if command.keep is None:
            raise ScenariumError("to open a round give --keep, a new file for its secret salt")
        open_round(command.keep, command.tasks)
    rounds = read_task_file(command.tasks).rounds
    if command.json:
        print(json.dumps([one.model_dump(mode="json") for one in rounds], indent=2))
        return
    for one in rounds:
        state = f"open since {one.opened}, salt secret" if one.closed is None else f"closed {one.closed}"
        salt = "" if one.salt is None else f", salt {one.salt!r}"
        print(f"round {one.number}: {state}{salt}, sha256 {one.salt_sha256}")
