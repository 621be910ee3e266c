"""The results that a board shows: those that come with the package, and those of this machine.

The results of the published board lie beside this module, in the same layout as any store: results at
``results/<task>/<slug>.json`` and, without weights, manifests at ``submissions/<task>/<slug>/<hash>/manifest.json``. A
result of one's own replaces a published one of the same task and name.

    python -m scenarium.leaderboard.collection runs/leaderboard leaderboard    # publish: copies results and manifests
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable
from pathlib import Path

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.files import write_atomic
from scenarium.leaderboard.manifest import Manifest
from scenarium.leaderboard.schema import Result
from scenarium.leaderboard.store import BrokenFile, ResultStore

MANIFEST = "manifest.json"

PUBLISHED = Path(__file__).resolve().parent
"""Root of the results that come with the package; links of an editable install are followed."""


class Collection:
    """The results of several stores; where two have one of the same task and name, the later store's counts.

    Args:
        roots: Folders of the stores.

    Attributes:
        results: All results, sorted by task and name.
        broken: Files that could not be used.
    """

    def __init__(self, roots: Iterable[str | os.PathLike[str]]) -> None:
        self._homes: dict[tuple[str, str], ResultStore] = {}
        found: dict[tuple[str, str], Result] = {}
        broken: list[BrokenFile] = []
        for root in dict.fromkeys(Path(root).resolve() for root in roots):
            store = ResultStore(root)
            loaded = store.load()
            broken += loaded.broken
            for result in loaded.results:
                found[result.task, result.slug] = result
                self._homes[result.task, result.slug] = store
        self.results: tuple[Result, ...] = tuple(found[key] for key in sorted(found))
        self.broken: tuple[BrokenFile, ...] = tuple(broken)

    def manifest(self, result: Result) -> Manifest | None:
        """What the submission behind a result says of itself; None if it is not kept, or cannot be read."""
        path = self.manifest_path(result)
        if path is None or path.is_symlink() or not path.is_file():
            return None
        try:
            return Manifest.parse(path.read_bytes(), str(path))
        except (ScenariumError, OSError):
            return None

    def manifest_path(self, result: Result) -> Path | None:
        """Where the manifest of a result would lie; None if the result was stored without its submission."""
        if result.submission is None:
            return None
        return self._homes[result.task, result.slug].submission_path(result) / MANIFEST


def publish(source: str | os.PathLike[str], target: str | os.PathLike[str] = PUBLISHED) -> int:
    """Copies the results of a store, and the manifests behind them without weights, and returns their number.

    Raises:
        ScenariumError: There is none, or one is broken.
    """
    collection = Collection([source])
    if collection.broken:
        raise ScenariumError(f"not published: {collection.broken[0].error}")
    if not collection.results:
        raise ScenariumError(f"no results in {Path(source) / 'results'}")
    store = ResultStore(target)
    for result in collection.results:
        path = collection.manifest_path(result)
        if path is not None and path.is_file():
            write_atomic(store.submission_path(result) / MANIFEST, path.read_bytes())
        store.write(result)
    return len(collection.results)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path, nargs="?", default=PUBLISHED)
    options = parser.parse_args()
    print(f"{publish(options.source, options.target)} results -> {options.target}")
