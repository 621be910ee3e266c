"""Environments: the problem families, one folder each, and the contract they share in `core`.

Importing this package loads nothing heavy; models are imported when they are made.
"""

from __future__ import annotations

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.registry import Entry, as_model, entries, make_model
from scenarium.envs.table import register_all

__all__ = ["Entry", "ScenariumError", "as_model", "entries", "make_model", "register_all"]
