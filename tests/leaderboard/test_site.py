"""The board over all tasks and its pages: who is who, what counts, what is drawn, what can be run again."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarium.cli import main, parse
from scenarium.envs.core.errors import ScenariumError
from scenarium.leaderboard.board import make_board
from scenarium.leaderboard.collection import PUBLISHED, Collection, publish
from scenarium.leaderboard.curves import Curve
from scenarium.leaderboard.drawing import Series, chart, ticks
from scenarium.leaderboard.schema import Manifest, Result, Task
from scenarium.leaderboard.site import behind_best, render_site, rerun, write_site
from scenarium.leaderboard.store import ResultStore
from scenarium.leaderboard.tasks import load_tasks
from scenarium.leaderboard.texts import counted, short

Maker = Callable[..., Result]
FIVE = [0.50, 0.51, 0.52, 0.53, 0.54]


@pytest.fixture
def tasks(task: Task) -> dict[str, Task]:
    """Three tasks that differ in name only."""
    return {name: task.model_copy(update={"name": name, "title": f"Task {name}"}) for name in ("toy", "two", "three")}


@pytest.fixture
def entered(tasks: dict[str, Task], make_result: Maker) -> Callable[..., list[Result]]:
    """Results of one entry on some tasks, with a level for each."""

    def make(slug: str, levels: dict[str, float], **changes: object) -> list[Result]:
        return [
            make_result(
                slug,
                [level + x for x in (-0.02, -0.01, 0.0, 0.01, 0.02)],
                task=name,
                task_digest=tasks[name].digest(),
                **changes,
            )  # fmt: skip
            for name, level in levels.items()
        ]

    return make


def test_overall_is_the_mean_over_all_tasks_and_absence_is_the_floor(
    tasks: dict[str, Task], entered: Callable[..., list[Result]]
) -> None:
    results = [
        *entered("all-round", {"toy": 0.6, "two": 0.6, "three": 0.6}),
        *entered("specialist", {"two": 0.9}),
        *entered("reckless", {"toy": 0.6, "two": 0.6, "three": -5.0}),
    ]
    board = make_board(tasks, results, 200)
    overall = {entrant.id: entrant.overall for entrant in board.tracks["known-model"]}
    assert list(overall) == ["all-round", "reckless", "specialist"]
    assert overall["all-round"].score == pytest.approx(0.6, abs=1e-6)
    assert overall["specialist"].score == pytest.approx(0.3, abs=1e-6)
    # Below the floor is worth as much as not entering.
    assert overall["reckless"].score == pytest.approx(0.4, abs=1e-6)
    assert all(row.low <= row.score <= row.high for row in overall.values())
    assert [row.rank for row in overall.values()] == [1, 2, 3]
    assert [entrant.counted for entrant in board.tracks["known-model"]] == [3, 3, 1]


def test_what_is_not_ranked_on_a_task_does_not_count_overall(
    tasks: dict[str, Task], entered: Callable[..., list[Result]]
) -> None:
    results = [
        *entered("honest", {"toy": 0.3}),
        *entered("claim", {"toy": 2.0, "two": 2.0}, status="self-reported"),
        *entered("mixed", {"toy": 0.9}),
        *entered("mixed", {"two": 0.9}, status="self-reported"),
    ]
    board = make_board(tasks, results, 200)
    entrants = {entrant.id: entrant for entrant in board.entrants}
    assert entrants["mixed"].overall.score == pytest.approx(0.3, abs=1e-6)
    assert entrants["mixed"].statuses == ["verified", "self-reported"]
    assert entrants["claim"].overall.rank is None
    assert entrants["claim"].overall.unranked == "not ranked on any task"
    assert list(entrants) == ["mixed", "honest", "claim"]


def test_one_name_used_by_two_people_is_two_entrants(
    tasks: dict[str, Task], entered: Callable[..., list[Result]]
) -> None:
    results = [
        *entered("mine", {"toy": 0.5}, authors=("Ada",)),
        *entered("mine", {"two": 0.5}, authors=("Grace",)),
        *entered("mine-2", {"toy": 0.1}, authors=("Grace",)),
    ]
    pages = dict(render_site(tasks, results, replications=50))
    assert sorted(name for name in pages if name.startswith("submissions/")) == [
        "submissions/mine-2.html", "submissions/mine-3.html", "submissions/mine.html",
    ]  # fmt: skip
    assert "Task toy" in pages["submissions/mine.html"]
    assert "Task toy" not in pages["submissions/mine-3.html"]


def test_every_link_leads_to_a_page(tasks: dict[str, Task], entered: Callable[..., list[Result]]) -> None:
    results = [*entered("a", {"toy": 0.5, "two": 0.4}), *entered("b", {"toy": 0.6}, track="model-free")]
    pages = dict(render_site(tasks, results, replications=50))
    for name, html in pages.items():
        for target in re.findall(r'href="([^"#]*)', html):
            home = Path("/site") / Path(name).parent
            path = (home / target).as_posix() if target else ""
            parts: list[str] = []
            for part in path.split("/"):
                parts = parts[:-1] if part == ".." else [*parts, part]
            assert not target or "/".join(parts).removeprefix("/site/") in pages


def test_behind_the_best_is_a_paired_difference(tasks: dict[str, Task], entered: Callable[..., list[Result]]) -> None:
    results = [*entered("a", {"toy": 0.9}), *entered("b", {"toy": 0.6}), *entered("c", {"toy": 0.899})]
    table = make_board(tasks, results, 500).tables["toy"][0]
    found = behind_best(table)
    assert list(found) == ["c", "b"]
    assert found["b"].by == pytest.approx(-0.3, abs=1e-6)
    assert found["b"].low < -0.3 < found["b"].high < 0
    assert found["c"].low < 0 < found["c"].high


def test_curves_and_seeds_are_drawn_where_there_are_any(
    tasks: dict[str, Task], entered: Callable[..., list[Result]]
) -> None:
    (plain,) = entered("plain", {"toy": 0.5})
    curve = Curve(steps=(10, 20, 30), cpu_seconds=(1.0, 2.0, 3.0), returns=(-9.0, -6.0, -5.5), worlds=8)
    runs = tuple(run.model_copy(update={"curve": curve}) for run in plain.runs)
    drawn = plain.model_copy(update={"runs": runs})
    without, with_curves = (dict(render_site(tasks, [result], replications=50)) for result in (plain, drawn))
    for name in ("tasks/toy.html", "submissions/plain.html"):
        assert with_curves[name].count('class="chart"') == without[name].count('class="chart"') + 2
        assert "environment steps" in with_curves[name]
    assert with_curves["submissions/plain.html"].count('class="seed"') == 5
    assert "0.50 at the end" in with_curves["submissions/plain.html"]


def test_a_chart_cuts_off_and_names_its_lines() -> None:
    line = Series("<b>", np.array([0.0, 1.0]), np.array([-1e9, 0.5]), 1)
    svg = str(chart([line], "A & B", "x", (0.0, 1.0), (0.0, 1.0)))
    assert "A &amp; B. &lt;b&gt;: 0.50 at the end" in svg
    numbers = [float(text) for text in re.findall(r'd="M([\d.]+) ([\d.-]+)L', svg)[0]]
    assert max(map(abs, numbers)) < 2000


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_ticks_are_few_and_inside(low: float, width: float) -> None:
    found = ticks(low, low + width)
    slack = 1e-6 * max(abs(low), width)
    assert 2 <= len(found) <= 7
    assert found == sorted(found)
    assert low - slack <= found[0]
    assert found[-1] <= low + width + slack


def test_numbers_for_narrow_places() -> None:
    assert [short(x) for x in (0.987, -0.001, -3.21, 12.3, -316.6)] == ["0.99", "0.00", "−3.21", "12", "−317"]
    assert [counted(x) for x in (0, 950, 12_000, 3_500_000, 2e9)] == ["0", "950", "12k", "3.5M", "2G"]


def manifest_of(result: Result, **changes: object) -> Manifest:
    fields = {
        "schema_version": 1, "task": result.task, "agent": "hdpo", "track": "known-model", "ruleset": "tuned",
        "deterministic": False, "authors": ["Ada"], "licence": "MIT", "config": {"learning_rate": 1e-05, "steps": 5},
        "policy": {"name": "gnn", "kwargs": {"hidden": [8]}}, "env": {"id": "Toy-v0", "fingerprint": "f"},
        "runs": [
            {"file": f"policy_{k}.safetensors", "sha256": f"{k:064x}", "training_seed": k, "env_steps": 1000,
             "cpu_seconds": 2.0, "wall_seconds": 3.0, "device": "cpu"} for k in (3, 4)
        ],
    }  # fmt: skip
    return Manifest.parse({**fields, **changes})


def test_the_command_to_train_again_says_everything(entered: Callable[..., list[Result]]) -> None:
    (result,) = entered("mine", {"toy": 0.5})
    (_, evaluate), (_, train) = rerun(result, manifest_of(result))
    assert evaluate == "scenarium verify mine --task toy"
    assert parse(shlex.split(evaluate)[1:]).command.slugs == ("mine",)
    words = shlex.split(train)
    assert words[:1] == ["scenarium"]
    parsed = parse(words[1:])
    command = parsed.command
    assert (command.env, command.agent, command.policy, command.steps) == ("Toy-v0", "hdpo", "gnn", 1000)
    assert command.seeds == (3, 4)
    assert command.fields == '{"learning_rate": 1e-05, "steps": 5}'
    assert parsed.fields == {}
    ((_, only),) = rerun(entered("rule", {"toy": 0.1}, kind="baseline", deterministic=True)[0], None)
    assert only == "scenarium submit hdpo --task toy"


def test_the_site_is_written_and_old_pages_go(
    tmp_path: Path, tasks: dict[str, Task], entered: Callable[..., list[Result]]
) -> None:
    (result,) = entered("old", {"toy": 0.5})
    site = tmp_path / "site"
    kept = site / "submissions" / "toy" / "old" / "manifest.json"
    kept.parent.mkdir(parents=True)
    kept.write_text("{}")
    assert write_site(site, render_site(tasks, [result], replications=50)) == site / "index.html"
    assert (site / "submissions" / "old.html").is_file()
    write_site(site, render_site(tasks, entered("new", {"toy": 0.5}), replications=50))
    assert [path.name for path in (site / "submissions").glob("*.html")] == ["new.html"]
    assert kept.is_file()
    assert not list(site.rglob("*.part"))
    with pytest.raises(ScenariumError, match="the site is a folder of pages, got the file name"):
        write_site(tmp_path / "page.html", [])


def test_results_of_ones_own_replace_published_ones(tmp_path: Path, entered: Callable[..., list[Result]]) -> None:
    published, own = ResultStore(tmp_path / "published"), ResultStore(tmp_path / "own")
    (first,), (second,) = entered("same", {"toy": 0.1}), entered("same", {"toy": 0.2})
    (other,) = entered("other", {"toy": 0.3})
    published.write(first)
    published.write(other)
    own.write(second)
    found = Collection([published.root, own.root])
    assert found.results == (other, second)
    assert found.manifest(second) is None


def test_publishing_copies_results_and_manifests_without_weights(
    tmp_path: Path, entered: Callable[..., list[Result]]
) -> None:
    store = ResultStore(tmp_path / "own")
    (result,) = entered("mine", {"toy": 0.1}, submission="a" * 64)
    store.write(result)
    folder = store.submission_path(result)
    folder.mkdir(parents=True)
    manifest = manifest_of(result)
    (folder / "manifest.json").write_text(manifest.to_json())
    (folder / "policy_3.safetensors").write_bytes(b"weights")
    assert publish(store.root, tmp_path / "published") == 1
    found = Collection([tmp_path / "published"])
    assert found.results == (result,)
    assert found.manifest(result) == manifest
    assert sorted(path.suffix for path in (tmp_path / "published").rglob("*.*")) == [".json", ".json"]
    with pytest.raises(ScenariumError, match="no results in"):
        publish(tmp_path / "empty", tmp_path / "published")


def test_published_results_are_whole_and_of_known_tasks() -> None:
    found = Collection([PUBLISHED])
    assert found.broken == ()
    assert {result.task for result in found.results} <= set(load_tasks())


def test_the_command_writes_the_site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["leaderboard", "--root", str(tmp_path / "board"), "--out", str(tmp_path / "site"), "--no-published"]) == 0
    )
    assert capsys.readouterr().out.startswith("0 results ->")
    names = {path.stem for path in (tmp_path / "site" / "tasks").glob("*.html")}
    assert names == set(load_tasks())
