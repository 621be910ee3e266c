"""Scenarium: operations and economics problems for Gymnasium, agents that solve them, and a leaderboard.

Importing the package registers every environment id with Gymnasium and loads nothing heavy: torch and the
agents are imported where they are used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from scenarium.envs import register_all

if TYPE_CHECKING:
    from scenarium.envs import make_model
    from scenarium.leaderboard.evaluation import evaluate

__version__ = "0.1.0"
__all__ = ["__version__", "evaluate", "make_model"]

_LAZY = {"evaluate": "scenarium.leaderboard.evaluation", "make_model": "scenarium.envs"}

register_all()


def __getattr__(name: str) -> Any:
    """Import a public name from its module on first use."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
