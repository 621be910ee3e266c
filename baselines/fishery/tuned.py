"""Parameters that were tuned for the named fisheries, kept as data so that making a policy takes no time."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from scenarium.envs.fishery.model import Fishery

DATA = Path(__file__).resolve().with_name("tuned.json")


def problem_key(model: Fishery) -> str:
    """Twelve hexadecimal digits that two models share if their parameters do.

    What is observed, the action mode and the horizon asked for do not enter.
    """
    content = [asdict(model.parameters), model.spread]
    text = json.dumps(_short(content), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _short(value: Any) -> Any:
    """Numbers to six significant digits, so that the last bits of another machine do not matter."""
    if isinstance(value, dict):
        return {key: _short(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_short(part) for part in value]
    return f"{float(value):.6g}" if isinstance(value, (int, float)) else value


@cache
def entries() -> tuple[dict[str, Any], ...]:
    """What was tuned: each with baseline, id, key, parameters, train, held_out, standard_error (full return)."""
    return tuple(json.loads(DATA.read_text(encoding="utf-8"))["entries"]) if DATA.exists() else ()


def tuned_parameters(name: str, model: Fishery) -> dict[str, Any]:
    """The tuned parameters of a baseline for a problem; empty if there are none."""
    key = problem_key(model)
    return next((dict(e["parameters"]) for e in entries() if (e["baseline"], e["key"]) == (name, key)), {})
