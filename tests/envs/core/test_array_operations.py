"""Operations of `xp` that index and pack: one world in NumPy equals a lane of many in torch."""

from __future__ import annotations

import numpy as np
import torch

from scenarium.envs.core.namespace import NUMPY, torch_namespace

XP = torch_namespace("cpu")


def test_take_and_place_along_either_axis() -> None:
    rng = np.random.default_rng(0)
    table, index = rng.integers(0, 100, (7, 3)), rng.integers(0, 7, (4, 3))
    many, where = torch.as_tensor(table), torch.as_tensor(index)
    for lane in range(3):
        one = NUMPY.take(table[:, lane], index[:, lane])
        np.testing.assert_array_equal(one, XP.take(many, where)[:, lane])
        np.testing.assert_array_equal(one, XP.take(many.T, where.T, -1)[lane])
        value = index[:, lane] * 2
        placed = NUMPY.place(table[:, lane], index[:, lane], value)
        np.testing.assert_array_equal(placed, XP.place(many, where, where * 2)[:, lane])
        np.testing.assert_array_equal(placed, XP.place(many.T, where.T, where.T * 2, -1)[lane])
        np.testing.assert_array_equal(placed[index[:, lane]], value)
    assert torch.equal(many, torch.as_tensor(table)), "place copies"
    assert XP.place(many, where, 0).gather(0, where).sum() == 0


def test_bytes_flags_and_packing() -> None:
    for xp in (NUMPY, XP):
        bits = xp.constant([[0, 1, 1], [1, 0, 0]], "byte")
        assert str(bits.dtype).endswith("int8")
        assert str(xp.cast(bits, "byte").dtype).endswith("int8")
        flags = xp.flags(bits)
        assert flags.tolist() == [[False, True, True], [True, False, False]]
        turned = xp.packed(flags.swapaxes(0, 1))
        assert turned.tolist() == [[False, True], [True, False], [True, False]]
    assert XP.packed(torch.ones(2, 3).T).is_contiguous()
    assert NUMPY.packed(np.ones((2, 3)).T).flags.c_contiguous
