"""Choosing among discrete actions by their values: greedy, at random, and what a state is worth.

Values come as a grid [..., branches, choices]: one branch for Discrete actions, one per number for MultiDiscrete ones.
Branches with fewer choices than the widest are padded, and the mask excludes the padding as it excludes forbidden
choices. The value of an action with several branches is the mean of its branches' values (Seyde et al., "Solving
Continuous Control via Q-learning", ICLR 2023), so that each branch is maximised alone.
"""

from __future__ import annotations

import torch
from torch import Tensor


class BranchGrid:
    """From flat values and masks of branches of any widths to grids, and which of a grid's places exist.

    Args:
        branches: Choices of each branch.
        device: Where values and masks are.

    Attributes:
        shape: (branches, choices of the widest).
        places: bool [branches, choices], or None where all branches are equally wide.
    """

    def __init__(self, branches: tuple[int, ...], device: torch.device | str = "cpu") -> None:
        self.shape = (len(branches), max(branches))
        sizes = torch.tensor(branches, device=device)[:, None]
        self.places = None if len(set(branches)) == 1 else torch.arange(self.shape[1], device=device) < sizes
        self._where = None if self.places is None else self.places.flatten().nonzero()[:, 0]

    def mask(self, allowed: Tensor | None) -> Tensor | None:
        """The mask of a grid, bool [..., branches, choices], from that of the flat choices [..., sum of branches].

        None stands for "everything is allowed" and stays None where there is no padding.
        """
        if allowed is None:
            return self.places
        shape = (*allowed.shape[:-1], *self.shape)
        if self._where is None:
            return allowed.reshape(shape)
        grid = torch.zeros(
            (*allowed.shape[:-1], self.shape[0] * self.shape[1]), dtype=torch.bool, device=allowed.device
        )
        return grid.index_copy_(-1, self._where, allowed).reshape(shape)


def greedy(values: Tensor, mask: Tensor | None = None) -> Tensor:
    """The best allowed choice of every branch, int64 [..., branches]; the first of equals.

    Args:
        values: [..., branches, choices].
        mask: bool, of that shape or broadcast to it; None if all choices are allowed.
    """
    return _allowed(values, mask).argmax(-1)


def masked_max(values: Tensor, mask: Tensor | None = None) -> Tensor:
    """What a state is worth under greedy choices [...]: the mean over branches of the best allowed value.

    Where no choice is allowed, there is nothing to come and the branch counts 0.
    """
    best = _allowed(values, mask).amax(-1)
    if mask is not None:
        best = torch.where(mask.any(-1), best, 0.0)
    return best.squeeze(-1) if best.shape[-1] == 1 else best.mean(-1)


def chosen_value(values: Tensor, index: Tensor) -> Tensor:
    """The value [...] of the choices int64 [..., branches]: the mean over branches."""
    picked = values.gather(-1, index[..., None])[..., 0]
    return picked.squeeze(-1) if picked.shape[-1] == 1 else picked.mean(-1)


def random_choice(uniforms: Tensor, choices: int, mask: Tensor | None = None) -> Tensor:
    """A choice of every branch, each allowed one with the same probability, int64 [..., branches].

    Args:
        uniforms: In [0, 1), one per branch [..., branches].
        choices: Choices of the widest branch.
        mask: bool [..., branches, choices]; None if all are allowed.
    """
    if mask is None:
        return (uniforms * choices).long().clamp(max=choices - 1)
    count = mask.sum(-1)
    # A float32 just below 1 times the count may round up to it.
    rank = torch.minimum((uniforms * count).long(), count - 1)
    # The choice is the one that `rank` allowed ones precede.
    return (mask.cumsum(-1) <= rank[..., None]).sum(-1).clamp(max=choices - 1)


def _allowed(values: Tensor, mask: Tensor | None) -> Tensor:
    return values if mask is None else torch.where(mask, values, -torch.inf)
