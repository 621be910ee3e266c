"""Choosing among masked branches."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from scenarium.agents.core.greedy import BranchGrid, chosen_value, greedy, masked_max, random_choice

sizes = st.lists(st.integers(1, 5), min_size=1, max_size=4).map(tuple)


@given(sizes, st.integers(0, 999))
def test_no_choice_is_ever_forbidden(branches: tuple[int, ...], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    allowed = torch.rand(64, sum(branches), generator=generator) < 0.4
    for part in allowed.split(list(branches), -1):
        part[:, 0] |= ~part.any(-1)
    grid = BranchGrid(branches)
    mask, values = grid.mask(allowed), torch.randn(64, *grid.shape, generator=generator)
    uniforms = torch.rand(64, len(branches), generator=generator)
    for index in (greedy(values, mask), random_choice(uniforms, grid.shape[1], mask)):
        for k, part in enumerate(allowed.split(list(branches), -1)):
            assert part.gather(1, index[:, k : k + 1]).all()
    best = greedy(values, mask)
    assert torch.equal(masked_max(values, mask), chosen_value(values, best))


def test_unmasked_choices_fill_their_branches_and_nothing_beyond() -> None:
    grid = BranchGrid((2, 3))
    index = random_choice(torch.rand(4000, 2), 3, grid.mask(None))
    for k, count in enumerate((2, 3)):
        shares = torch.bincount(index[:, k], minlength=3) / 4000
        assert torch.allclose(shares[:count], torch.full((count,), 1 / count), atol=0.05)
        assert not shares[count:].any()


def test_the_extremes_of_a_uniform_stay_inside() -> None:
    highest = torch.nextafter(torch.tensor(1.0), torch.tensor(0.0)).expand(1, 1)
    assert random_choice(highest, 1000).item() == 999
    assert random_choice(highest, 3, torch.tensor([[[True, True, False]]])).item() == 1
    assert random_choice(torch.zeros(1, 1), 3, torch.tensor([[[False, True, True]]])).item() == 1


def test_a_state_is_worth_the_mean_of_its_branches() -> None:
    values = torch.tensor([[[1.0, 3.0], [10.0, 5.0]]])
    assert greedy(values).tolist() == [[1, 0]]
    assert masked_max(values).tolist() == [6.5]
    assert chosen_value(values, torch.tensor([[0, 1]])).tolist() == [3.0]
    assert masked_max(values, torch.tensor([[[True, False], [True, True]]])).tolist() == [5.5]


def test_where_nothing_is_allowed_nothing_is_to_come() -> None:
    assert masked_max(torch.ones(2, 1, 3), torch.zeros(2, 1, 3, dtype=torch.bool)).tolist() == [0.0, 0.0]
