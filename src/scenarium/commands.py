"""What each command of the command line does."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Sequence
from functools import singledispatch
from pathlib import Path
from typing import Any

from scenarium import cli
from scenarium.board_cli import BoardCommand
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.files import write_atomic
from scenarium.workers import Job, LocalWorkers


def run(command: cli.Command, fields: dict[str, Any], arguments: Sequence[str]) -> None:
    """Runs a parsed command; `fields` are config fields, for training, and `arguments` the command line."""
    if isinstance(command, cli.Train):
        train(command, {**cli.json_argument(command.fields, "fields"), **fields}, arguments)
    elif isinstance(command, cli.Sweep):
        from scenarium.sweep import run_sweep

        run_sweep(command, fields)
    elif isinstance(command, BoardCommand):
        from scenarium.board import run_board

        run_board(command)
    else:
        execute(command)


@singledispatch
def execute(command: Any) -> None:
    """Runs a command by its type."""
    raise ScenariumError(f"unknown command {type(command).__name__}")


def _listing(rows: Iterable[tuple[str, str]], as_json: bool) -> None:
    rows = list(rows)
    if as_json:
        print(json.dumps([{"name": name, "title": title} for name, title in rows], indent=2))
        return
    width = max(len(name) for name, _ in rows)
    for name, title in rows:
        print(f"{name:<{width}}  {title}")


@execute.register
def _(command: cli.Doctor) -> None:
    from scenarium import doctor

    found = doctor.examine()
    print(json.dumps(found, indent=2) if command.json else doctor.report(found))


@execute.register
def _(command: cli.Envs) -> None:
    from scenarium.envs import entries

    known = [*entries().values(), *entries(several=True).values()]
    _listing(((entry.id, entry.title) for entry in known), command.json)


@execute.register
def _(command: cli.Agents) -> None:
    from scenarium.agents.core.registry import agent_entries

    _listing(((entry.name, entry.title) for entry in agent_entries().values()), command.json)


@execute.register
def _(command: cli.Baselines) -> None:
    from scenarium.baselines import baseline_entries

    _listing(((entry.name, entry.title) for entry in baseline_entries().values()), command.json)


@execute.register
def _(command: cli.Tasks) -> None:
    from scenarium.leaderboard.tasks import load_tasks

    _listing(((task.name, f"{task.env_id}: {task.title}") for task in load_tasks().values()), command.json)


def train(command: cli.Train, fields: dict[str, Any], arguments: Sequence[str]) -> None:
    """Trains one agent per seed, in this process or several at a time."""
    if command.jobs > 1 and len(command.seeds) > 1:
        _train_side_by_side(command, arguments)
        return
    for seed in command.seeds:
        _train_seed(command, fields, seed)


def _train_side_by_side(command: cli.Train, arguments: Sequence[str]) -> None:
    """One process per seed, `jobs` at a time; each is the same command with one seed."""
    base = _without(_without(arguments, "--seeds"), "--jobs")
    waiting = [Job(f"seed {seed}", (*base, "--seeds", str(seed)), command.out) for seed in command.seeds]
    workers, running = LocalWorkers(command.jobs), 0
    try:
        while waiting or running:
            while waiting and workers.free():
                print(f"{waiting[0].name} starts")
                workers.start(waiting.pop(0))
                running += 1
            for outcome in workers.finished():
                running -= 1
                if outcome.ending != "done":
                    raise ScenariumError(f"training of {outcome.job.name} stopped: {outcome.reason}")
    finally:
        workers.close()


def _without(arguments: Sequence[str], option: str) -> list[str]:
    """A command line without an option and its values."""
    kept, dropping = [], False
    for argument in arguments:
        if argument.startswith("--"):
            dropping = argument.split("=")[0] == option
        if not dropping:
            kept.append(argument)
    return kept


def _train_seed(command: cli.Train, fields: dict[str, Any], seed: int) -> None:
    import torch

    from scenarium.agents.core.checkpoint import has_checkpoint
    from scenarium.agents.core.registry import agent_class

    if os.environ.get("OMP_NUM_THREADS") == "1":
        torch.set_num_threads(1)
    settings: dict[str, Any] = {} if command.policy is None else {"policy": command.policy}
    agent = agent_class(command.agent)(
        command.env,
        **settings,
        config=fields,
        seed=seed,
        device=command.device,
        env_kwargs=cli.json_argument(command.env_kwargs, "env-kwargs"),
        policy_kwargs=cli.json_argument(command.policy_kwargs, "policy-kwargs") or None,
    )
    folder = command.out / f"seed_{seed}"
    resume = has_checkpoint(folder) and not command.fresh
    before, cpu, wall = _spent(folder) if resume else {}, time.process_time(), time.perf_counter()
    curve = _curve(command, agent, folder, before.get("cpu_seconds", 0.0))
    try:
        agent.learn(
            command.steps, curve, progress_bar=sys.stdout.isatty(), log_dir=folder, checkpoint=folder, resume=resume
        )  # fmt: skip
    finally:
        measuring = 0.0 if curve is None else curve.measuring
        cost = {
            "cpu_seconds": before.get("cpu_seconds", 0.0) + time.process_time() - cpu - measuring,
            "wall_seconds": before.get("wall_seconds", 0.0) + time.perf_counter() - wall,
            "device": str(agent.device),
        }
        write_atomic(folder / "run.json", json.dumps(cost, indent=2))
    print(f"seed {seed}: {agent.num_timesteps:,} steps in {cost['cpu_seconds']:.0f} CPU-s -> {folder}")


def _curve(command: cli.Train, agent: Any, folder: Path, spent: float) -> Any:
    """The callback that measures the learning curve, where a task says how."""
    from scenarium.leaderboard.curves import CurveCallback, task_of
    from scenarium.leaderboard.tasks import load_tasks

    task = task_of(agent, load_tasks()) if command.curve else None
    return task and CurveCallback(folder, task, command.steps, points=command.curve, spent=spent)


def _spent(folder: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def _load_policies(name: str, env: str | None, kwargs: dict[str, Any]) -> list[tuple[str, Any]]:
    """The policies of a training run, or a baseline by its name, with a label each."""
    from scenarium.agents.core.registry import load_agent
    from scenarium.baselines import baseline_entries, make_baseline
    from scenarium.envs import make_model
    from scenarium.leaderboard.submission import seed_folders

    if name in baseline_entries() and not Path(name).exists():
        if env is None:
            raise ScenariumError(f"baseline {name!r} needs an environment: --env ID or --task NAME")
        return [(name, make_baseline(name, make_model(env, **kwargs)))]
    return [(folder.name, load_agent(folder)) for folder in seed_folders(name)]


@execute.register
def _(command: cli.Evaluate) -> None:
    from scenarium.agents.core.problem import resolve_model
    from scenarium.leaderboard.evaluation import evaluate, evaluate_task, task_model
    from scenarium.leaderboard.tasks import get_task

    task = get_task(command.task) if command.task else None
    kwargs = cli.json_argument(command.env_kwargs, "env-kwargs")
    rows = []
    env = task.env_id if task else command.env
    for label, policy in _load_policies(command.run, env, kwargs if task is None else dict(task.env_kwargs)):
        own = dict(policy.model.env_kwargs)
        if task is not None:
            outcome = evaluate_task(policy, task, task_model(task, own), command.device)
        else:
            model = resolve_model(command.env or policy.model.env_id, {**own, **kwargs}, foreign=True)
            outcome = evaluate(
                policy, model, range(command.worlds), periods=command.periods, warm_up=command.warm_up,
                device=command.device,
            )  # fmt: skip
        row = {"policy": label, "mean": outcome.mean, "std_error": outcome.std_error, "worlds": len(outcome.returns)}
        if task is not None:
            row["score"] = task.score(outcome.mean)
        rows.append(row)
    if command.json:
        print(json.dumps(rows, indent=2))
        return
    for row in rows:
        score = f"  score {row['score']:.3f}" if "score" in row else ""
        print(f"{row['policy']}: {row['mean']:.4f} +- {row['std_error']:.4f} over {row['worlds']} worlds{score}")


@execute.register
def _(command: cli.Leaderboard) -> None:
    from scenarium.leaderboard.collection import PUBLISHED, Collection
    from scenarium.leaderboard.site import render_site, write_site
    from scenarium.leaderboard.tasks import load_tasks

    found = Collection([*([PUBLISHED] if command.published else []), command.root])
    for path, error in found.broken:
        print(f"left out {path}: {error}", file=sys.stderr)
    pages = render_site(load_tasks(), found.results, manifests=found.manifest, broken=found.broken)
    out = write_site(command.out or command.root, pages)
    print(f"{len(found.results)} results -> {out}")
    if command.open:
        import webbrowser

        webbrowser.open(out.resolve().as_uri())


@execute.register
def _(command: cli.Backtest) -> None:
    from scenarium.leaderboard.backtest import backtest

    kwargs = cli.json_argument(command.env_kwargs, "env-kwargs")
    if command.split is not None:
        kwargs["split"] = command.split
    policies: dict[str, Any] = {}
    for name in command.policies:
        loaded = _load_policies(name, command.env, kwargs)
        run = Path(name).name
        policies |= {run if len(loaded) == 1 else f"{run} {label}": policy for label, policy in loaded}
    worlds = None if command.worlds is None else range(command.seed, command.seed + command.worlds)
    test = backtest(
        policies, command.env, worlds, against=None if command.against == "none" else command.against,
        periods=command.periods, trials=command.trials, device=command.device, **kwargs,
    )  # fmt: skip
    page = None if command.out is None else test.write(command.out)
    print(json.dumps(test.as_json(), indent=2) if command.json else test.table())
    if page is not None and not command.json:
        played = f"{len(test.seeds)} worlds" if len(test.seeds) > 1 else "1 world"
        print(f"{played} of {test.days} days -> {page}")


@execute.register
def _(command: cli.Collect) -> None:
    from scenarium.agents.data.collect import collect

    kwargs = cli.json_argument(command.env_kwargs, "env-kwargs")
    data = collect(command.env, command.policy, command.episodes, command.seed, command.epsilon, kwargs)
    data.save(command.out)
    print(
        f"{data.episodes} episodes, {data.steps} steps, mean return {float(data.returns.mean()):.4f} -> {command.out}"
    )


@execute.register
def _(command: cli.Play) -> None:
    from scenarium.envs import make_model
    from scenarium.envs.core.canvas import write_png
    from scenarium.envs.core.rollout import unroll
    from scenarium.leaderboard.evaluation import as_single_act

    kwargs = cli.json_argument(command.env_kwargs, "env-kwargs")
    (_, policy), *_ = _load_policies(command.policy, command.env, kwargs)
    model = make_model(command.env, **{**policy.model.env_kwargs, **kwargs})
    moments = list(unroll(model, model.scenario(command.seed), as_single_act(policy), command.periods))
    rewards = [float(moment.outcome.reward) for moment in moments]
    if command.render is not None:
        write_png(command.render, model.render(moments[-1].after, moments[-1].outcome, len(moments)))
    if command.json:
        print(json.dumps({"seed": command.seed, "rewards": rewards}))
    else:
        picture = f" -> {command.render}" if command.render else ""
        print(
            f"world {command.seed}: mean reward {sum(rewards) / len(rewards):.4f} over {len(rewards)} periods{picture}"
        )
