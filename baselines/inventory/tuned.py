"""Parameters that were tuned for registered problems, kept as data so that making a policy takes no time."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

from scenarium.envs.inventory.model import InventoryNet
from scenarium.envs.inventory.scenario import NormalDemand

DATA = Path(__file__).resolve().with_name("tuned.json")


def problem_key(model: InventoryNet) -> str:
    """Twelve hexadecimal digits that two models share if network and demand do, whatever they are called.

    Horizon, action mode, observation and starting stock do not enter: the tuned measure is the long-run cost.
    """
    demand, network = model.demand, model.network
    nodes = [(n.name, n.kind, _short(n.holding), _short(n.underage), n.unmet) for n in network.held]
    edges = [(e.source, e.target, e.lead_time, _short(e.unit_cost)) for e in network.edges]
    law: list[Any] = [type(demand).__name__, _short(demand.mean), _short(demand.std)]
    if isinstance(demand, NormalDemand):
        law += [_short(demand.correlation.reshape(-1)), demand.clip]
    text = json.dumps([nodes, edges, law])
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _short(values: Any) -> Any:
    """Numbers to six significant digits, so that the last bits of another machine do not matter."""
    return [f"{float(v):.6g}" for v in values] if hasattr(values, "__len__") else f"{float(values):.6g}"


@cache
def _entries() -> dict[tuple[str, str], dict[str, Any]]:
    if not DATA.exists():
        return {}
    data = json.loads(DATA.read_text(encoding="utf-8"))
    return {(entry["baseline"], entry["key"]): entry["parameters"] for entry in data["entries"]}


def tuned_parameters(name: str, model: InventoryNet) -> dict[str, Any]:
    """The tuned parameters of a baseline for a problem; empty if there are none."""
    return dict(_entries().get((name, problem_key(model)), {}))
