"""The command line: `scenarium envs | agents | baselines | tasks | train | evaluate | submit | leaderboard | play`."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from scenarium.envs.core.errors import ScenariumError

Json = Annotated[str, tyro.conf.arg(metavar="JSON")]


@dataclass(frozen=True)
class Envs:
    """List the environments, one line each."""

    json: bool = False
    """Print JSON instead."""


@dataclass(frozen=True)
class Agents:
    """List the agents, one line each."""

    json: bool = False
    """Print JSON instead."""


@dataclass(frozen=True)
class Baselines:
    """List the classical policies, one line each."""

    json: bool = False
    """Print JSON instead."""


@dataclass(frozen=True)
class Tasks:
    """List the leaderboard's tasks, one line each."""

    json: bool = False
    """Print JSON instead."""


@dataclass(frozen=True)
class Train:
    """Train an agent; stop with Ctrl-C, and run the same command again to go on.

    Any config field of the agent can be set by its name.
    Example: scenarium train InventoryNet-v0 hdpo --policy gnn --seeds 0 1 2 --learning-rate 0.003 --out runs/hdpo
    """

    env: tyro.conf.Positional[str]
    """Environment id."""
    agent: tyro.conf.Positional[str]
    """Agent name, as in `scenarium agents`."""
    out: Path
    """Folder of the run; one sub-folder per seed."""
    policy: str | None = None
    """Policy name, such as mlp or gnn; the agent's default if left out."""
    seeds: tuple[int, ...] = (0,)
    """Training seeds."""
    steps: int = 10_000_000
    """Environment steps per seed: worlds times periods."""
    jobs: int = 1
    """Seeds trained at the same time, each on one thread."""
    device: str = "auto"
    """auto, cpu or cuda."""
    env_kwargs: Json = "{}"
    """Keyword arguments of the environment."""
    policy_kwargs: Json = "{}"
    """Keyword arguments of the policy."""
    fresh: bool = False
    """Start again instead of resuming what is in the folder."""


@dataclass(frozen=True)
class Evaluate:
    """Evaluate a training run or a baseline, on a leaderboard task or on any worlds.

    Example: scenarium evaluate runs/hdpo --task inventory-one-warehouse
    """

    run: tyro.conf.Positional[str]
    """Folder of a training run, or the name of a baseline."""
    env: str | None = None
    """Environment id; by default the one it was trained on."""
    task: str | None = None
    """Play this task's held-out worlds instead of worlds 0, 1, ..."""
    worlds: int = 1000
    """Number of worlds."""
    periods: int | None = None
    """Periods played; the horizon by default."""
    warm_up: int = 0
    """First periods that are not counted."""
    device: str = "cpu"
    """cpu or cuda."""
    env_kwargs: Json = "{}"
    """Keyword arguments of the environment."""
    json: bool = False
    """Print JSON instead."""


@dataclass(frozen=True)
class Submit:
    """Re-evaluate a training run, a submission folder or a baseline on a task, and put it on the board.

    Example: scenarium submit runs/hdpo --author "Ada L." --title "HDPO, two layers"
    """

    run: tyro.conf.Positional[str]
    """Folder of a training run or a submission, or the name of a baseline."""
    task: str | None = None
    """Task name; by default the first task on the run's environment."""
    author: tuple[str, ...] = ("anonymous",)
    """Who made it."""
    title: str = ""
    """Name on the page; the agent's name by default."""
    description: str = ""
    """A sentence or two."""
    licence: str = "MIT"
    """Licence of the weights."""
    code_url: str | None = None
    """Where the code is."""
    ruleset: Literal["tuned", "one-config"] = "tuned"
    """Tuned for this task, or one configuration for all tasks."""
    slug: str | None = None
    """Name of the entry within the task; made from title or agent by default."""
    root: Path = Path("runs/leaderboard")
    """Folder of the leaderboard's data."""
    device: str = "cpu"
    """cpu or cuda."""
    json: bool = False
    """Print JSON instead."""


@dataclass(frozen=True)
class Leaderboard:
    """Render the leaderboard as one self-contained HTML page."""

    root: Path = Path("runs/leaderboard")
    """Folder of the leaderboard's data."""
    out: Path | None = None
    """Where the page goes; index.html in the root by default."""
    open: bool = False
    """Open it in a browser."""


@dataclass(frozen=True)
class Play:
    """Play one world with a policy and draw it.

    Example: scenarium play InventoryNet-v0 base_stock --render out.png
    """

    env: tyro.conf.Positional[str]
    """Environment id."""
    policy: tyro.conf.Positional[str]
    """Folder of a training run, or the name of a baseline."""
    seed: int = 0
    """World to play."""
    periods: int | None = None
    """Periods played; the horizon by default."""
    render: Path | None = None
    """Draw the last period to this PNG file."""
    env_kwargs: Json = "{}"
    """Keyword arguments of the environment."""
    json: bool = False
    """Print the reward of every period as JSON."""


Command = Envs | Agents | Baselines | Tasks | Train | Evaluate | Submit | Leaderboard | Play


@dataclass(frozen=True)
class _Parsed:
    command: Command
    fields: dict[str, Any] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()


def parse(arguments: list[str]) -> _Parsed:
    """Parses a command line; what `train` does not know itself is taken for config fields.

    Raises:
        ScenariumError: An argument is unknown, or has no value.
    """
    command, rest = tyro.cli(Command, args=arguments, prog="scenarium", return_unknown_args=True)
    if rest and not isinstance(command, Train):
        raise ScenariumError(f"unknown argument {rest[0]!r}; see scenarium {type(command).__name__.lower()} --help")
    return _Parsed(command, config_fields(rest), tuple(arguments))


def config_fields(arguments: list[str]) -> dict[str, Any]:
    """``--learning-rate 0.01 --hidden=[64,64]`` as config fields; values are read as YAML.

    Raises:
        ScenariumError: A name has no ``--`` or a value is missing.
    """
    import yaml

    fields: dict[str, Any] = {}
    rest = [part for argument in arguments for part in (argument.split("=", 1) if argument[:2] == "--" else [argument])]
    while rest:
        name = rest.pop(0)
        if not name.startswith("--") or not rest or rest[0].startswith("--"):
            raise ScenariumError(
                f"argument {name!r} is unknown or has no value; config fields are written --name value"
            )
        fields[name[2:].replace("-", "_")] = yaml.safe_load(rest.pop(0))
    return fields


def json_argument(text: str, name: str) -> dict[str, Any]:
    """A JSON object given on the command line.

    Raises:
        ScenariumError: It is not one.
    """
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ScenariumError(f"--{name} is not valid JSON: {error}") from None
    if not isinstance(value, dict):
        raise ScenariumError(f"--{name} must be a JSON object, such as '{{\"n\": 10}}'")
    return value


def main(arguments: list[str] | None = None) -> int:
    """Entry point. Exit codes: 0 done, 1 refused or failed (one line says why), 2 wrong usage, 130 interrupted."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        parsed = parse(arguments or ["--help"])
        from scenarium import commands

        commands.run(parsed.command, parsed.fields, parsed.arguments)
    except ScenariumError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; run the same command again to go on", file=sys.stderr)
        return 130
    return 0
