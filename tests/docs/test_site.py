"""The documentation builds offline without a warning, every link leads somewhere, and pages fit a phone."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from scenarium.envs import entries

pytest.importorskip("mkdocs", reason="the site needs the extra 'docs'")
ROOT = Path(__file__).parents[2]
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    environment = {**os.environ, "SCENARIUM_DOCS_MEDIA": "0", "NO_MKDOCS_2_WARNING": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return folder


class _Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.links, self.sources, self.anchors = [], [], set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.anchors |= {found[name] for name in ("id", "name") if found.get(name)}
        if tag == "a" and found.get("href"):
            self.links.append(found["href"])
        if tag in ("img", "script", "link", "iframe") and (found.get("src") or found.get("href")):
            self.sources.append((tag, found.get("src") or found["href"], found.get("rel", "")))


def test_no_link_is_broken_and_nothing_comes_from_elsewhere(site):
    pages = {path: _Page(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
    for path, page in pages.items():
        if path.name == "404.html":
            continue
        for tag, source, rel in page.sources:
            assert tag == "link" and rel in ("canonical", "next", "prev") or not urlsplit(source).scheme, (path, source)
        for link in page.links + [source for _, source, _ in page.sources]:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            assert target.is_file(), f"{path.relative_to(site)} links to {link}"
            if parts.fragment and target in pages and not parts.fragment.startswith("__"):
                assert unquote(parts.fragment) in pages[target].anchors, f"{path.relative_to(site)} links to {link}"


def test_every_environment_has_a_page_with_gymnasiums_sections(site):
    for entry in entries().values():
        text = (site / "environments" / entry.family / f"{entry.id}.html").read_text(encoding="utf-8")
        for heading in ("Description", "Spaces", "Reward", "Starting state", "End of the episode", "Arguments",
                        "What is known", "Version history", "References"):  # fmt: skip
            assert re.search(rf"<h2[^>]*>{heading}", text), (entry.id, heading)


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")
def test_pages_fit_a_desk_and_a_phone(site):
    sync = pytest.importorskip("playwright.sync_api")
    with sync.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=FLAGS)
        asked = []
        for width in (1280, 390):
            page = browser.new_page(viewport={"width": width, "height": 900})
            page.on("request", lambda request: asked.append(request.url))
            for path in sorted(site.rglob("*.html")):
                if "board" in path.parts or path.name == "404.html":
                    continue  # the board has tests of its own
                page.goto(path.as_uri(), wait_until="domcontentloaded")
                assert page.evaluate("document.documentElement.scrollWidth") <= width, (width, path.relative_to(site))
        assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
        browser.close()
