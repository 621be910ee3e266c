"""The page of every environment, from its factory's and its model's docstrings, its spaces and the tables."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np

from pages.sections import arguments_of, sections_of, table
from scenarium.agents.core.presets import preset_ids
from scenarium.agents.core.registry import agent_entries
from scenarium.baselines import baselines_for
from scenarium.envs.core.embedded import WithPolicies
from scenarium.envs.core.model import Model, Role
from scenarium.envs.core.registry import Entry, entries, load_target, make_model
from scenarium.leaderboard.tasks import load_tasks

FAMILIES = {
    "inventory": "Inventory networks",
    "fishery": "Fisheries",
    "pricing": "Airline ancillary pricing",
    "portfolio": "Portfolio allocation",
    "tax": "The tax game",
}
HISTORY = "- v0: first version."


def everything() -> list[Entry]:
    """The entries of all environments, those of several agents last."""
    return [*entries().values(), *entries(several=True).values()]


def index() -> str:
    """The page that lists all environments by family."""
    parts = ["# Environments", "One id is one problem; `gym.make(id, **arguments)` changes what its page lists."]
    for family, title in FAMILIES.items():
        members = [entry for entry in everything() if entry.family == family]
        rows = [(f"[{e.id}]({family}/{e.id}.md)", e.title) for e in members]
        parts += [f"## {title}", table(("id", "problem"), rows)]
    return "\n\n".join(parts) + "\n"


def pages() -> Iterator[tuple[str, str, Entry]]:
    """Path, text and entry of every environment's page."""
    for entry in everything():
        yield f"environments/{entry.family}/{entry.id}.md", page(entry), entry


def page(entry: Entry) -> str:
    """One environment's page in the sections of Gymnasium's documentation."""
    model = make_model(entry.id)
    factory = sections_of(inspect.getdoc(load_target(entry.factory)) or "")
    kind = _inherited(type(_inner(model)))
    told = {**kind, **{name: text for name, text in factory.items() if name != "description"}}
    same = factory["description"] == kind["description"]
    described = factory["description"] if same else f"{factory['description']}\n\n{kind['description']}"
    parts = [
        f"# {entry.id}", f"*{entry.title[0].upper()}{entry.title[1:]}.*", _pictures(entry), _facts(entry, model),
        "## Description", described, "## Spaces", _spaces(model),
    ]  # fmt: skip
    for name, heading in (("reward", "Reward"), ("start", "Starting state")):
        if name in told:
            parts += [f"## {heading}", told[name]]
    parts += ["## End of the episode", told.get("end", _end(model)), "## Arguments", _arguments(entry, model)]
    parts += ["## What is known", _known(entry, told), "## Who can play it", _players(entry)]
    parts += ["## Version history", told.get("version history", HISTORY)]
    if "references" in told:
        parts += ["## References", told["references"]]
    return "\n\n".join(part for part in parts if part) + "\n"


def _inner(model: Model) -> Model:
    """The problem itself, where other roles are played by policies that are part of the world."""
    return model.model if isinstance(model, WithPolicies) else model


def _inherited(kind: type[Model]) -> dict[str, str]:
    """The sections of a model's docstring, those it does not have from the class it extends."""
    told: dict[str, str] = {}
    for parent in reversed(kind.__mro__):
        if issubclass(parent, Model) and parent is not Model:
            told |= {name: text for name, text in sections_of(parent.__doc__ or "").items() if text}
    return told


def _pictures(entry: Entry) -> str:
    return f"![{entry.id} at play](media/{entry.id}.webp){{ .play }}"


def _facts(entry: Entry, model: Model) -> str:
    gradient = {"exact": "exact", "relaxed": "through the relaxed model", "none": "none"}[model.gradient]
    several = len(model.roles) > 1
    make = f'`gym.make("{entry.id}")`, `gym.make_vec("{entry.id}", num_envs=4096)`'
    rows = [("Make", f'`scenarium.parallel_env("{entry.id}")` (PettingZoo)' if several else make)]
    for role in model.roles:
        who = f" of {role.count or 1} {role.name}" if several else ""
        rows.append((f"Action space{who}", f"`{_name(role.action_space)}`"))
        rows.append((f"Observation space{who}", f"`{_name(role.observation_space)}`"))
    rows += [
        ("Periods", f"{model.horizon:,}"),
        ("Gradient through the model", gradient),
    ]
    return table(("", ""), rows)


