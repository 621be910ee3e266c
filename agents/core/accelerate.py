"""Compiling functions of tensors and, on CUDA, replaying them as graphs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.tree import tree_leaves, tree_map

WARM_UP = 3
"""Ordinary calls before a graph is captured."""


def accelerated(function: Callable[..., Any], device: torch.device) -> Callable[..., Any]:
    """A compiled function of tensors; on CUDA its launches are captured once and then replayed.

    Args:
        function: Takes trees of tensors and returns one; shapes are the same in every call. It may change tensors it
            holds, in place, but draws nothing at random and reads nothing back.
        device: Where its tensors are.
    """
    compiled = Compiled(function)
    return GraphReplay(compiled) if device.type == "cuda" else compiled


class Compiled:
    """`torch.compile` that says in one sentence what to do where it cannot work."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = torch.compile(function, dynamic=False)
        self._worked = False

    def __call__(self, *arguments: Any) -> Any:
        if self._worked:
            return self._function(*arguments)
        try:
            result = self._function(*arguments)
        except Exception as error:  # whatever a missing compiler or an operation it cannot translate raises
            if not type(error).__module__.startswith("torch._"):
                raise
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise ScenariumError(f"compile=True does not work here, use compile=False: {reason}") from error
        self._worked = True
        return result


class GraphReplay:
    """A function whose CUDA launches are captured after a few ordinary calls and replayed from then on.

    Arguments are copied to where the graph reads them, and results are copied from where it writes them.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function, self._calls = function, 0
        self._graph: torch.cuda.CUDAGraph | None = None
        self._inputs: Any = None
        self._outputs: Any = None

    def __call__(self, *arguments: Any) -> Any:
        self._calls += 1
        if self._calls <= WARM_UP:
            return self._warm(arguments)
        if self._graph is None:
            self._capture(arguments)
        for kept, new in zip(tree_leaves(self._inputs), tree_leaves(arguments), strict=True):
            kept.copy_(new)
        assert self._graph is not None
        self._graph.replay()
        return tree_map(torch.clone, self._outputs)

    def _warm(self, arguments: Any) -> Any:
        """An ordinary call on another stream, as capturing asks for: lazily made handles must exist before it."""
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            result = self._function(*arguments)
        torch.cuda.current_stream().wait_stream(stream)
        return tree_map(torch.clone, result)

    def _capture(self, arguments: Any) -> None:
        self._inputs = tree_map(torch.clone, arguments)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):  # records, and runs nothing
            self._outputs = self._function(*self._inputs)
        self._graph = graph
