from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scenarium.leaderboard.page import interval_bar, number, quantity, render_page, write_page
from scenarium.leaderboard.ranking import result_row, standings
from scenarium.leaderboard.schema import Result, Task
from scenarium.leaderboard.site import render_site
from scenarium.leaderboard.store import BrokenFile

HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7*7 }}"
FIVE = [0.50, 0.51, 0.52, 0.53, 0.54]
VOID = {"meta", "img", "br", "input", "link"}


class Outline(HTMLParser):
    """Collects the tags and attributes of a page and checks that tags are balanced."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def pages(task: Task, *results: Result) -> dict[str, str]:
    return dict(render_site({task.name: task}, results, replications=100))


def render(task: Task, *results: Result) -> str:
    """All pages of the site in one text."""
    return "".join(pages(task, *results).values())


def the_only_script(html: str) -> str:
    """The page's script, which must be the one that its content security policy allows, and without a source."""
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    assert html.lower().count("<script") == 1
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'" in html
    return script


def test_two_renders_are_the_same_bytes_whatever_the_order(task: Task, make_result: Callable[..., Result]) -> None:
    results = [make_result(slug, FIVE) for slug in ("b", "a", "c")]
    assert render(task, *results) == render(task, *reversed(results))


def test_a_hostile_entry_stays_text(task: Task, make_result: Callable[..., Result]) -> None:
    fields = {"title": HOSTILE, "authors": (HOSTILE,), "description": HOSTILE, "licence": HOSTILE}
    evil = pages(task, make_result("evil", FIVE, code_url="https://x.org/\"onclick='a'", **fields))
    assert list(evil) == ["index.html", "tasks/toy.html", "submissions/evil.html"]
    (script,) = {the_only_script(html) for html in pages(task, make_result("good", FIVE)).values()}
    for html in evil.values():
        outline = Outline(html)
        assert the_only_script(html) == script
        assert "img" not in outline.tags
        assert not [name for name, _ in outline.attributes if name.startswith("on")]
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
        assert "{{ 7*7 }}" in html
    broken = [BrokenFile(Path("<b>x</b>.json"), HOSTILE)]
    assert the_only_script(render_page({task.name: task}, [], broken=broken)) == script


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(title=st.text(st.characters(exclude_categories=["Cc", "Cs", "Cf"]), max_size=50))
def test_a_title_never_changes_the_structure(task: Task, make_result: Callable[..., Result], title: str) -> None:
    plain = Outline(render(task, make_result("a", FIVE, title="plain")))
    other = Outline(render(task, make_result("a", FIVE, title=title)))
    assert (other.tags, other.open) == (plain.tags, [])


def test_the_page_stands_alone(task: Task, make_result: Callable[..., Result]) -> None:
    for name, html in pages(task, make_result("a", FIVE, code_url="https://example.org/code")).items():
        addresses = re.findall(r"https?://[^\"' <]+", html)
        assert addresses == (["https://example.org/code"] if name == "submissions/a.html" else [])
        assert not re.search(r"<(link|iframe|object|img)|<script\s|@import|url\(|fetch\(|import\(", html)
        assert "prefers-color-scheme: dark" in html
        assert 'name="viewport"' in html
        assert the_only_script(html)


def test_the_page_shows_values_badges_and_dates(task: Task, make_result: Callable[..., Result]) -> None:
    html = render(task, make_result("mine", FIVE), make_result("base", [0.1], kind="baseline", deterministic=True))
    for text in ("random actions", "2025-01-02", 'badge verified"', 'badge baseline"', "5 × 8", "1 × 8"):
        assert text in html
    # The floor, the reference and the bound, with the errors that justify their digits.
    for text in ("−6.000 <small>± 0.010", "−5.000 <small>± 0.010", "−4.900 <small>± 0.010", "score 1.100"):
        assert text in html


def test_tracks_are_ranked_apart(task: Task, make_result: Callable[..., Result]) -> None:
    results = [make_result("a", FIVE), make_result("b", [x / 2 for x in FIVE], track="model-free")]
    known, free = standings(task, results, replications=100)
    assert [(row.label, row.rank) for row in known.rows if row.rank] == [("a", 1)]
    assert [(row.label, row.rank) for row in free.rows if row.rank] == [("b", 1)]
    assert [row.label for row in free.rows] == ["reference", "b", "floor", "random actions"]


def test_a_paired_interval_that_contains_zero_is_a_shared_rank(task: Task, make_result: Callable[..., Result]) -> None:
    scores = {"low": 0.1, "high": 0.9, "near": 0.8995}
    results = [make_result(slug, [base + x / 10 for x in FIVE]) for slug, base in scores.items()]
    table = standings(task, results, replications=200)[0]
    assert [(row.label, row.rank) for row in table.rows if row.rank] == [("high", 1), ("near", 1), ("low", 3)]


