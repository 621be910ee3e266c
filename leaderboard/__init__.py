"""Leaderboard: tasks, held-out seeds, statistics, results and the page that shows them.

Importing this package, reading results and rendering the page need numpy, pydantic and jinja2 only; the parts
that run policies load torch when they are used. Names below are resolved on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scenarium.leaderboard.foreign import OnnxPolicy as OnnxPolicy
    from scenarium.leaderboard.foreign import export_onnx as export_onnx
    from scenarium.leaderboard.page import render_page as render_page
    from scenarium.leaderboard.page import write_page as write_page
    from scenarium.leaderboard.schema import Manifest as Manifest
    from scenarium.leaderboard.schema import Result as Result
    from scenarium.leaderboard.schema import RunResult as RunResult
    from scenarium.leaderboard.schema import Task as Task
    from scenarium.leaderboard.seeds import held_out_seeds as held_out_seeds
    from scenarium.leaderboard.store import ResultStore as ResultStore
    from scenarium.leaderboard.tasks import get_task as get_task
    from scenarium.leaderboard.tasks import load_tasks as load_tasks

_HOMES = {
    "Manifest": "schema",
    "OnnxPolicy": "foreign",
    "Result": "schema",
    "ResultStore": "store",
    "RunResult": "schema",
    "Task": "schema",
    "export_onnx": "foreign",
    "get_task": "tasks",
    "held_out_seeds": "seeds",
    "load_tasks": "tasks",
    "render_page": "page",
    "write_page": "page",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
