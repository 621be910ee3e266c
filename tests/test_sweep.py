"""Sweeps: what a grid means, what is done again and what is not, and workers that die."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from scenarium.agents import make_agent
from scenarium.cli import main
from scenarium.envs import ScenariumError
from scenarium.grid import Cell, Grid, cells, only, read_grid, select
from scenarium.leaderboard.tasks import load_tasks
from scenarium.plan import Place, is_done, plan
from scenarium.report import Reporter
from scenarium.sweep import sweep
from scenarium.workers import Ending, Job, LocalWorkers, Outcome, RayWorkers

TASK = "inventory-one-store"
SMALL = {"batch_size": 4, "dev_every": 0}


def grid(**changes: object) -> Grid:
    block = {"tasks": [TASK], "agents": ["hdpo"], "config": SMALL, "name": "small"}
    return Grid.parse({"seeds": [0, 1], "steps": 800, "grid": [{**block, **changes}]})


def found(**changes: object) -> list[Cell]:
    return cells(grid(**changes), load_tasks())


class Scripted:
    """Workers that run nothing: each job ends as its list of endings says, `done` when that is used up."""

    def __init__(self, endings: dict[str, list[Ending]], room: int = 2) -> None:
        self.endings, self.room = endings, room
        self.started: list[str] = []
        self.running: list[Job] = []
        self.closed = False

    def free(self) -> bool:
        return len(self.running) < self.room

    def start(self, job: Job) -> None:
        assert self.free()
        self.started.append(job.name.removeprefix(f"{TASK}/small/"))
        self.running.append(job)

    def finished(self) -> list[Outcome]:
        if not self.running:
            return []
        job = self.running.pop(0)
        left = self.endings.get(job.name.removeprefix(f"{TASK}/small/"), [])
        return [Outcome(job, left.pop(0) if left else "done", "as scripted")]

    def close(self) -> None:
        self.closed = True


def test_patterns_choose_and_take_away() -> None:
    names = ["a-one", "a-two", "b-one"]
    assert select(["a-*"], names, "task") == ["a-one", "a-two"]
    assert select(["*", "!a-one"], names, "task") == ["a-two", "b-one"]
    assert select(["b-one", "a-one"], names, "task") == ["a-one", "b-one"]
    assert select([], names, "task") == []
    with pytest.raises(ScenariumError, match="unknown task 'a-onee'; did you mean 'a-one'"):
        select(["a-onee"], names, "task")


def test_a_block_is_a_rectangle_and_baselines_play_what_they_can() -> None:
    made = found(tasks=["inventory-one-store", "pricing-ladder"], agents=["hdpo"], baselines=["base_stock", "random"])
    assert [cell.name for cell in made] == [
        "inventory-one-store/small-hdpo",
        "inventory-one-store/random",
        "inventory-one-store/base-stock",
        "pricing-ladder/small-hdpo",
        "pricing-ladder/random",
    ]
    assert [cell.seeds for cell in made[:2]] == [(0, 1), ()]


def test_entries_have_names_that_tell_them_apart() -> None:
    assert [cell.slug for cell in found(name=None, policy="gnn", config={})] == ["hdpo-gnn"]
    (one,), (other,) = found(name=None), found(name=None, config={"batch_size": 8})
    assert one.slug != other.slug
    assert one.slug.startswith("hdpo-")
    two = {"tasks": [TASK], "agents": ["hdpo"]}
    with pytest.raises(ScenariumError, match="has inventory-one-store/hdpo twice"):
        cells(Grid.parse({"grid": [two, two]}), load_tasks())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("grid: [", "not valid YAML"),
        ("- a", "expected a mapping with the key 'grid', got list"),
        ("grid: []", "grid: Tuple should have at least 1 item"),
        ("grid: [{tasks: [x], seed: [0]}]", "grid.0.seed: unknown field"),
        ("grid: [{tasks: [x]}]\nsteps: many", "steps: Input should be a valid integer"),
    ],
)
def test_a_wrong_file_is_named_with_its_field(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "grid.yaml"
    path.write_text(text)
    with pytest.raises(ScenariumError, match="grid.yaml") as error:
        read_grid(path)
    assert message in str(error.value)
    with pytest.raises(ScenariumError, match="cannot read the grid"):
        read_grid(tmp_path / "none.yaml")


def test_the_grid_of_the_first_board_holds_and_can_be_narrowed() -> None:
    root = Path(__file__).resolve().parents[1]
    made = cells(read_grid(root / "leaderboard" / "first_board.yaml"), load_tasks())
    assert {cell.target for cell in made} == set(load_tasks())
    assert all(len(cell.seeds) >= 5 for cell in made if cell.trained)
    for cell in made:
        if cell.trained:  # every agent can play its task as the task is
            make_agent(
                cell.player, cell.env_id, policy=cell.block.policy or "mlp", env_kwargs=cell.env_kwargs, device="cpu"
            )  # fmt: skip
    few = only(made, ["pricing-*"], ["hdpo"], [])
    assert {cell.player for cell in few} == {"hdpo"}
    assert all(cell.target.startswith("pricing-") for cell in few)
    assert {cell.trained for cell in only(made, [], [], ["random"])} == {False}
    with pytest.raises(ScenariumError, match="unknown agent of the grid 'hdpp'"):
        only(made, [], ["hdpp"], [])


def test_an_empty_block_is_refused() -> None:
    with pytest.raises(ScenariumError, match="block 1 of the grid is empty"):
        found(agents=[])


def test_killed_jobs_are_retried_failed_ones_are_not(tmp_path: Path) -> None:
    place = Place(tmp_path / "out", tmp_path / "board", submit=True)
    workers = Scripted({"seed_0": ["killed", "killed"], "seed_1": ["failed"]})
    failures = sweep(plan(grid(), found(), place), workers, workers, retries=2)
    assert workers.started == ["seed_0", "seed_1", "seed_0", "seed_0"]  # and no submission: a seed is missing
    assert [(outcome.job.name, outcome.ending) for outcome in failures] == [(f"{TASK}/small/seed_1", "failed")]
    assert workers.closed
    again = Scripted({"seed_1": ["killed"] * 3})
    (left,) = sweep(plan(grid(), found(), place), again, again, retries=2)
    assert again.started == ["seed_1"] * 3
    assert left.ending == "killed"


def test_finished_jobs_are_not_repeated_and_submissions_wait(tmp_path: Path) -> None:
    place = Place(tmp_path / "out", tmp_path / "board", submit=True)
    trainers, submitters = Scripted({}), Scripted({})
    assert sweep(plan(grid(), found(), place), trainers, submitters) == []
    assert trainers.started == ["seed_0", "seed_1"]
    assert submitters.started == ["submission"]
    # The marker alone is not enough for a submission: its result must be there.
    assert [job.name for job in plan(grid(), found(), place).ready] == [f"{TASK}/small/submission"]
    result = tmp_path / "board" / "results" / TASK / "small.json"
    result.parent.mkdir(parents=True)
    result.write_text("{}")
    todo = plan(grid(), found(), place)
    assert (todo.total, todo.finished) == (0, 3)
    # Other settings are other jobs, and moved folders are the same ones.
    assert plan(grid(steps=900), found(steps=900), place).total == 3
    (tmp_path / "out").rename(tmp_path / "moved")
    assert plan(grid(), found(), Place(tmp_path / "moved", place.root, submit=True)).total == 0


def test_a_process_that_is_killed_is_started_again(tmp_path: Path) -> None:
    pids: list[int] = []

    def kill_the_first(job: Job, pid: int) -> None:
        pids.append(pid)
        if len(pids) == 1:
            os.kill(pid, signal.SIGKILL)

    place = Place(tmp_path / "out", tmp_path / "board", device="cpu")
    small = found(seeds=[3])
    workers = LocalWorkers(2, kill_the_first)
    assert sweep(plan(grid(), small, place), workers, workers) == []
    assert len(pids) == 2
    folder = tmp_path / "out" / TASK / "small" / "seed_3"
    header = json.loads((folder / "config.json").read_text())
    assert (header["seed"], header["config"]["batch_size"]) == (3, 4)
    assert (folder / "policy.safetensors").is_file()
    assert plan(grid(), small, place).total == 0


def test_a_failure_ends_with_code_one_and_its_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "out")
    command = ["sweep", "--envs", "InventoryNet-v0", "--agents", "hdpo", "--seeds", "0", "--out", out]
    assert main([*command, "--no-such-field", "1"]) == 1
    error = capsys.readouterr().err
    assert "1 of 1 jobs failed" in error
    assert "no_such_field" in error
    assert main([*command, "--dry-run"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "1 jobs to do, 0 done before"
    assert printed[1].startswith("scenarium train InventoryNet-v0 hdpo --out")


@pytest.mark.slow
def test_ctrl_c_leaves_checkpoints_and_the_same_command_goes_on(tmp_path: Path) -> None:
    arguments = ["sweep", "--tasks", TASK, "--agents", "hdpo", "--seeds", "0", "--steps", "20000000"]
    arguments += ["--out", str(tmp_path), "--device", "cpu", "--dev-every", "0"]
    process = subprocess.Popen([sys.executable, "-m", "scenarium", *arguments], stderr=subprocess.PIPE, text=True)
    (log,) = _wait_for(lambda: list(tmp_path.rglob("curve.json")))  # it has begun to learn
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "run the same command again" in error
    steps = json.loads((log.parent / "config.json").read_text())["counters"]["num_timesteps"]
    assert 0 < steps < 20_000_000
    assert not list(tmp_path.rglob("done.json"))


@pytest.mark.slow
def test_ray_with_two_workers_one_of_which_is_killed(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="the extra 'ray' is not installed")
    place = Place(tmp_path / "out", tmp_path / "board", device="cpu", submit=True)
    made = found(steps=40_000)
    workers, seen = RayWorkers("local", 2), Listener(2)
    thread = threading.Thread(target=lambda: _kill_one_ray_worker())
    thread.start()
    assert sweep(plan(grid(), made, place), workers, LocalWorkers(1), report=seen) == []
    thread.join()
    assert sorted(seen.endings) == ["done", "done", "done", "killed"]
    for seed in (0, 1):
        assert (tmp_path / "out" / TASK / "small" / f"seed_{seed}" / "policy.safetensors").is_file()
    assert (tmp_path / "board" / "results" / TASK / "small.json").is_file()
    todo = plan(grid(), made, place)
    assert (todo.total, todo.finished) == (0, 3)


class Listener(Reporter):
    def __init__(self, total: int) -> None:
        super().__init__(total)
        self.endings: list[str] = []

    def ended(self, outcome: Outcome, again: bool) -> None:
        super().ended(outcome, again)
        self.endings.append(outcome.ending)


def _kill_one_ray_worker() -> None:
    import psutil

    def busy() -> Sequence[psutil.Process]:
        below = psutil.Process().children(recursive=True)
        return [process for process in below if "ray::_run_remotely" in " ".join(process.cmdline())]

    _wait_for(busy)[0].kill()


def _wait_for(look: object, seconds: float = 120.0) -> Sequence:
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if things := look():
            return things
        time.sleep(0.05)
    raise AssertionError("waited in vain")


def test_ray_says_what_is_missing_or_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ScenariumError, match=r"pip install 'scenarium\[ray\]'"):
        RayWorkers("local", 1)


def test_is_done_reads_only_its_own_marker(tmp_path: Path) -> None:
    job = Job("a", ("train", "X-v0", "hdpo", "--out", str(tmp_path)), tmp_path)
    for content in ("", "[]", '{"job": 1}', "{"):
        (tmp_path / "done.json").write_text(content)
        assert not is_done(job)
