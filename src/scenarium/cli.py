"""The command line: `scenarium COMMAND`, with the commands that the classes below describe."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import tyro

from scenarium.board_cli import BoardCommand
from scenarium.envs.core.errors import ScenariumError

Json = Annotated[str, tyro.conf.arg(metavar="JSON")]


@dataclass(frozen=True)
class Envs:
    """List the environments, one line each.

    Example: scenarium envs --json
    """

    json: bool = False
    """Print JSON instead."""


@dataclass(frozen=True)
class Agents:
    """List the agents, one line each.

    Example: scenarium agents
    """

    json: bool = False
    """Print JSON instead."""


@dataclass(frozen=True)
class Baselines:
    """List the classical policies, one line each.

    Example: scenarium baselines --json
    """

    json: bool = False
    """Print JSON instead."""


@dataclass(frozen=True)
class Tasks:
    """List the leaderboard's tasks, one line each.

    Example: scenarium tasks
    """

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
    curve: int = 24
    """Points of the learning curve, measured where a leaderboard task plays the environment; 0 for none."""
    env_kwargs: Json = "{}"
    """Keyword arguments of the environment."""
    policy_kwargs: Json = "{}"
    """Keyword arguments of the policy."""
    fields: Json = "{}"
    """Config fields as one object, for those whose names are options of this command."""
    fresh: bool = False
    """Start again instead of resuming what is in the folder."""


@dataclass(frozen=True)
class Sweep:
    """Train a grid of tasks, agents and seeds; run the same command again to do what is missing.

    Names may be patterns; one that starts with ! takes names away. Config fields of the agents are set by their names.
    Example: scenarium sweep --tasks "fishery-*" --agents hdpo pqn --seeds 0 1 2 --steps 2000000 --jobs 2 --submit
    """

    tasks: tuple[str, ...] = ()
    """Leaderboard tasks; with --config, only these of the file's."""
    envs: tuple[str, ...] = ()
    """Environment ids, for training without a task."""
    agents: tuple[str, ...] = ()
    """Agents; with --config, only these of the file's."""
    baselines: tuple[str, ...] = ()
    """Classical policies, each on the tasks that it plays; with --config, only these of the file's."""
    config: Path | None = None
    """YAML file with the grid; scenarium.grid says what it holds."""
    seeds: tuple[int, ...] = ()
    """Training seeds; 0 to 4, or what the file says, by default."""
    steps: int | None = None
    """Environment steps per seed; 1,000,000, or what the file says, by default."""
    policy: str | None = None
    """Policy name; the agent's default if left out."""
    out: Path = Path("runs/sweep")
    """Folder of the training runs."""
    jobs: int = 1
    """Jobs at the same time on this machine, each on one thread."""
    ray: str | None = None
    """Train on a Ray cluster at this address instead; auto for the one around, local for one started here."""
    gpus_per_job: float = 0.0
    """GPUs that Ray reserves for a job; may be a fraction."""
    retries: int = 2
    """How often a job that was killed is started again."""
    submit: bool = False
    """Submit each finished group of seeds, and the baselines."""
    author: tuple[str, ...] = ("anonymous",)
    """Who submits; a file has its own."""
    root: Path = Path("runs/leaderboard")
    """Folder of the leaderboard's data."""
    device: str = "auto"
    """auto, cpu or cuda."""
    env_kwargs: Json = "{}"
    """Keyword arguments of the environments."""
    policy_kwargs: Json = "{}"
    """Keyword arguments of the policy."""
    dry_run: bool = False
    """Print the commands that would run."""


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
class Leaderboard:
    """Render the leaderboard as a site of self-contained HTML pages: a board, a page per task and per submission.

    Example: scenarium leaderboard --open
    """

    root: Path = Path("runs/leaderboard")
    """Folder of the leaderboard's data."""
    out: Path | None = None
    """Folder of the site, whose first page is index.html; the root by default."""
    published: bool = True
    """Show the results that come with the package as well."""
    open: bool = False
    """Open it in a browser."""


@dataclass(frozen=True)
class Backtest:
    """Play portfolio policies through the same days and report on them: figures with intervals, pictures, a page.

    Example: scenarium backtest PortfolioAllocation-v0 minimum_variance risk_parity runs/hdpo --out runs/backtest
    """

    env: tyro.conf.Positional[str]
    """Environment id of a portfolio problem."""
    policies: tyro.conf.Positional[tuple[str, ...]]
    """Folders of training runs, or names of baselines."""
    against: str = "equal_weight"
    """Benchmark: the name of a baseline, or "none"."""
    split: str | None = None
    """Part of the recorded days: train, validate or test."""
    worlds: int | None = None
    """Number of worlds; 128, or the one history of recorded prices."""
    seed: int = 0
    """First world."""
    periods: int | None = None
    """Days played; the horizon by default."""
    trials: int | None = None
    """How many strategies were tried in all, for the deflated Sharpe ratio; by default those given."""
    device: str = "cpu"
    """cpu or cuda."""
    env_kwargs: Json = "{}"
    """Keyword arguments of the environment."""
    out: Path | None = None
    """Folder for the page (index.html), backtest.json, series.csv and weights.csv."""
    json: bool = False
    """Print JSON instead of a table."""


@dataclass(frozen=True)
class Collect:
    """Record whole episodes of a policy, some of its actions at random, as a dataset to learn from.

    Example: scenarium collect InventoryNet-v0 base_stock --episodes 200 --out runs/recorded
    """

    env: tyro.conf.Positional[str]
    """Environment id."""
    policy: tyro.conf.Positional[str]
    """Folder of a trained agent, or the name of a baseline."""
    out: Path
    """Folder of the dataset."""
    episodes: int = 100
    """Episodes to record; of a team, every agent's are one."""
    epsilon: tuple[float, ...] = (0.0, 0.1, 0.3, 1.0)
    """Probability of a random action in the first, second, ... episode, and from the start again."""
    seed: int = 3_000_000
    """Seed of the first world."""
    env_kwargs: Json = "{}"
    """Keyword arguments of the environment."""


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


@dataclass(frozen=True)
class Doctor:
    """Print versions, devices and threads, and what is missing for which feature.

    Example: scenarium doctor --json
    """

    json: bool = False
    """Print JSON instead."""


Command = (
    Doctor
    | Envs
    | Agents
    | Baselines
    | Tasks
    | Train
    | Sweep
    | Evaluate
    | BoardCommand
    | Leaderboard
    | Backtest
    | Collect
    | Play
)


@dataclass(frozen=True)
class _Parsed:
    command: Command
    fields: dict[str, Any] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()


def parse(arguments: list[str]) -> _Parsed:
    """Parses a command line; what `train` and `sweep` do not know themselves is taken for config fields.

    Raises:
        ScenariumError: An argument is unknown, or has no value.
    """
    command, rest = tyro.cli(Command, args=arguments, prog="scenarium", return_unknown_args=True)
    if rest and not isinstance(command, Train | Sweep):
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
    """Entry point.

    Exit codes: 0 done, 1 refused or failed (one line says why), 2 wrong usage, 130 interrupted, 141 nobody reads the
    output any more.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        parsed = parse(arguments or ["--help"])
        from scenarium import commands

        commands.run(parsed.command, parsed.fields, parsed.arguments)
    except ScenariumError as error:
        print(f"error: {error}", file=sys.stderr)
        if "--json" in arguments:
            print(json.dumps({"error": str(error)}))
        return 1
    except BrokenPipeError:  # whoever read the output has seen enough, such as `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:
        print("interrupted; run the same command again to go on", file=sys.stderr)
        return 130
    return 0
