"""Scenarium: operations and economics problems for Gymnasium, agents that solve them, and a leaderboard.

Importing the package registers every environment id with Gymnasium and loads nothing heavy: torch and the
agents are imported where they are used. Modules named in the environment variable ``SCENARIUM_PLUGINS``, with commas
between, are imported too: that is how environments, agents and baselines of your own reach the command line.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from scenarium.envs import register_all

if TYPE_CHECKING:
    from scenarium.envs import make_model
    from scenarium.envs.core.parallel import parallel_env
    from scenarium.leaderboard.backtest import backtest
    from scenarium.leaderboard.evaluation import evaluate

__version__ = "0.1.0"
__all__ = ["__version__", "backtest", "evaluate", "make_model", "parallel_env"]

_LAZY = {
    "backtest": "scenarium.leaderboard.backtest",
    "evaluate": "scenarium.leaderboard.evaluation",
    "make_model": "scenarium.envs",
    "parallel_env": "scenarium.envs.core.parallel",
}

register_all()


def _import_plugins() -> None:
    for name in filter(None, os.environ.get("SCENARIUM_PLUGINS", "").split(",")):
        import_module(name.strip())


def __getattr__(name: str) -> Any:
    """Import a public name from its module on first use."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


_import_plugins()  # last: a plugin may import this package
