"""Nested containers of arrays (named tuples, tuples, dicts) treated as one value; None is an empty one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from scenarium.envs.core.namespace import Array, Namespace


def tree_map(function: Callable[..., Any], tree: Any, *others: Any) -> Any:
    """Applies `function` to the leaves of trees of the same shape and rebuilds the containers."""
    if isinstance(tree, dict):
        return {key: tree_map(function, value, *(other[key] for other in others)) for key, value in tree.items()}
    if isinstance(tree, (tuple, list)):
        parts = [tree_map(function, *leaves) for leaves in zip(tree, *others, strict=True)]
        return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)
    return None if tree is None else function(tree, *others)


def tree_leaves(tree: Any) -> Iterator[Array]:
    """The leaves in a fixed order."""
    if isinstance(tree, dict):
        for value in tree.values():
            yield from tree_leaves(value)
    elif isinstance(tree, (tuple, list)):
        for value in tree:
            yield from tree_leaves(value)
    elif tree is not None:
        yield tree


def tree_filled(tree: Any, leaves: Sequence[Array]) -> Any:
    """A tree of the same shape with other leaves, in the order of `tree_leaves`."""
    waiting = list(reversed(leaves))
    return tree_map(lambda _: waiting.pop(), tree)


def tree_select(xp: Namespace, mask: Array, yes: Any, no: Any, batch_axis: int = 0) -> Any:
    """World by world, the leaves of `yes` where `mask` holds and those of `no` elsewhere.

    Args:
        xp: Namespace of the leaves.
        mask: bool [B], or a bool for one world.
        yes: Tree of arrays whose batch axis is `batch_axis`.
        no: Tree of the same shape.
        batch_axis: 0 (leading) or -1 (trailing).
    """

    def select(a: Array, b: Array) -> Array:
        if not xp.batched or batch_axis == -1 or not hasattr(a, "ndim"):
            return xp.where(mask, a, b)
        return xp.where(mask.reshape(mask.shape + (1,) * (a.ndim - 1)), a, b)

    return tree_map(select, yes, no)
