"""What learning brings in the tax game: workers who learned, and a planner who learned, each beside what it must beat.

`python benchmarks/tax_learning.py [--worlds 64] [--picture docs/images/tax_workers.png] [--run runs/two_level/seed_0]`

Four workers, open quadrant, 1,000 periods. First the workers, without taxes: rule, random and trained ones, with coin,
equality, their product and utility, and 95 % intervals of the difference in coin, world by world. Then, for every kind
of workers, equality times productivity under each tax policy and the 95 % interval of its difference from the last
row's, the learned planner's, in the same held-out worlds. Published values (Zheng et al., 2022, figure of the two-phase
tutorial of the published code, workers trained anew under every policy) stand beside. "Saez" takes the elasticity 0.5
that the published code starts from. `--picture` draws what each skill does and earns; `--run` adds the planner of the
two-level run that the trained workers are from. `--kinds` picks kinds of workers, and `--without-saez` leaves out the
formula, whose history among trained workers takes minutes to play.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
from collections.abc import Sequence
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from torch import Tensor

from scenarium.agents.two_level.two_level import TwoLevel
from scenarium.baselines.tax.rules import FreeMarket, StaticSchedule, UsFederal
from scenarium.baselines.tax.saez import Saez
from scenarium.envs.core import rng
from scenarium.envs.core.embedded import WithPolicies
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.rollout import unroll
from scenarium.envs.tax.learned_game import trained_game
from scenarium.envs.tax.model import PLANNER, WORKER
from scenarium.envs.tax.presets import tax_game
from scenarium.envs.tax.trained import names

FIRST_SEED = 3_000_000
PUBLISHED = {"free market": 1278, "US federal": 1261, "Saez": 1435, "learned": 1664}


class Play(NamedTuple):
    """What happened in every world.

    Attributes:
        coin: Productivity [B].
        equality: [B].
        utility: Mean over workers [B].
        wealth, labor: By rank of skill, lowest first [4, B].
        acts: Houses built, units gathered, sold and bought by rank of skill [4, 4, B].
    """

    coin: Tensor
    equality: Tensor
    utility: Tensor
    wealth: Tensor
    labor: Tensor
    acts: Tensor

    @property
    def product(self) -> Tensor:
        """Equality times productivity [B], as published: of all coin, not of the coin per worker."""
        return self.equality * self.coin


class RandomWorkers:
    """Uniformly random allowed actions, from hashes of the worlds' seeds."""

    def initial(self, scenario: Any, xp: Any) -> Any:
        """The key of the tosses."""
        return rng.stream_key(scenario.seeds, 11)

    def act(self, observation: Any, memory: Any, mask: Tensor, t: Any, xp: Any) -> tuple[Tensor, Any]:
        """One action per worker."""
        words = rng.words(memory[:, None], t * mask.shape[1] + torch.arange(mask.shape[1]))
        rank = ((words >> 32) & 0xFFFF) * mask.sum(-1) >> 16
        return (mask.cumsum(-1) <= rank[..., None]).sum(-1).int(), memory


@torch.no_grad()
def play(model: WithPolicies, policy: Any, worlds: int) -> Play:
    """One policy of the planner in every held-out world."""
    inner = WithPolicies(model.model, PLANNER, model.others)  # period by period, to count what workers do
    scenario, memory, action = inner.scenario(torch.arange(FIRST_SEED, FIRST_SEED + worlds)), None, None
    counts = torch.zeros(4, worlds, inner.model.parameters.workers)  # type: ignore[attr-defined]

    def act(observation: Any, state: Any, t: int) -> tuple[Any, Any]:
        nonlocal memory, action
        if t % model.every == 0:
            action, memory = policy(observation, memory)
        return action, state

    after: Any = None
    for moment in unroll(inner, scenario, act):
        info, after = moment.outcome.info, moment.after.inner
        rows = (info["built"], *(info[name].sum(1) for name in ("gathered", "sold", "bought")))
        counts += torch.stack([row.float() for row in rows])
    rank = after.pay.argsort(0)
    wealth, labor = after.wealth, after.labor
    return Play(
        wealth.sum(0),
        after.welfare * len(wealth) / wealth.sum(0).clamp_min(1e-9),
        after.utility.mean(0),
        wealth.gather(0, rank),
        labor.gather(0, rank),
        counts.transpose(1, 2).gather(1, rank[None].expand(4, -1, -1)),
    )


def mean(values: Tensor) -> str:
    """Mean and half the width of its 95 % interval."""
    values = values.double()
    return f"{float(values.mean()):8.1f} +-{1.96 * float(values.std()) / math.sqrt(len(values)):5.1f}"


def games(kinds: Sequence[str]) -> dict[str, WithPolicies]:
    """Worlds by the workers who live in them, of the kinds named."""
    rule = tax_game().made_from("TaxGame-v0", {})
    found = {"random": WithPolicies(rule.model, PLANNER, {WORKER: RandomWorkers()}, every=rule.every), "rule": rule}
    for name in names():
        kwargs: dict[str, Any] = {} if name == "taxed" else {"network": name}
        found[f"trained ({name})"] = trained_game(**kwargs).made_from("TaxGame-Trained-v0", kwargs)
    return {label: game for label, game in found.items() if label in kinds}


