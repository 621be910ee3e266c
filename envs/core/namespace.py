"""The `xp` object: some twenty array operations, so that one source of the dynamics serves every backend.

A model is written once against these names. It then runs on unbatched NumPy arrays (one world, low overhead), on
torch tensors with a batch axis (many worlds, any device, differentiable), and, where it is written on scalar
components, on plain Python floats. Operators (`+`, `*`, `<`, `>>`, `&`), slices and `table[index]` are shared Python
and need no name here.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

Array = Any
"""A NumPy array, a torch tensor, or (for models written on components) a Python float."""


class Namespace(ABC):
    """Array operations of one backend.

    Axes are those of the array given; `axis` counts as in NumPy. Integer results that are stored are int32, indices
    are int64, floats are float32 unless the input says otherwise.
    """

    name: str
    key: str
    """Name and device, to keep constants by."""
    batched: bool
    """Whether arrays carry a batch axis (torch) or hold one world (NumPy, Python)."""

    where: Callable[..., Array]
    minimum: Callable[..., Array]
    maximum: Callable[..., Array]
    exp: Callable[..., Array]
    log: Callable[..., Array]
    log1p: Callable[..., Array]
    sqrt: Callable[..., Array]
    sin: Callable[..., Array]
    cos: Callable[..., Array]
    tanh: Callable[..., Array]
    round: Callable[..., Array]
    floor: Callable[..., Array]

    @abstractmethod
    def constant(self, values: Any, kind: str = "float") -> Array:
        """Turns numbers into an array of this backend; `kind` is float, double, byte, int, index or bool."""

    @abstractmethod
    def scalar(self, value: float) -> Array:
        """A float constant in the form this backend combines fastest with arrays."""

    @abstractmethod
    def cast(self, x: Array, kind: str) -> Array:
        """Converts to `kind`: float (float32), double, byte (int8), int (int32), index (int64) or bool."""

    @abstractmethod
    def flags(self, x: Array) -> Array:
        """Zeros and ones of kind byte as bool, without a copy (compilers store bools one by one)."""

    @abstractmethod
    def total(self, x: Array, axis: int) -> Array:
        """Sum over one axis."""

    @abstractmethod
    def largest(self, x: Array, axis: int) -> Array:
        """Maximum over one axis."""

    @abstractmethod
    def smallest(self, x: Array, axis: int) -> Array:
        """Minimum over one axis."""

    @abstractmethod
    def any(self, x: Array, axis: int) -> Array:
        """Logical or over one axis."""

    @abstractmethod
    def cumsum(self, x: Array, axis: int) -> Array:
        """Running sum along one axis."""

    @abstractmethod
    def cummax(self, x: Array, axis: int) -> Array:
        """Running maximum along one axis."""

    @abstractmethod
    def sort(self, x: Array, axis: int) -> Array:
        """Ascending sort along one axis."""

    @abstractmethod
    def concat(self, xs: Sequence[Array], axis: int) -> Array:
        """Joins arrays along an axis they have."""

    @abstractmethod
    def stack(self, xs: Sequence[Array], axis: int) -> Array:
        """Joins arrays along a new axis."""

    @abstractmethod
    def unstack(self, x: Array, axis: int) -> tuple[Array, ...]:
        """Splits an axis into its components."""

    @abstractmethod
    def stop(self, x: Array) -> Array:
        """The value without its gradient."""

    @abstractmethod
    def pick(self, x: Array, index: Array) -> Array:
        """Takes, from the last axis of `x`, the element each `index` (an array without that axis) names."""

    @abstractmethod
    def put(self, x: Array, index: Array, value: Array) -> Array:
        """A copy of `x` in which the element of the last axis that `index` names is `value`."""

    @abstractmethod
    def take(self, x: Array, index: Array, axis: int = 0) -> Array:
        """Elements of `x` along one axis (the first or the last), world by world.

        `x` is [K] for one world; a batch adds its axis at the other end: [K, B] for the first axis, [B, K] for the
        last. `index` is of the index type, [m] with the same batch axis, and so is the result; along the last axis it
        may be [n, m] or [B, n, m].
        """

    @abstractmethod
    def place(self, x: Array, index: Array, value: Array, axis: int = 0) -> Array:
        """A copy of `x` in which the elements `index` names are `value`; axes and shapes as in `take`.

        Args:
            x: The array.
            index: Of the index type; where it names an element twice, the values must agree.
            value: A number, or an array of the index's shape.
            axis: 0 or -1.
        """

    @abstractmethod
    def searchsorted(self, table: Array, x: Array) -> Array:
        """How many entries of the ascending 1-d `table` are <= each element of `x` (index type)."""

    @abstractmethod
    def matmul(self, a: Array, b: Array) -> Array:
        """Matrix product of a constant [m, n] with an array [n] or [n, B]."""

    @abstractmethod
    def never(self, condition: Array) -> bool:
        """Whether a loop may stop because `condition` holds nowhere; torch always answers False."""

    def repeat(self, first: int, stop: int, body: Callable[[Any, Any], Any], carry: Any) -> Any:
        """Applies `carry = body(j, carry)` for j = first, ..., stop - 1.

        A compiler traces the body once, however often it runs; there j is an integer tensor, and the arrays of `carry`
        keep their shapes and kinds. No gradient flows through the traced loop.

        Args:
            first: First value of j.
            stop: Where j stops.
            body: Pure function of j and the carry.
            carry: Tree of arrays.
        """
        for j in range(first, stop):
            carry = body(j, carry)
        return carry

    @abstractmethod
    def batch_last(self, x: Array) -> Array:
        """Moves a leading batch axis to the end; nothing to do for one world."""

    @abstractmethod
    def batch_first(self, x: Array) -> Array:
        """Moves a trailing batch axis to the front; nothing to do for one world."""

    @abstractmethod
    def column(self, values: Any) -> Array:
        """A constant per node or edge, shaped to broadcast against batch-last arrays: [n] here, [n, 1] batched."""

    @abstractmethod
    def packed(self, x: Array) -> Array:
        """The same numbers, contiguous in memory."""

    @abstractmethod
    def batch(self, x: Array, size: int | None) -> Array:
        """Repeats a batch-last constant for every world; nothing to do for one world."""

    @abstractmethod
    def add_product(self, x: Array, a: Array, b: Array) -> Array:
        """The sum x + a * b in one pass."""

    @abstractmethod
    def weighted(self, weights: Array, x: Array) -> Array:
        """Sum over the first axis of a `column` of weights times `x`."""


_NUMPY_KINDS: Mapping[str, Any] = {
    "float": np.float32, "double": np.float64, "byte": np.int8, "int": np.int32, "index": np.int64,
    "bool": np.bool_,
}  # fmt: skip


class NumpyNamespace(Namespace):
    """One world on unbatched NumPy arrays: no dispatch beyond NumPy's own."""

    name = key = "numpy"
    batched = False
    where: Callable[..., Array] = staticmethod(np.where)
    minimum: Callable[..., Array] = staticmethod(np.minimum)
    maximum: Callable[..., Array] = staticmethod(np.maximum)
    exp: Callable[..., Array] = staticmethod(np.exp)
    log: Callable[..., Array] = staticmethod(np.log)
    log1p: Callable[..., Array] = staticmethod(np.log1p)
    sqrt: Callable[..., Array] = staticmethod(np.sqrt)
    sin: Callable[..., Array] = staticmethod(np.sin)
    cos: Callable[..., Array] = staticmethod(np.cos)
    tanh: Callable[..., Array] = staticmethod(np.tanh)
    round: Callable[..., Array] = staticmethod(np.rint)
    floor: Callable[..., Array] = staticmethod(np.floor)
    total: Any = staticmethod(np.add.reduce)
    largest: Any = staticmethod(np.maximum.reduce)
    smallest: Any = staticmethod(np.minimum.reduce)
    any: Any = staticmethod(np.logical_or.reduce)
    cumsum: Any = staticmethod(np.cumsum)
    cummax: Any = staticmethod(np.maximum.accumulate)
    sort: Any = staticmethod(np.sort)
    concat: Any = staticmethod(np.concatenate)
    matmul: Any = staticmethod(np.matmul)

    def constant(self, values: Any, kind: str = "float") -> Array:
        return np.asarray(values, dtype=_NUMPY_KINDS[kind])

    def scalar(self, value: float) -> Array:
        return np.array(value, np.float32)

    def cast(self, x: Array, kind: str) -> Array:
        if not isinstance(x, (np.ndarray, np.generic)):
            x = np.asarray(x)
        return x.astype(_NUMPY_KINDS[kind], copy=False)

    def flags(self, x: Array) -> Array:
        return x.view(np.bool_)

    def stack(self, xs: Sequence[Array], axis: int) -> Array:
        # Few short rows are common in a single world; np.stack takes up to five times as long for them.
        return np.stack(xs, axis) if axis else np.array(xs)

    def unstack(self, x: Array, axis: int) -> tuple[Array, ...]:
        return tuple(np.moveaxis(x, axis, 0))

    def stop(self, x: Array) -> Array:
        return x

    def pick(self, x: Array, index: Array) -> Array:
        return np.take_along_axis(x, np.asarray(index)[..., None], -1)[..., 0]

    def put(self, x: Array, index: Array, value: Array) -> Array:
        copy = x.copy()
        np.put_along_axis(copy, np.asarray(index)[..., None], np.asarray(value, copy.dtype)[..., None], -1)
        return copy

    def take(self, x: Array, index: Array, axis: int = 0) -> Array:
        return x[index]

    def place(self, x: Array, index: Array, value: Array, axis: int = 0) -> Array:
        copy = x.copy()
        copy[index] = value
        return copy

    def searchsorted(self, table: Array, x: Array) -> Array:
        return np.searchsorted(table, x, side="right")

    def never(self, condition: Array) -> bool:
        return not condition.any()

    def batch_last(self, x: Array) -> Array:
        return x

    def batch_first(self, x: Array) -> Array:
        return x

    def packed(self, x: Array) -> Array:
        return np.ascontiguousarray(x)

    def column(self, values: Any) -> Array:
        return np.asarray(values, dtype=np.float32)

    def batch(self, x: Array, size: int | None) -> Array:
        return x

    def add_product(self, x: Array, a: Array, b: Array) -> Array:
        return x + a * b

    def weighted(self, weights: Array, x: Array) -> Array:
        return weights.dot(x)


