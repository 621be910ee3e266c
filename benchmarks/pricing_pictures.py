"""The pictures of ancillary pricing: prices against context, conversion against revenue, and booking curves.

`python benchmarks/pricing_pictures.py [--out docs/images] [--results table.json]`

All classical policies are drawn; `--results` adds rows to the plane (agents), a JSON list of
`{"name": ..., "conversion": ..., "revenue": ..., "error": ...}` with revenue per offer relative to the list price.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from scenarium.baselines.registry import make_baseline
from scenarium.envs.core.canvas import write_png
from scenarium.envs.core.rollout import unroll
from scenarium.envs.pricing.calibration import conversion
from scenarium.envs.pricing.optimum import by_context, full_information
from scenarium.envs.pricing.picture import Result, booking_picture, plane_picture, price_picture
from scenarium.envs.pricing.presets import ancillary_pricing, capacity, two_sided

RULES = {
    "HUMAN (list price)": "human_price",
    "best static": "best_static_price",
    "RANDOM": "random_discount",
    "business rules": "business_rules",
    "APP-LM": "app_lm",
    "APP-DES": "app_des",
    "DNN-CL": "dnn_cl",
    "monotone network": "monotone_network",
    "logistic Thompson": "logistic_thompson",
    "model router": "model_router",
}
FLIGHT = {
    "optimal by context": "capacity_optimal",
    "optimal without context": "capacity_blind",
    "best static price": "best_static_price",
    "Bayes oracle (myopic)": "bayes_oracle",
}


def offers(name: str, worlds: int = 2000, sessions: int = 20) -> tuple[float, float]:
    """Conversion and expected revenue per offer of a baseline."""
    model = ancillary_pricing()
    act = make_baseline(name, model).act
    sold = earned = 0.0
    with torch.no_grad():
        for moment in unroll(model.native(), model.scenario(torch.arange(worlds)), act, sessions):
            sold += float(moment.outcome.info["purchase_probability"].mean()) / sessions
            earned += float(moment.outcome.info["expected_revenue"].mean()) / sessions
    return sold, earned


def plane_results(more: Sequence[Result]) -> list[Result]:
    """Rules, given rows, and the two oracles; revenue relative to the list price."""
    found = {name: offers(key) for name, key in RULES.items()}
    list_price = found["HUMAN (list price)"][1]
    rules = [Result(name, sold, earned / list_price) for name, (sold, earned) in found.items()]
    model = ancillary_pricing()
    bayes, full = by_context(model.demand, model.prices), full_information(model.demand, model.prices)
    exact = conversion(model.demand, 1.0)
    oracles = [
        Result("Bayes oracle", bayes.conversion, bayes.revenue / exact),
        Result("full information (shown)", full.conversion, full.revenue / exact, 0.0, True),
    ]
    return [*rules, *more, *oracles]


def main(arguments: Sequence[str] | None = None) -> None:
    """Draws and saves the three pictures."""
    parser = argparse.ArgumentParser(description="The pictures of ancillary pricing.")
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    parser.add_argument("--results", type=Path, default=None, help="JSON list of further policies for the plane")
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(1)
    given = [] if chosen.results is None else [Result(**row) for row in json.loads(chosen.results.read_text())]
    bandit, flight = two_sided(), capacity()
    names = ("bayes_oracle", "human_price", "business_rules")
    policies = {name.replace("_", " "): make_baseline(name, bandit).act for name in names}
    flights = {name: make_baseline(key, flight).act for name, key in FLIGHT.items()}
    pictures = {
        "prices": price_picture(bandit.native(), policies),
        "plane": plane_picture(plane_results(given), "Conversion and revenue, discounts only"),
        "booking": booking_picture(flight, flights),
    }
    for name, picture in pictures.items():
        write_png(chosen.out / f"pricing_{name}.png", picture)
        print(chosen.out / f"pricing_{name}.png", flush=True)


if __name__ == "__main__":
    main()