def compare_workers(worlds: int, kinds: Sequence[str]) -> dict[str, Play]:
    """The table of workers without taxes."""
    plays = {}
    for name, game in games(kinds).items():
        plays[name] = play(game, FreeMarket(game).predict, worlds)
    titles = "".join(f"{title:>17s}" for title in ("coin", "equality", "eq x coin", "utility"))
    print(f"without taxes, {worlds} worlds\n{'workers':20s}{titles}")
    for name, one in plays.items():
        columns = (one.coin, one.equality * 100.0, one.product, one.utility)
        print(f"{name:20s}" + "".join(f"{mean(column):>17s}" for column in columns), flush=True)
    for name, one in plays.items():
        if name.startswith("trained") and "rule" in plays:
            print(f"coin, {name} less rule: {mean(one.coin - plays['rule'].coin)}")
    return plays


def compare_planners(label: str, game: WithPolicies, learned: dict[str, Any], worlds: int, saez: bool) -> None:
    """The table of tax policies among the same workers."""
    policies: dict[str, Any] = {"free market": FreeMarket(game), "US federal": UsFederal(game)}
    if saez:
        policies |= {"Saez": Saez(game, elasticity=0.5), "Saez, elasticity estimated": Saez(game)}
    plays = {name: play(game, policy.predict, worlds) for name, policy in (policies | learned).items()}
    best = list(plays)[-1]
    print(f"\nworkers: {label}, {worlds} worlds")
    print(f"{'policy':32s}{'eq x coin':>17s}{'coin':>17s}{'equality':>17s}{'learned less it':>19s}{'published':>11s}")
    for name, one in plays.items():
        beside = PUBLISHED.get("learned" if name == best else name, "")
        apart = "" if name == best else mean(plays[best].product - one.product)
        columns = "".join(f"{mean(column):>17s}" for column in (one.product, one.coin, one.equality * 100.0))
        print(f"{name:32s}{columns}{apart:>19s}{beside:>11}", flush=True)


def picture(path: str, plays: dict[str, Play]) -> None:
    """What each skill earns and does, for each kind of workers."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    shown = {name: one for name, one in plays.items() if name != "random"}
    figure, grid = plt.subplots(2, len(shown), figsize=(4.2 * len(shown), 6), layout="constrained", squeeze=False)
    places = np.arange(4)
    for (name, one), (above, below) in zip(shown.items(), grid.T, strict=True):
        above.bar(places, one.wealth.mean(1), color="C0")
        above.set(title=f"workers: {name}", ylabel="coin at the end")
        built, gathered, sold, bought = one.acts.mean(-1).numpy()
        for k, (label, values) in enumerate(
            (("houses built", built), ("units gathered", gathered), ("units sold", sold), ("units bought", bought))
        ):
            below.bar(places + (k - 1.5) * 0.2, values, 0.2, label=label, color=f"C{k + 1}")
        below.set(ylabel="per episode", xlabel="pay for a house")
        for axes in (above, below):
            axes.set_xticks(places, ["11", "13", "16", "22"])
            axes.spines[["top", "right"]].set_visible(False)
    grid[1, 0].legend(frameon=False, fontsize=9)
    for row in grid:
        top = max(axes.get_ylim()[1] for axes in row)
        for axes in row:
            axes.set_ylim(0, top)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def learned_planners(game: WithPolicies, runs: Sequence[str]) -> dict[str, Any]:
    """The learned policies for these workers: of runs on this game's id, and the schedule that CMA-ES tuned."""
    from scenarium.agents.core.registry import load_agent

    found: dict[str, Any] = {}
    for run in runs:
        agent = load_agent(run, device="cpu")
        if agent.model.env_id == game.env_id:
            found[f"learned ({agent.name})"] = agent
    with contextlib.suppress(ScenariumError):  # none was tuned for these workers
        found["learned (static, CMA-ES)"] = StaticSchedule(game)
    return found


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description="What learning brings in the tax game.")
    parser.add_argument("--worlds", type=int, default=64)
    parser.add_argument("--picture")
    parser.add_argument("--planners", nargs="*", default=[], help="runs of planners that learned")
    parser.add_argument("--run", help="the two-level run that the trained workers are from")
    every = ["random", "rule", *(f"trained ({name})" for name in names())]
    parser.add_argument("--kinds", nargs="+", choices=every, default=every, help="kinds of workers")
    parser.add_argument("--without-saez", action="store_true", help="leave out Saez's formula")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    plays = compare_workers(chosen.worlds, chosen.kinds)
    if chosen.picture:
        picture(chosen.picture, plays)
    for label, game in games(chosen.kinds).items():
        learned = learned_planners(game, chosen.planners)
        if chosen.run and label == "trained (taxed)":
            learned = {"learned (two_level)": TwoLevel.load(chosen.run, device="cpu"), **learned}
        if label != "random" and learned:
            compare_planners(label, game, learned, chosen.worlds, not chosen.without_saez)


if __name__ == "__main__":
    main()
