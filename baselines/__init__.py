"""Baselines: the classical policies of each family, with the verbs of an agent except `learn`.

Importing this package loads nothing heavy; a policy's class is imported when it is made.
"""

from __future__ import annotations

from scenarium.baselines.registry import (
    BaselineEntry,
    baseline_class,
    baseline_entries,
    baselines_for,
    load_baseline,
    make_baseline,
    register_baseline,
)

__all__ = [
    "BaselineEntry",
    "baseline_class",
    "baseline_entries",
    "baselines_for",
    "load_baseline",
    "make_baseline",
    "register_baseline",
]