def test_a_difference_clear_on_common_worlds_is_a_rank_though_the_intervals_overlap(
    task: Task, make_result: Callable[..., Result]
) -> None:
    results = [make_result(slug, [base + x / 10 for x in FIVE]) for slug, base in (("high", 0.9), ("near", 0.895))]
    high, near = (row for row in standings(task, results, replications=500)[0].rows if row.rank)
    assert (high.label, high.rank, near.label, near.rank) == ("high", 1, "near", 2)
    assert near.high > high.low


def test_noise_never_earns_a_better_rank_than_a_higher_score(task: Task, make_result: Callable[..., Result]) -> None:
    first = make_result("first", [0.90] * 5)
    second = make_result("second", [0.80] * 5)
    noisy = make_result("noisy", [-1.0, 0.7, 0.7, 0.7, 2.0])
    table = standings(task, [first, second, noisy], replications=500)[0]
    noisy_row = next(row for row in table.rows if row.label == "noisy")
    assert noisy_row.high > 0.9
    assert {row.label: row.rank for row in table.rows if row.rank} == {"first": 1, "second": 2, "noisy": 2}


def test_who_is_not_ranked_and_why(task: Task, make_result: Callable[..., Result]) -> None:
    results = [
        make_result("few", [0.9, 0.8]),
        make_result("claim", [1.9] * 5, status="self-reported"),
        make_result("old", [0.7] * 5, task_digest="0" * 64),
        make_result("rule", [0.3], deterministic=True, kind="baseline"),
        make_result("full", FIVE),
    ]
    rows = standings(task, results, replications=50)[0].rows
    assert [(row.label, row.rank) for row in rows if row.rank] == [("full", 1), ("rule", 2)]
    assert {row.label: row.unranked for row in rows if row.unranked} == {
        "claim": "unranked: not reproduced",
        "few": "unranked: 2 of 5 seeds",
        "old": "unranked: played on an earlier version of the task",
    }
    assert [row.label for row in rows[-3:]] == ["claim", "few", "old"]
    assert "unranked: 2 of 5 seeds" in render(task, *results)


def test_a_row_by_hand(task: Task, make_result: Callable[..., Result]) -> None:
    row = result_row(task, make_result("a", [0.1, 0.5, 0.5, 0.5, 0.9]))
    assert row.score == pytest.approx(0.5, abs=1e-6)
    assert row.mean == pytest.approx(-5.5, abs=1e-6)
    # Between runs: sd 0.2828 over 5 runs; between worlds: eight steps of 0.04 / 7.
    worlds = (0.04 / 7) ** 2 * 6.0 / 8
    assert row.std_error == pytest.approx((0.08 / 5 + worlds) ** 0.5, rel=1e-4)
    assert row.low <= row.score <= row.high


def test_results_of_unknown_tasks_and_broken_files_are_listed(task: Task, make_result: Callable[..., Result]) -> None:
    stray = make_result("a", FIVE, task="gone")
    html = render_page({task.name: task}, [stray], broken=[BrokenFile(Path("results/toy/x.json"), "cut short")])
    assert "gone/a" in html
    assert "results/toy/x.json" in html
    assert "cut short" in html
    assert "Left out" not in render(task)
    assert "There are no tasks yet" in render_page({}, [])


@pytest.mark.parametrize(("score", "shape"), [(0.5, "circle"), (9.0, "path"), (-9.0, "path")])
def test_the_drawing_is_valid_and_stays_inside(
    task: Task, make_result: Callable[..., Result], score: float, shape: str
) -> None:
    svg = ElementTree.fromstring(interval_bar(result_row(task, make_result("a", [score] * 5)), task))
    assert svg.find(shape) is not None
    ends = [float(line.attrib[name]) for line in svg.iter("line") for name in ("x1", "x2")]
    assert min(ends) >= 0
    assert max(ends) <= 200
    marks = {line.attrib["class"]: float(line.attrib["x1"]) for line in svg.iter("line")}
    # Marks of floor, reference and the bound at 1.1 stand in proportion.
    assert (marks["limit"] - marks["zero"]) / (marks["one"] - marks["zero"]) == pytest.approx(1.1, abs=0.002)
    assert "95 % interval" in svg.attrib["aria-label"]


def test_numbers_are_written_with_honest_digits() -> None:
    assert [number(x) for x in (0.0, -0.0001, 0.98765, -1.5, 12.345, -1234.5)] == [
        "0.000", "0.000", "0.988", "−1.500", "12.35", "−1234",
    ]  # fmt: skip
    assert quantity(-5.28765, 0.0123) == ("−5.288", "0.012")
    assert quantity(-5.28765, 12.3) == ("−5", "12")
    assert quantity(-5.25, 0.0) == ("−5.2500", "0")


def test_the_page_is_written(tmp_path: Path, task: Task) -> None:
    html = render(task)
    assert write_page(tmp_path / "site" / "index.html", html).read_text(encoding="utf-8") == html
    assert Outline(html).open == []
