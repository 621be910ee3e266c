"""The grid of a sweep: which agents and classical policies on which tasks, from a YAML file or the command line.

A file holds what all have in common, and blocks. Names may be patterns, as for files; one that starts with ``!`` takes
names away again.

    steps: 2000000
    seeds: [0, 1, 2, 3, 4]
    authors: [Ada L.]
    grid:
      - tasks: ["inventory-*"]
        agents: [hdpo]
        policy: gnn
      - tasks: ["*"]
        baselines: ["*", "!gaussian_process"]
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, JsonValue

from scenarium.envs.core.errors import ScenariumError, unknown_name
from scenarium.leaderboard.record import Count, Label, Prose, Record, Slug
from scenarium.leaderboard.store import slugify

if TYPE_CHECKING:
    from scenarium.leaderboard.schema import Task

Seeds = Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1, max_length=1000)]
Names = tuple[Label, ...]


class Block(Record):
    """One rectangle of the grid: every agent and every baseline, on every task and environment."""

    tasks: Names = ()
    """Leaderboard tasks, by name or pattern."""
    envs: Names = ()
    """Environment ids, for training without a task."""
    agents: Names = ()
    """Agents, by name or pattern."""
    baselines: Names = ()
    """Classical policies, by name or pattern; on each task those that play it and see no future."""
    policy: Label | None = None
    config: dict[str, JsonValue] = {}
    """Config fields of the agents."""
    env_kwargs: dict[str, JsonValue] = {}
    """How the problem is shown."""
    policy_kwargs: dict[str, JsonValue] = {}
    seeds: Seeds | None = None
    steps: Count | None = None
    """Environment steps per seed."""
    name: Slug | None = None
    """Name of the entry; made of agent and policy by default."""
    title: Prose = ""
    description: Prose = ""
    ruleset: Literal["tuned", "one-config"] = "tuned"


class Grid(Record):
    """The content of a grid file."""

    seeds: Seeds = (0, 1, 2, 3, 4)
    steps: Count = 1_000_000
    authors: Names = ("anonymous",)
    licence: Label = "MIT"
    grid: Annotated[tuple[Block, ...], Field(min_length=1, max_length=1000)]


@dataclass(frozen=True)
class Cell:
    """One agent or baseline on one task or environment, with all its seeds.

    Attributes:
        target: Name of the task, or id of the environment.
        task: The task, if it is one.
        env_id: Environment id.
        env_kwargs: Its keyword arguments.
        player: Registry name of the agent or baseline.
        trained: Whether it is an agent.
        slug: Name of the entry within the task.
        seeds: Training seeds; none for a baseline.
        steps: Environment steps per seed.
        block: Where the other settings are.
    """

    target: str
    task: Task | None
    env_id: str
    env_kwargs: Mapping[str, Any]
    player: str
    trained: bool
    slug: str
    seeds: tuple[int, ...]
    steps: int
    block: Block

    @property
    def name(self) -> str:
        """Target and entry, as a relative path."""
        return f"{slugify(self.target)}/{self.slug}"


def read_grid(path: Path) -> Grid:
    """Reads and checks a grid file.

    Raises:
        ScenariumError: The file is missing, no YAML, or wrong; the message names file and field.
    """
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ScenariumError(f"cannot read the grid {path}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ScenariumError(f"{path}: not valid YAML ({' '.join(str(error).split())})") from None
    if not isinstance(content, dict):
        raise ScenariumError(f"{path}: expected a mapping with the key 'grid', got {type(content).__name__}")
    return Grid.parse(content, str(path))


def select(patterns: Iterable[str], names: Iterable[str], kind: str) -> list[str]:
    """The names that patterns choose, in the order of `names`.

    Args:
        patterns: Names or shell patterns; ``!pattern`` takes away.
        names: What there is.
        kind: What a name is, for the message.

    Raises:
        ScenariumError: A pattern matches nothing.
    """
    known, chosen = list(names), set[str]()
    for pattern in patterns:
        plain = pattern.removeprefix("!")
        found = {name for name in known if fnmatchcase(name, plain)}
        if not found:
            raise unknown_name(kind, plain, known)
        chosen = chosen - found if pattern.startswith("!") else chosen | found
    return [name for name in known if name in chosen]


def with_common(grid: Grid, common: Mapping[str, Any]) -> Grid:
    """A grid with other ``seeds`` or ``steps``, for all blocks, those with their own included."""
    blocks = tuple(block.model_copy(update=dict.fromkeys(common)) for block in grid.grid)
    return grid.model_copy(update={**common, "grid": blocks})


def only(found: Sequence[Cell], targets: Sequence[str], agents: Sequence[str], baselines: Sequence[str]) -> list[Cell]:
    """The cells whose names patterns choose.

    Args:
        found: Cells.
        targets: Patterns of tasks or ids; none keeps all.
        agents: Patterns of agents; if these or `baselines` are given, only players that either names are kept.
        baselines: Patterns of baselines.

    Raises:
        ScenariumError: A pattern matches nothing.
    """
    kept = set(select(targets or ["*"], dict.fromkeys(cell.target for cell in found), "task of the grid"))
    players = {True: agents, False: baselines}
    chosen = set()
    for trained, patterns in players.items():
        names = dict.fromkeys(cell.player for cell in found if cell.trained == trained)
        everything = ["*"] if names and not (agents or baselines) else []
        kind = "agent of the grid" if trained else "baseline of the grid"
        chosen |= {(trained, name) for name in select(patterns or everything, names, kind)}
    return [cell for cell in found if cell.target in kept and (cell.trained, cell.player) in chosen]


def cells(grid: Grid, tasks: Mapping[str, Task]) -> list[Cell]:
    """All cells of a grid.

    Raises:
        ScenariumError: A name is unknown, a block is empty, or two cells would share a folder.
    """
    found: dict[str, Cell] = {}
    for number, block in enumerate(grid.grid, start=1):
        mine = list(_cells(block, grid, tasks))
        if not mine:
            raise ScenariumError(f"block {number} of the grid is empty: give tasks or envs, and agents or baselines")
        for cell in mine:
            if cell.name in found:
                raise ScenariumError(f"the grid has {cell.name} twice; give one of its blocks a name")
            found[cell.name] = cell
    return list(found.values())


def _cells(block: Block, grid: Grid, tasks: Mapping[str, Task]) -> Iterator[Cell]:
    from scenarium.agents.core.registry import agent_entries
    from scenarium.baselines import baseline_entries, baselines_for

    agents = select(block.agents, agent_entries(), "agent")
    classical = select(block.baselines, baseline_entries(), "baseline")
    for target, task, env_id, kwargs in _targets(block, tasks):
        for agent in agents:
            seeds = block.seeds or grid.seeds
            yield Cell(
                target, task, env_id, kwargs, agent, True, _slug(block, agent), seeds, block.steps or grid.steps, block
            )
        able = {entry.name for entry in baselines_for(env_id) if not entry.clairvoyant}
        for baseline in classical:
            if baseline in able and task is not None:
                yield Cell(target, task, env_id, kwargs, baseline, False, slugify(baseline), (), 0, block)


def _targets(block: Block, tasks: Mapping[str, Task]) -> Iterator[tuple[str, Task | None, str, dict[str, Any]]]:
    from scenarium.envs import entries

    for name in select(block.tasks, tasks, "task"):
        task = tasks[name]
        yield name, task, task.env_id, {**block.env_kwargs, **task.env_kwargs}
    known = dict.fromkeys([*entries(), *(env for env in block.envs if not env.startswith("!"))])
    for env_id in select(block.envs, known, "environment id"):
        yield env_id, None, env_id, dict(block.env_kwargs)


def _slug(block: Block, player: str) -> str:
    if block.name is not None and len(block.agents) + len(block.baselines) == 1:
        return block.name
    parts = [block.name or "", player, block.policy or ""]
    settings = {"config": block.config, "env": block.env_kwargs, "policy": block.policy_kwargs}
    if block.name is None and any(settings.values()):
        parts.append(hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:6])
    return slugify("-".join(part for part in parts if part))
