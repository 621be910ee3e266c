"""How long a large board takes: 1,000 submissions to 12 tasks, 100 episodes per training run.

    python benchmarks/leaderboard_page.py
    python benchmarks/leaderboard_page.py --chromium /usr/bin/chromium    # and the first paint of the first page

The results are made up and written to a temporary store first, which is not counted. Counted, in CPU-seconds of one
thread: reading and checking the files, aggregating (scores, bootstrap intervals, ranks, paired comparisons), rendering,
and writing all pages. The first paint is the browser's own `first-contentful-paint` after the start of the navigation.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from scenarium.leaderboard.board import make_board
from scenarium.leaderboard.collection import Collection
from scenarium.leaderboard.curves import Curve
from scenarium.leaderboard.schema import Result, RunResult, Summary, Task
from scenarium.leaderboard.site import render_site, write_site
from scenarium.leaderboard.store import ResultStore
from scenarium.leaderboard.tasks import load_tasks

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


def made_up_tasks(count: int, worlds: int) -> dict[str, Task]:
    """As many tasks as asked for, by repeating those there are under other names."""
    known = list(load_tasks().values())
    tasks = {}
    for number in range(count):
        task = known[number % len(known)]
        name = task.name if number < len(known) else f"{task.name}-{number}"
        tasks[name] = task.model_copy(update={"name": name, "worlds": worlds, "chunk": worlds})
    return tasks


def made_up_results(tasks: dict[str, Task], submissions: int, runs: int, points: int) -> Iterator[Result]:
    """Results with noise between submissions, runs and worlds, and learning curves of so many points."""
    rng = np.random.default_rng(0)
    digests = {name: task.digest() for name, task in tasks.items()}
    for number in range(submissions):
        level = rng.normal(0.5, 0.4)
        known = number % 2 == 0
        summary = Summary(
            agent="hdpo" if known else "pqn", title=f"Entry number {number}", deterministic=False, licence="MIT",
            track="known-model" if known else "model-free", ruleset="tuned", authors=(f"Author {number % 50}",),
        )  # fmt: skip
        for name, task in tasks.items():
            gap = task.reference.mean - task.floor.mean
            scores = level + rng.normal(0, 0.05, (runs, 1)) + rng.normal(0, 0.3, (runs, task.worlds))
            made = tuple(
                RunResult.from_returns(
                    seed, _hash(number, name, seed), task.floor.mean + gap * scores[seed]
                ).model_copy(update={"curve": _curve(points, task.floor.mean, gap * level)})
                for seed in range(runs)
            )
            yield Result(
                task=name, task_version=task.version, task_digest=digests[name], slug=f"entry-{number}",
                summary=summary, fingerprint=task.env_fingerprint or "none", status="verified",
                evaluated=datetime.date(2026, 1, 1 + number % 28), command="", runs=made,
            )  # fmt: skip


def _curve(points: int, floor: float, gain: float) -> Curve | None:
    if not points:
        return None
    steps = tuple(range(10_000, 10_000 * (points + 1), 10_000))
    returns = tuple(float(f"{floor + gain * (1 - 0.8**k):.6g}") for k in range(points))
    return Curve(steps=steps, cpu_seconds=tuple(step / 1000 for step in steps), returns=returns, worlds=64)


def _hash(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def first_paint(page: Path, chromium: str, repeats: int = 5) -> list[float]:
    """First contentful paint of a page in a fresh tab, milliseconds."""
    from playwright.sync_api import sync_playwright

    script = """() => new Promise((done) => new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) if (entry.name === "first-contentful-paint") done(entry.startTime);
    }).observe({type: "paint", buffered: true}))"""
    times = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for _ in range(repeats):
            tab = browser.new_page(viewport={"width": 1280, "height": 900})
            tab.goto(page.as_uri())
            times.append(float(tab.evaluate(script)))
            tab.close()
        browser.close()
    return times


def main() -> None:
    """Prints one line per stage."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--submissions", type=int, default=1000)
    parser.add_argument("--tasks", type=int, default=12)
    parser.add_argument("--worlds", type=int, default=100, help="episodes per training run")
    parser.add_argument("--runs", type=int, default=5, help="training runs per submission and task")
    parser.add_argument("--curve", type=int, default=0, help="points of the learning curves")
    parser.add_argument("--chromium", help="browser to measure the first paint in")
    options = parser.parse_args()
    tasks = made_up_tasks(options.tasks, options.worlds)
    with tempfile.TemporaryDirectory() as folder:
        store = ResultStore(folder)
        for result in made_up_results(tasks, options.submissions, options.runs, options.curve):
            path = store.path(result.task, result.slug)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(result.to_json(indent=None), encoding="utf-8")
        _measure(folder, tasks, options.chromium)


def _measure(folder: str, tasks: dict[str, Task], chromium: str | None) -> None:
    start = time.process_time()
    found = Collection([folder])
    read = time.process_time() - start
    episodes = sum(len(run.returns) for result in found.results for run in result.runs)
    print(f"{len(found.results):,} results, {episodes:,} episodes; read and checked in {read:.2f} CPU-s")
    start = time.process_time()
    make_board(tasks, found.results)
    aggregated = time.process_time() - start
    start = time.process_time()
    index = write_site(Path(folder) / "site", render_site(tasks, found.results, manifests=found.manifest))
    both = time.process_time() - start
    pages = list(index.parent.rglob("*.html"))
    size = sum(page.stat().st_size for page in pages)
    print(f"aggregated in {aggregated:.2f} CPU-s; aggregated and rendered, {len(pages):,} pages, in {both:.2f} CPU-s")
    print(f"first page {index.stat().st_size / 1e6:.2f} MB, all pages {size / 1e6:.0f} MB")
    if chromium:
        times = first_paint(index, chromium)
        print(f"first paint: median {statistics.median(times):.0f} ms, slowest {max(times):.0f} ms of {len(times)}")


if __name__ == "__main__":
    main()