def _name(space: gymnasium.Space[Any]) -> str:
    if isinstance(space, gymnasium.spaces.Dict):
        return "Dict(" + ", ".join(f"{key}: {_name(part)}" for key, part in space.items()) + ")"
    if isinstance(space, gymnasium.spaces.Box):
        return f"Box({_bounds(space)}, {space.shape}, {space.dtype})"
    return str(space)


def _bounds(space: gymnasium.spaces.Box) -> str:
    return f"{_range(space.low)}, {_range(space.high)}"


def _range(values: Any) -> str:
    low, high = float(np.min(values)), float(np.max(values))
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def _spaces(model: Model) -> str:
    rows = [row for role in model.roles for row in _of_role(role, len(model.roles) > 1)]
    return table(("part", "kind", "shape", "type", "least", "greatest"), rows)


def _of_role(role: Role, named: bool) -> list[tuple[str, ...]]:
    name = f"{role.name}: " if named else ""
    observed = role.observation_space
    parts = observed.items() if isinstance(observed, gymnasium.spaces.Dict) else [("", observed)]
    seen = [_row(f"{name}observation" + (f": {key}" if key else ""), part) for key, part in parts]
    return [_row(f"{name}action", role.action_space), *seen]


def _row(part: str, space: gymnasium.Space[Any]) -> tuple[str, ...]:
    if isinstance(space, gymnasium.spaces.Box):
        return (part, "Box", str(space.shape), str(space.dtype), _range(space.low), _range(space.high))
    if isinstance(space, gymnasium.spaces.Discrete):
        return (part, f"Discrete({space.n})", "()", str(space.dtype), str(space.start), str(space.start + space.n - 1))
    return (part, str(space), str(space.shape), str(space.dtype), "", "")


def _end(model: Model) -> str:
    early = "A world may also end by itself (`terminated`)." if model.terminates else "No world ends earlier."
    limit = "nothing is worth anything beyond it" if model.time_limit_is_terminal else "the problem itself goes on"
    return f"`truncated` after {model.horizon:,} periods; {limit}. {early}"


def _arguments(entry: Entry, model: Model) -> str:
    rows: dict[str, tuple[str, ...]] = {}
    for source in (load_target(entry.factory), type(_inner(model))):
        told = arguments_of(sections_of(inspect.getdoc(source) or "").get("args", ""))
        for name, parameter in inspect.signature(source).parameters.items():
            if name in told and name not in rows:
                default = entry.kwargs.get(name, parameter.default)
                shown = "" if default is inspect.Parameter.empty else f"`{default!r}`"
                rows[name] = (f"`{name}`", shown if len(shown) < 60 else "its own", told[name])
    return table(("argument", "default", "meaning"), list(rows.values())) if rows else "None."


def _known(entry: Entry, told: dict[str, str]) -> str:
    parts = [told["optimum"]] if "optimum" in told else []
    for task in load_tasks().values():
        if task.env_id != entry.id:
            continue
        marks = [task.floor, task.reference, *([task.bound] if task.bound else []), task.random, *task.shown]
        rows = [
            (mark.kind, mark.name, f"{mark.mean:g} ± {mark.std_error:.2g}", mark.proof, f"`{mark.command}`")
            for mark in marks
            if mark is not None
        ]
        parts += [f"Task `{task.name}`: {task.metric}.", table(("", "policy", "value", "proof", "command"), rows)]
    return "\n\n".join(parts) or "The classical policies below."


def _players(entry: Entry) -> str:
    if entry.id not in entries():
        return (
            "A policy for each role: workers by rule are in `scenarium.envs.tax.workers`, and `two_level` trains all."
        )
    rows = [
        (f"`{b.name}`", b.title + (" (knows the future)" if b.clairvoyant else "")) for b in baselines_for(entry.id)
    ]
    tuned = [f"`{name}`" for name in agent_entries() if entry.id in preset_ids(name)]
    agents = f"Agents with a preset of their own here: {', '.join(tuned)}." if tuned else ""
    return "\n\n".join(part for part in (table(("baseline", ""), rows), agents) if part)
