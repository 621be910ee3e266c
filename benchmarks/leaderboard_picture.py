"""The picture of the published board in the README: `python benchmarks/leaderboard_picture.py --chromium PATH`."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from leaderboard_page import FLAGS
from playwright.sync_api import sync_playwright

from scenarium.leaderboard.collection import PUBLISHED, Collection
from scenarium.leaderboard.site import render_site, write_site
from scenarium.leaderboard.tasks import load_tasks


def main() -> None:
    """Renders the published results and photographs the first page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chromium", default="/usr/bin/chromium", help="browser")
    parser.add_argument("--out", default="docs/images/leaderboard.png")
    parser.add_argument("--height", type=int, default=900)
    options = parser.parse_args()
    found = Collection([PUBLISHED])
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        pages = render_site(load_tasks(), found.results, manifests=found.manifest, broken=found.broken)
        index = write_site(Path(folder), pages)
        browser = playwright.chromium.launch(executable_path=options.chromium, args=FLAGS)
        page = browser.new_page(viewport={"width": 1180, "height": options.height})
        page.goto(index.resolve().as_uri())
        page.screenshot(path=options.out)
        browser.close()
    print(options.out)


if __name__ == "__main__":
    main()
