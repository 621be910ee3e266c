"""Tutorials are scripts: comments that begin with `#:` are prose, the rest is code, both in order."""

from __future__ import annotations

from pathlib import Path

PROSE = "#:"


def page(script: Path) -> str:
    """A script as a Markdown page."""
    parts: list[tuple[bool, list[str]]] = []
    for line in script.read_text(encoding="utf-8").splitlines():
        prose = line.startswith(PROSE)
        if not parts or parts[-1][0] != prose:
            parts.append((prose, []))
        parts[-1][1].append(line.removeprefix(PROSE).removeprefix(" ") if prose else line)
    texts = [_block(prose, "\n".join(lines)) for prose, lines in parts]
    run = f"Run it: `python examples/{script.parent.name}/{script.name}`"
    return "\n\n".join([*filter(None, texts), run]) + "\n"


def _block(prose: bool, text: str) -> str:
    text = text.strip("\n")
    return text if prose or not text else f"```python\n{text}\n```"


def title(script: Path) -> str:
    """The first heading of a tutorial."""
    first = script.read_text(encoding="utf-8").splitlines()[0]
    return first.removeprefix(PROSE).strip().removeprefix("# ")


def index(scripts: list[Path]) -> str:
    """The page that lists the tutorials."""
    lines = [f"- [{title(script)}]({script.stem}.md)" for script in scripts]
    intro = "Each is a script in `examples/tutorials` that the tests run; prose and code are the same file."
    return "\n".join(["# Tutorials", "", intro, "", *lines, ""])


def clients(scripts: list[Path]) -> str:
    """One page of all scripts for other libraries, their titles one level lower."""
    intro = "These libraries run the environments as they are, without patches; `make clients` runs every script here."
    sections = [page(script).replace("# ", "## ", 1) for script in scripts]
    return "\n\n".join(["# Other libraries", intro, *sections])
