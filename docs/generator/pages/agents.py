"""What the agents' pages take from the code: the table of agents, settings with their docstrings, presets."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import textwrap
from typing import Any

from pages.sections import table
from scenarium.agents.core.presets import preset, preset_ids
from scenarium.agents.core.registry import agent_class, agent_entries

_MARK = re.compile(r"^<!-- (settings|presets): (\w+) -->$", re.MULTILINE)


def expand(markdown: str) -> str:
    """Replaces the marks `<!-- settings: NAME -->` and `<!-- presets: NAME -->` by tables."""
    makers = {"settings": settings, "presets": presets}
    return _MARK.sub(lambda mark: makers[mark[1]](mark[2]), markdown)


def overview() -> str:
    """The table of all agents."""
    return table(("name", "method"), [(f"`{e.name}`", e.title) for e in agent_entries().values()])


def settings(name: str) -> str:
    """The config fields of an agent: name, default and the docstring below it in the source."""
    config = agent_class(name).config_class
    told: dict[str, str] = {}
    for parent in reversed(config.__mro__):
        if dataclasses.is_dataclass(parent):
            told |= _field_docs(parent)
    rows = [(f"`{f.name}`", f"`{_default(f)}`", told.get(f.name, "")) for f in dataclasses.fields(config)]
    return table(("setting", "default", "meaning"), rows)


def _field_docs(config: type[Any]) -> dict[str, str]:
    tree = ast.parse(textwrap.dedent(inspect.getsource(config)))
    body = next(node.body for node in tree.body if isinstance(node, ast.ClassDef))
    found = {}
    for field, text in zip(body, body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and _is_text(text):
            found[field.target.id] = inspect.cleandoc(text.value.value)  # type: ignore[attr-defined]
    return found


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _default(field: dataclasses.Field[Any]) -> str:
    value = field.default if field.default is not dataclasses.MISSING else field.default_factory()  # type: ignore[misc]
    return repr(value)


def presets(name: str) -> str:
    """What the presets change for which environments."""
    rows = [("every id", _values(preset(name, "", "")))]
    base = preset(name, "", "")
    for env_id in preset_ids(name):
        own = {key: value for key, value in preset(name, env_id, "").items() if base.get(key) != value}
        rows.append((f"`{env_id}`", _values(own)))
    return table(("environment", "settings"), rows)


def _values(values: dict[str, Any]) -> str:
    return ", ".join(f"`{key} = {value if len(str(value)) < 60 else '...'}`" for key, value in values.items())
