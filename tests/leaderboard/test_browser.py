"""The site in a real headless Chromium: sorting, filtering, tabs, phones, dark mode, and no word to the network."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scenarium.leaderboard.schema import Result, Task
from scenarium.leaderboard.site import render_site, write_site

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PAGES = ("index.html", "tasks/toy.html", "submissions/alpha.html")
NAMES = ("chromium", "chromium-browser", "google-chrome")

# WCAG 2: contrast of every visible text with what is painted behind it, backgrounds blended from the root on.
CONTRAST = """() => {
  const parse = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const over = ([r, g, b, a = 1], [x, y, z]) => [r * a + x * (1 - a), g * a + y * (1 - a), b * a + z * (1 - a)];
  const light = (rgb) => rgb.map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (node) => {
    const chain = [];
    for (let at = node; at; at = at.parentElement) chain.unshift(at);
    return chain.reduce((colour, at) => over(parse(getComputedStyle(at).backgroundColor), colour), [255, 255, 255]);
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    const text = walker.currentNode.textContent.trim();
    if (!text || !node.checkVisibility() || node.closest("script, style, option")) continue;
    const back = behind(node);
    const style = getComputedStyle(node);
    const front = over(parse(node.closest("svg") ? style.fill : style.color), back);
    const [high, low] = [light(front), light(back)].sort((a, b) => b - a);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < 4.5) found.push(`${node.tagName}.${node.className} ${ratio.toFixed(2)} ${text.slice(0, 30)}`);
  }
  return found;
}"""


def chromium() -> str | None:
    """Where a Chromium is, if there is one."""
    named = os.environ.get("SCENARIUM_CHROMIUM")
    return named or next((path for path in map(shutil.which, NAMES) if path), None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = chromium()
    if path is None:
        pytest.skip("no Chromium: install Debian's chromium, or name one in SCENARIUM_CHROMIUM")
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def site(tmp_path: Path, task: Task, make_result: Callable[..., Result]) -> Path:
    results = [
        make_result("alpha", [0.50, 0.51, 0.52, 0.53, 0.54], title="Alpha", authors=("Ada",)),
        make_result("beta", [0.90, 0.91, 0.92, 0.93, 0.94], title="Beta", ruleset="one-config", authors=("Grace",)),
        make_result("gamma", [0.1], title="Gamma", kind="baseline", deterministic=True),
        make_result("delta", [1.5] * 5, title="Delta", status="self-reported"),
        make_result("epsilon", [0.71, 0.72, 0.73, 0.74, 0.75], title="Epsilon", track="model-free"),
    ]
    other = task.model_copy(update={"name": "other", "title": "Another task"})
    tasks = {task.name: task, other.name: other}
    return write_site(tmp_path / "site", render_site(tasks, results, replications=100)).parent


@pytest.fixture
def open_page(browser: Any, site: Path) -> Iterator[Callable[..., Any]]:
    """Opens a page of the site and, in the end, sees to it that nothing was complained of or fetched."""
    contexts, noise = [], []

    def open_one(name: str = "index.html", width: int = 1400, scheme: str = "light", **options: Any) -> Any:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: noise.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: noise.append(str(error)))
        page.on("request", lambda asked: noise.append(asked.url) if not asked.url.startswith(site.as_uri()) else None)
        page.goto(f"{site.as_uri()}/{name}")
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert noise == []


def entries(page: Any, table: int = 0) -> list[str]:
    """Names in the visible rows of a table that are entries, from the top."""
    return page.evaluate(
        """(k) => Array.from(document.querySelectorAll("table.sortable")[k].querySelectorAll("tbody tr[data-k]"))
            .filter((row) => row.checkVisibility()).map((row) => row.querySelector(".agent a").textContent.trim())""",
        table,
    )


def test_a_column_sorts_both_ways_by_mouse_and_by_keyboard(open_page: Callable[..., Any]) -> None:
    page = open_page("tasks/toy.html")
    assert entries(page) == ["Beta", "Alpha", "Gamma", "Delta"]
    head = page.locator("table.sortable").first.locator("th", has_text="Entry")
    head.get_by_role("button").click()
    assert entries(page) == ["Alpha", "Beta", "Delta", "Gamma"]
    assert head.get_attribute("aria-sort") == "ascending"
    page.keyboard.press("Enter")
    assert entries(page) == ["Gamma", "Delta", "Beta", "Alpha"]
    assert head.get_attribute("aria-sort") == "descending"
    score = page.locator("table.sortable").first.get_by_role("button", name="Score")
    score.focus()
    page.keyboard.press("Space")
    assert entries(page) == ["Delta", "Beta", "Alpha", "Gamma"]
    assert head.get_attribute("aria-sort") is None
    page.locator("table.sortable").first.get_by_role("button", name="Rank").click()
    assert entries(page)[:3] == ["Beta", "Alpha", "Gamma"]
    assert len(page.evaluate("Array.from(document.querySelectorAll('th[aria-sort]'))")) == 1


def test_rows_are_found_by_words_and_by_properties(open_page: Callable[..., Any]) -> None:
    page = open_page()
    count = page.locator("[data-count]")
    assert (entries(page, 0), entries(page, 1)) == (["Beta", "Alpha", "Gamma", "Delta"], ["Epsilon"])
    page.get_by_label("Find").fill("grace")
    assert entries(page) == ["Beta"]
    assert count.text_content() == "1 of 5 shown"
    page.get_by_label("Find").fill("")
    page.locator("[data-pick=r]").select_option("one-config")
    assert entries(page) == ["Beta"]
    page.locator("[data-pick=r]").select_option("")
    page.locator("[data-pick=k]").select_option("baseline")
    assert entries(page) == ["Gamma"]
    page.locator("[data-pick=k]").select_option("")
    page.locator("[data-pick=s]").select_option("self-reported")
    assert entries(page) == ["Delta"]
    page.locator("[data-pick=s]").select_option("")
    page.get_by_role("button", name="Model-free").click()
    assert (entries(page, 0), entries(page, 1)) == ([], ["Epsilon"])
    assert count.text_content() == "1 of 5 shown"
    assert page.get_by_role("button", name="Model-free").get_attribute("aria-pressed") == "true"


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("width", [320, 390, 1280])
def test_no_page_scrolls_sideways(open_page: Callable[..., Any], name: str, width: int) -> None:
    page = open_page(name, width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1400])
def test_every_text_stands_out(open_page: Callable[..., Any], name: str, scheme: str, width: int) -> None:
    page = open_page(name, width, scheme)
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(255, 255, 255)") == (scheme == "light")
    assert page.evaluate(CONTRAST) == []


def test_a_phone_can_sort_although_it_shows_no_headings(open_page: Callable[..., Any]) -> None:
    page = open_page("tasks/toy.html", 390)
    page.locator("[data-sort]").select_option(label="Entry")
    assert entries(page) == ["Alpha", "Beta", "Delta", "Gamma"]


def test_links_lead_from_page_to_page(open_page: Callable[..., Any]) -> None:
    page = open_page()
    page.get_by_role("link", name="Alpha").first.click()
    assert page.title().startswith("Alpha")
    page.locator("td.agent a").first.click()
    assert page.locator("h1").text_content() == "Toy task"
    page.get_by_role("link", name="Scenarium").click()
    assert page.locator("h1").text_content() == "Scenarium leaderboard"
    targets = page.evaluate("Array.from(document.links).map((link) => link.href)")
    for target in {target.split("#")[0] for target in targets}:
        assert Path(target.removeprefix("file://")).is_file()


def test_without_scripts_everything_is_there(open_page: Callable[..., Any]) -> None:
    page = open_page("tasks/toy.html", java_script_enabled=False)
    assert page.locator("tbody tr").count() == 4 + 1 + 2 * 3
    assert not page.locator("[data-controls]").is_visible()
    assert page.locator("th button").count() == 0
