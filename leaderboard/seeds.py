"""Seeds of the held-out worlds, derived from text so that nobody chooses them.

World `i` of a split has as its seed the first 63 bits of ``SHA-256("<env id>|<split>|<salt>|<i>")``. No
field can contain the separator, so two different (env id, split, salt, index) never share a text: a
validation world cannot be a test world by mistake. Different texts could still share 63 bits of hash; for a
million worlds the chance of any such pair is below 1e-6.

A seed list is no secret: whoever knows the salt can compute it. What protects a round is that its salt is
published only when the round closes, and that the next round gets a new one.
"""

from __future__ import annotations

import hashlib
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from scenarium.envs.core.errors import ScenariumError

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
"""Names of the splits: train on the first, choose on the second, report the third."""


def held_out_seeds(env_id: str, split: Split, salt: str, count: int) -> npt.NDArray[np.int64]:
    """Return the seeds of the first `count` worlds of a split.

    A longer list starts with the shorter one, and the same arguments always give the same list.

    Args:
        env_id: Registered environment id including its version, as ``InventoryNet-v0``.
        split: One of `SPLITS`.
        salt: Text fixed for a round of the leaderboard.
        count: Number of worlds, 0 or more.

    Returns:
        int64 array [count] of values from 0 to 2^63 - 1.

    Raises:
        ScenariumError: Unknown split, negative count, or an id or salt that is empty or contains ``|``.
    """
    if split not in SPLITS:
        raise ScenariumError(f"unknown split {split!r}, expected one of {', '.join(SPLITS)}")
    if count < 0:
        raise ScenariumError(f"count must be 0 or more, got {count}")
    for name, text in (("env_id", env_id), ("salt", salt)):
        if not text or "|" in text:
            raise ScenariumError(f"{name} must be non-empty and free of '|', got {text!r}")
    prefix = f"{env_id}|{split}|{salt}|"
    return np.array([_first_63_bits(f"{prefix}{index}") for index in range(count)], dtype=np.int64)


def _first_63_bits(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode("utf-8")).digest()[:8], "big") >> 1
