"""Parameters that were tuned for the named networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scenarium.baselines.tuned import TunedFile, content_key
from scenarium.envs.inventory.model import InventoryNet
from scenarium.envs.inventory.scenario import NormalDemand

TUNED = TunedFile(Path(__file__).with_name("tuned.json"), "python -m scenarium.baselines.inventory.recipes")


def problem_key(model: InventoryNet) -> str:
    """A key that two models share if network and demand do, whatever they are called.

    Horizon, action mode, observation and starting stock do not enter: the tuned measure is the long-run cost.
    """
    demand, network = model.demand, model.network
    nodes = [(n.name, n.kind, n.holding, n.underage, n.unmet) for n in network.held]
    edges = [(e.source, e.target, e.lead_time, e.unit_cost) for e in network.edges]
    law: list[Any] = [type(demand).__name__, demand.mean, demand.std]
    if isinstance(demand, NormalDemand):
        law += [demand.correlation.reshape(-1), demand.clip]
    return content_key([nodes, edges, law])


def tuned_parameters(name: str, model: InventoryNet) -> dict[str, Any]:
    """The tuned parameters of a baseline for a problem; empty if there are none."""
    return TUNED.parameters(name, problem_key(model))
