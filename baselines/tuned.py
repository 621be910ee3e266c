"""Parameters that were tuned for registered problems, kept as data so that making a policy takes no time."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from scenarium.envs.core.files import write_atomic


def content_key(content: Any) -> str:
    """Twelve hexadecimal digits that stand for numbers and names in lists, mappings and arrays.

    Floats count to six significant digits, so that the last bits of another machine do not matter.
    """
    return hashlib.sha256(json.dumps(_short(content)).encode()).hexdigest()[:12]


def _short(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _short(part) for key, part in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_short(part) for part in value]
    return f"{float(value):.6g}" if isinstance(value, (float, np.floating)) else value


class TunedFile:
    """A JSON file of tuned parameters beside the policies that use them.

    An entry has at least "baseline", "key" (`content_key` of the problem) and "parameters".

    Args:
        path: The file; it may be missing.
        command: What makes it.
    """

    def __init__(self, path: Path, command: str) -> None:
        # The installed package may be a tree of links; what is written goes to the source.
        self.path, self.command = path.resolve(), command

    @cached_property
    def entries(self) -> tuple[dict[str, Any], ...]:
        """What was tuned."""
        return tuple(json.loads(self.path.read_text(encoding="utf-8"))["entries"]) if self.path.exists() else ()

    def parameters(self, baseline: str, key: str) -> dict[str, Any]:
        """The tuned parameters of a baseline for a problem; empty if there are none."""
        found = (entry for entry in self.entries if (entry["baseline"], entry["key"]) == (baseline, key))
        return dict(next(found, {"parameters": {}})["parameters"])

    def tune(self, recipes: Sequence[Any], run: Callable[[Any], dict[str, Any]], only: str = "") -> None:
        """Runs recipes, and writes the file after each; of two for one problem the later is kept.

        Args:
            recipes: Each with a `title`.
            run: From a recipe to its entry.
            only: Run only those whose title contains this text.
        """
        kept = {(entry["baseline"], entry["key"]): entry for entry in self.entries}
        for recipe in recipes:
            if only not in recipe.title:
                continue
            entry = run(recipe)
            print(f"{recipe.title}: {entry}", file=sys.stderr)
            kept[entry["baseline"], entry["key"]] = entry
            content = {"format": 1, "command": self.command, "entries": list(kept.values())}
            write_atomic(self.path, json.dumps(content, indent=1) + "\n")
