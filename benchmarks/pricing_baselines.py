"""All pricing policies in one table, and the offline metrics that do not rank them.

`python benchmarks/pricing_baselines.py [--worlds 2000 --sessions 100] [--only TEXT] [--offline]`

Conversion and revenue are exact given the customers: the true purchase probability of the offer takes the place of
the sale. Revenue is relative to HUMAN (the list price for everybody) on the same customers, with a 95 % interval over
worlds. Regret is against full information ("customer") and against the best that sees what the policies see
("context"): the Bayes oracle, or under drift the filter; both in per cent of the latter's revenue. Under limited units
revenue is of the whole flight, in list prices, from sampled sales. `--offline` prints the metrics of Shukla et al.
(KDD 2019) on two logs of the same customers.
"""

from __future__ import annotations

import argparse
import math
import os
import time
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from torch import Tensor

from scenarium.baselines import baselines_for, make_baseline
from scenarium.baselines.base import Baseline
from scenarium.baselines.pricing.log import customers
from scenarium.baselines.pricing.metrics import auc, offline_metrics
from scenarium.baselines.pricing.propensity import logistic_map
from scenarium.envs.core.namespace import torch_namespace
from scenarium.envs.core.rollout import unroll
from scenarium.envs.pricing.demand import optimal_price, purchase_probability

IDS = tuple(f"AncillaryPricing-{name}v0" for name in ("", "TwoSided-", "Trap-", "Drift-", "MultiProduct-", "Capacity-"))
ALWAYS = ("human_price", "best_static_menu", "bayes_oracle", "drift_filter")
"""What the others are compared with."""
SEED_BASE = 1_000_000


class Played(NamedTuple):
    """Means of each world [B]: conversion, expected revenue, regret to full information, and sampled revenue in all."""

    conversion: Tensor
    revenue: Tensor
    regret: Tensor
    earned: Tensor


@torch.no_grad()
def play(policy: Baseline, worlds: int) -> Played:
    """Plays a policy in worlds SEED_BASE, SEED_BASE + 1, ..."""
    model = policy.native
    scenario = model.scenario(torch.arange(SEED_BASE, SEED_BASE + worlds))
    total = torch.zeros(4, worlds, dtype=torch.float64)
    for moment in unroll(model, scenario, policy.act_on(scenario)):
        info = moment.outcome.info
        chance = info["purchase_probability"]
        chance = chance if chance.ndim == 1 else chance.sum(-1)
        total += torch.stack([chance, info["expected_revenue"], info["regret"], moment.outcome.reward]).double()
    share = 1.0 / model.horizon
    return Played(share * total[0], share * total[1], share * total[2], total[3])


def interval(x: Tensor) -> float:
    """Half the width of a 95 % interval of the mean over worlds."""
    return 1.96 * float(x.std()) / math.sqrt(len(x))


def ratio(x: Tensor, base: Tensor) -> tuple[float, float]:
    """A ratio of means and half of its 95 % interval, both on the same worlds (delta method)."""
    value = float(x.mean() / base.mean())
    return value, interval(x - value * base) / float(base.mean())


def table(env_id: str, worlds: int, only: str, options: dict[str, Any]) -> None:
    """The policies of one id."""
    made = {
        entry.name: make_baseline(entry.name, env_id, env_kwargs=options)
        for entry in baselines_for(env_id)
        if entry.name != "random" and (only in entry.name or entry.name in ALWAYS)
    }
    played, seconds = {}, {}
    for name, policy in made.items():
        start = time.process_time()
        played[name], seconds[name] = play(policy, worlds), time.process_time() - start
    capacity = "Capacity" in env_id
    base = played["human_price"] if "human_price" in played else played["best_static_menu"]
    best = played.get("drift_filter", played["bayes_oracle"])
    horizon = next(iter(made.values())).model.horizon
    print(f"\n{env_id}, {worlds} worlds of {horizon} sessions")
    print(f"{'':20}{'conversion':>11}{'revenue':>18}{'regret: customer':>18}{'context':>19}{'CPU-s':>8}")
    for name, found in played.items():
        print(line(name, found, base, best, capacity) + f"{seconds[name]:8.1f}", flush=True)


