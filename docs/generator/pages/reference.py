"""The API reference: one page per floor, the public modules documented from their docstrings."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
GROUPS: dict[str, tuple[str, tuple[str, ...]]] = {
    "envs": ("The contract and its adapters", ("envs/core/*.py",)),
    "agents": ("Agents", ("agents/core/*.py", "agents/*/config.py", "agents/networks/*.py")),
    "baselines": ("Baselines", ("baselines/*.py",)),
    "leaderboard": ("Leaderboard", ("leaderboard/*.py",)),
}
"""Title of each page, and the files it documents."""


def pages() -> dict[str, str]:
    """Markdown of every page by its path."""
    found = {"reference/index.md": _index()}
    for name, (title, patterns) in GROUPS.items():
        blocks = [f"## `{m}`\n\n::: {m}\n    options:\n      show_root_heading: false\n" for m in _modules(patterns)]
        found[f"reference/{name}.md"] = "\n".join([f"# {title}", "", *blocks])
    return found


def _modules(patterns: tuple[str, ...]) -> list[str]:
    """Module names of the files, package files left out."""
    files = [file for pattern in patterns for file in sorted(ROOT.glob(pattern)) if not file.name.startswith("_")]
    return [".".join(("scenarium", *file.relative_to(ROOT).with_suffix("").parts)) for file in files]


def _index() -> str:
    lines = [f"- [{title}]({name}.md)" for name, (title, _) in GROUPS.items()]
    return "\n".join(["# API reference", "", "Made from the docstrings of the public modules.", "", *lines, ""])
