from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarium.envs.core.errors import ScenariumError
from scenarium.leaderboard.seeds import SPLITS, held_out_seeds

TEXT = st.text(alphabet="abcAB01-/:. ", min_size=1, max_size=12)


def test_a_seed_is_the_first_63_bits_of_the_documented_hash() -> None:
    digest = hashlib.sha256(b"InventoryNet-v0|test|round-1|7").hexdigest()
    expected = int(digest[:16], 16) // 2
    seeds = held_out_seeds("InventoryNet-v0", "test", "round-1", 8)
    assert seeds.dtype == np.int64
    assert seeds[7] == expected


def test_the_first_seeds_never_change() -> None:
    # Literal on purpose: a change of these numbers silently changes every published result.
    assert held_out_seeds("InventoryNet-v0", "test", "round-1", 2).tolist() == [
        7970716512388571370,
        8164048511441214065,
    ]


@given(TEXT, st.sampled_from(SPLITS), TEXT, st.integers(0, 30), st.integers(0, 30))
def test_a_longer_list_starts_with_the_shorter(env_id: str, split: str, salt: str, a: int, b: int) -> None:
    short, long = sorted((a, b))
    seeds = held_out_seeds(env_id, split, salt, long)  # type: ignore[arg-type]
    assert seeds[:short].tolist() == held_out_seeds(env_id, split, salt, short).tolist()  # type: ignore[arg-type]
    assert (seeds >= 0).all()


@given(TEXT, TEXT, TEXT, TEXT)
def test_different_fields_give_different_worlds(id_a: str, salt_a: str, id_b: str, salt_b: str) -> None:
    keys = {(env_id, split, salt) for env_id, salt in ((id_a, salt_a), (id_b, salt_b)) for split in SPLITS}
    seeds = [seed for key in sorted(keys) for seed in held_out_seeds(*key, 5).tolist()]
    assert len(set(seeds)) == len(seeds)


def test_splits_share_no_world() -> None:
    pools = [set(held_out_seeds("A-v0", split, "s", 20_000).tolist()) for split in SPLITS]
    assert len(set.union(*pools)) == 60_000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("A-v0", "tset", "s", 1), "unknown split 'tset', expected one of train, validation, test"),
        (("A-v0", "test", "s", -1), "count must be 0 or more"),
        (("A|test", "test", "s", 1), "env_id must be non-empty and free of"),
        (("A-v0", "test", "", 1), "salt must be non-empty"),
    ],
)
def test_bad_arguments_are_named(arguments: tuple[str, str, str, int], message: str) -> None:
    with pytest.raises(ScenariumError, match=message):
        held_out_seeds(*arguments)  # type: ignore[arg-type]
