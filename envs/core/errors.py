"""The one exception a user of Scenarium meets, and the wording shared by its messages."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ScenariumError(ValueError):
    """Bad input: the message says in one line what was wrong and what would be right."""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> ScenariumError:
    """Builds the error for a name that is not in a registry, suggesting the nearest one.

    Args:
        kind: What the name stands for, such as ``"environment id"``.
        name: What the user wrote.
        known: The names that would have been accepted.
    """
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names) or 'none'}"
    return ScenariumError(f"unknown {kind} {name!r}; {hint}")


class UnexpectedArgument(ScenariumError, TypeError):
    """A keyword argument nobody takes: a TypeError too, as Python's own, for libraries that try an argument."""