class PythonNamespace(NumpyNamespace):
    """One world on Python floats, for models written on scalar components: the fastest single step there is."""

    name = key = "python"
    where: Callable[..., Array] = staticmethod(lambda condition, a, b: a if condition else b)
    minimum: Callable[..., Array] = staticmethod(min)
    maximum: Callable[..., Array] = staticmethod(max)
    exp: Callable[..., Array] = staticmethod(math.exp)
    sqrt: Callable[..., Array] = staticmethod(math.sqrt)
    sin: Callable[..., Array] = staticmethod(math.sin)
    cos: Callable[..., Array] = staticmethod(math.cos)
    tanh: Callable[..., Array] = staticmethod(math.tanh)
    log: Callable[..., Array] = staticmethod(lambda x: math.log(x) if x > 0.0 else -math.inf)
    log1p: Callable[..., Array] = staticmethod(lambda x: math.log1p(x) if x > -1.0 else -math.inf)
    round: Callable[..., Array] = staticmethod(lambda x: float(round(x)))
    floor: Callable[..., Array] = staticmethod(lambda x: float(math.floor(x)))

    def scalar(self, value: float) -> Array:
        return float(value)

    def never(self, condition: Array) -> bool:
        return not condition


NUMPY = NumpyNamespace()
PYTHON = PythonNamespace()


@cache
def torch_namespace(device: str = "cpu") -> Namespace:
    """The torch namespace of a device; the same object for the same device, so constants are built once.

    Args:
        device: A torch device string such as ``"cpu"``, ``"cuda:0"`` or ``"meta"``.
    """
    from scenarium.envs.core.torch_namespace import TorchNamespace

    return TorchNamespace(device)


def namespace_of(x: Array) -> Namespace:
    """The namespace an array (or a seed) belongs to: torch for tensors, NumPy for everything else."""
    device = getattr(x, "device", None)
    if device is None or isinstance(x, (np.ndarray, np.generic)):
        return NUMPY
    return torch_namespace(str(device))
