"""Docstrings in sections: Gymnasium's (reward, start, end, optimum, ...) and Google's (arguments)."""

from __future__ import annotations

import inspect
import re
import textwrap

_HEADING = re.compile(r"^([A-Z][A-Za-z ]+):$")
_ARGUMENT = re.compile(r"^(\*{0,2}\w+)(?: \([^)]*\))?: (.*)$")


def sections_of(docstring: str) -> dict[str, str]:
    """The text of each section by its heading in lower case; what stands before the first is "description"."""
    found: dict[str, list[str]] = {"description": []}
    current = found["description"]
    for line in inspect.cleandoc(docstring).splitlines():
        heading = _HEADING.match(line)
        if heading:
            current = found.setdefault(heading[1].lower(), [])
        else:
            current.append(line)
    return {name: textwrap.dedent("\n".join(lines)).strip() for name, lines in found.items()}


def arguments_of(text: str) -> dict[str, str]:
    """Arguments by name from an `Args` section, each as one paragraph."""
    found: dict[str, str] = {}
    name = ""
    for line in text.splitlines():
        argument = _ARGUMENT.match(line)
        if argument and not argument[1].startswith("*"):
            name = argument[1]
            found[name] = argument[2]
        elif argument:
            name = ""
        elif name and line.strip():
            found[name] += " " + line.strip()
    return found


def table(headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A Markdown table; bars and line breaks in cells are made harmless."""
    clean = [tuple(cell.replace("|", "\\|").replace("\n", " ") for cell in row) for row in rows]
    lines = [" | ".join(row) for row in (headings, ("---",) * len(headings), *clean)]
    return "\n".join(f"| {line} |" for line in lines)