def line(name: str, found: Played, base: Played, oracle: Played, capacity: bool) -> str:
    """One policy."""
    if capacity:
        mean = float(found.earned.mean())
        return f"{name:20}{'':11}{mean:10.3f} +-{interval(found.earned):5.3f}{'':37}"
    revenue, width = ratio(found.revenue, base.revenue)
    to_oracle, error = ratio(oracle.revenue - found.revenue, oracle.revenue)
    customer = 100.0 * float(found.regret.mean() / oracle.revenue.mean())
    return (
        f"{name:20}{100 * float(found.conversion.mean()):9.2f} %{revenue:10.4f} +-{width:5.4f}"
        f"{customer:16.2f} %{100 * to_oracle:10.2f} +-{100 * error:4.2f} %"
    )


@torch.no_grad()
def offline(sessions: int) -> None:
    """The offline metrics on data logged at the list price and at random discounts, ladder id."""
    env_id = "AncillaryPricing-v0"
    model = make_baseline("human_price", env_id).native
    people = customers(model, sessions, seed=900)
    names = ("bayes_oracle", "app_lm", "app_des", "dnn_cl", "monotone_network", "business_rules")
    policies = {name: make_baseline(name, env_id) for name in names}
    offers = {name: _offered(policy, people.context) for name, policy in policies.items()}
    xp, latent = torch_namespace("cpu"), people.latent
    offers["full_information"] = optimal_price(latent.median, latent.spread, 0.0, 0.2, 1.0, xp)
    offers["app_lm, true p"] = logistic_map(purchase_probability(1.0, latent, xp), 40.0, 0.01).clamp_min(0.2)
    offers |= {f"{100 * c:.0f} % off": torch.full((sessions,), 1.0 - c) for c in (0.1, 0.4)}
    human = float(people.buys(torch.ones(1)).mean())
    for log_name in ("human_price", "random_discount"):
        price = _offered(make_baseline(log_name, env_id), people.context)
        bought = people.buys(price)
        print(f"\nLogged at {log_name}, {sessions} sessions; last, true revenue and AUC at list price")
        print(
            f"{'':20}" + "".join(f"{x:>8}" for x in ("PDR", "PDP", "PIR", "PIP", "PDF1", "BR", "RS", "revenue", "AUC"))
        )
        for name, offer in offers.items():
            scores = "".join(f"{x:8.3f}" for x in offline_metrics(price, offer, bought))
            revenue = float((offer * people.buys(offer)).mean()) / human
            guess = getattr(policies.get(name), "propensity", None)
            area = auc(_chunked(guess, people.context), people.buys(torch.ones(1))) if guess else math.nan
            print(f"{name:20}{scores}{revenue:8.3f}{area:8.3f}")


def _offered(policy: Any, context: Tensor) -> Tensor:
    """Prices a policy charges, after the ladder."""
    price = _chunked(policy.price, context)[:, None]
    charged: Tensor = policy.native.prices.price(price, torch_namespace("cpu"))
    return charged


def _chunked(function: Any, context: Tensor) -> Tensor:
    return torch.cat([function(part) for part in torch.split(context, 8192)])


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description="All pricing policies in one table.")
    parser.add_argument("--worlds", type=int, default=2000)
    parser.add_argument("--sessions", type=int, default=100, help="of a world, where neither drift nor units need more")
    parser.add_argument("--ids", nargs="*", default=IDS)
    parser.add_argument("--only", default="", help="only policies whose name contains this text, HUMAN and the oracle")
    parser.add_argument("--offline", action="store_true", help="the offline metrics instead")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    if chosen.offline:
        offline(100 * chosen.worlds)
        return
    for env_id in chosen.ids:
        long = "Drift" in env_id or "Capacity" in env_id
        table(
            env_id,
            chosen.worlds // 10 if "Drift" in env_id else chosen.worlds,
            chosen.only,
            {} if long else {"horizon": chosen.sessions},
        )


if __name__ == "__main__":
    main()
