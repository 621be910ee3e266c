from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarium.envs.core.errors import ScenariumError
from scenarium.leaderboard.schema import Result
from scenarium.leaderboard.store import ResultStore, slugify


@pytest.fixture
def store(tmp_path: Path) -> ResultStore:
    return ResultStore(tmp_path / "board")


def test_a_result_lives_where_the_layout_says(store: ResultStore, make_result: Callable[..., Result]) -> None:
    result = make_result("hdpo-gnn", [0.5])
    assert store.write(result) == store.root / "results" / "toy" / "hdpo-gnn.json"
    assert store.read("toy", "hdpo-gnn") == result
    assert store.load().results == (result,)
    assert store.load("toy").results == (result,)
    assert store.load("other").results == ()


def test_the_same_slug_replaces(store: ResultStore, make_result: Callable[..., Result]) -> None:
    store.write(make_result("a", [0.5]))
    newer = make_result("a", [0.7])
    store.write(newer)
    assert store.load().results == (newer,)


def test_results_come_sorted_and_an_empty_store_is_empty(
    store: ResultStore, make_result: Callable[..., Result]
) -> None:
    assert store.load() == ((), ())
    for slug in ("c", "a", "b"):
        store.write(make_result(slug, [0.5]))
    assert [result.slug for result in store.load().results] == ["a", "b", "c"]


@pytest.mark.parametrize(
    "bad", ["../x", "..", "", "/etc/passwd", "a/b", "a\\b", "A", "a.b", "con", "a\n", "-a", "x" * 65]
)
def test_traversal_and_odd_names_are_refused(store: ResultStore, bad: str) -> None:
    with pytest.raises(ScenariumError):
        store.path("toy", bad)
    with pytest.raises(ScenariumError):
        store.path(bad, "a")
    with pytest.raises(ScenariumError):
        store.load(bad)


@given(st.text(max_size=80))
def test_a_slug_is_safe_and_stable_or_refused(text: str) -> None:
    store = ResultStore("root")
    try:
        slug = slugify(text)
    except ScenariumError:
        return
    assert slugify(slug) == slug
    assert store.path("toy", slug).parent == Path("root/results/toy")


def test_slugs_by_hand() -> None:
    assert slugify("HDPO (GNN), tuned") == "hdpo-gnn-tuned"
    assert slugify("  Équipe/../n°1 ") == "equipe-n1"
    with pytest.raises(ScenariumError, match="expected 1 to 64 lower-case"):
        slugify("!!!")


def test_broken_files_are_named_and_hide_nothing(store: ResultStore, make_result: Callable[..., Result]) -> None:
    good = make_result("good", [0.5])
    folder = store.write(good).parent
    (folder / "cut.json").write_text(good.to_json()[:100])
    (folder / "binary.json").write_bytes(b"\x80\x81")
    (folder / "renamed.json").write_text(good.to_json())
    (folder / "field.json").write_text(make_result("field", [0.5]).to_json().replace('"hdpo"', "7"))
    (folder / "dir.json").mkdir()
    (folder / "link.json").symlink_to(folder / "good.json")
    (folder / ".partial.json").write_text("{")
    (folder / "notes.txt").write_text("not a result")
    loaded = store.load()
    assert loaded.results == (good,)
    errors = {file.path.name: file.error for file in loaded.broken}
    assert sorted(errors) == [
        "binary.json",
        "cut.json",
        "dir.json",
        "field.json",
        "link.json",
        "renamed.json",
    ]
    assert "not valid JSON" in errors["cut.json"]
    assert "summary.agent: Input should be a valid string" in errors["field.json"]
    assert "holds the result toy/good" in errors["renamed.json"]
    assert all(f"toy/{name}" in error for name, error in errors.items())
    with pytest.raises(ScenariumError, match=r"toy/missing\.json: no such result file"):
        store.read("toy", "missing")
