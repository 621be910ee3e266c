"""Schedules that `recipes` tuned, by environment id."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.model import Model

FILE = Path(__file__).resolve().with_name("tuned.json")


@cache
def tuned_entries() -> Any:
    """What `recipes` wrote, a mapping for each id."""
    return json.loads(FILE.read_text(encoding="utf-8"))["entries"] if FILE.exists() else []


def tuned_rates(model: Model) -> list[float]:
    """The schedule tuned for a model's id.

    Raises:
        ScenariumError: None was tuned for this id and these keyword arguments.
    """
    for entry in tuned_entries():
        if entry["id"] == model.env_id and entry["kwargs"] == dict(model.env_kwargs):
            return [float(rate) for rate in entry["rates"]]
    name = model.env_id or "a model without an id"
    raise ScenariumError(f"no schedule was tuned for {name} with {dict(model.env_kwargs)}; pass rates=")
