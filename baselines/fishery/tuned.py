"""Parameters that were tuned for the named fisheries."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from scenarium.baselines.tuned import TunedFile, content_key
from scenarium.envs.fishery.model import Fishery

TUNED = TunedFile(Path(__file__).with_name("tuned.json"), "python -m scenarium.baselines.fishery.recipes")


def problem_key(model: Fishery) -> str:
    """A key that two models share if their parameters do.

    What is observed, the action mode and the horizon asked for do not enter.
    """
    return content_key([asdict(model.parameters), model.spread])


def tuned_parameters(name: str, model: Fishery) -> dict[str, Any]:
    """The tuned parameters of a baseline for a problem; empty if there are none."""
    return TUNED.parameters(name, problem_key(model))
