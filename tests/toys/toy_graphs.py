"""Small ONNX graphs for the tests: one that is fine, and what it takes to spoil it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OBSERVATIONS, ACTIONS = 3, 2
"""Of Fishery-v0."""


def tensor(name: str, values: Any, dtype: Any = np.float32) -> Any:
    return numpy_helper.from_array(np.asarray(values, dtype), name)


def port(name: str, shape: Sequence[Any], kind: int = TensorProto.FLOAT) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


def weights(seed: int = 0) -> list[Any]:
    random = np.random.default_rng(seed)
    return [tensor("w", random.normal(scale=0.3, size=(OBSERVATIONS, ACTIONS))), tensor("b", np.full(ACTIONS, -1.0))]


def linear() -> list[Any]:
    nodes = [helper.make_node("Gemm", ["observation", "w", "b"], ["z"]), helper.make_node("Sigmoid", ["z"], ["action"])]
    return nodes


def make_graph(
    nodes: list[Any] | None = None,
    inputs: list[Any] | None = None,
    outputs: list[Any] | None = None,
    initializers: list[Any] | None = None,
    opsets: list[Any] | None = None,
    **model: Any,
) -> Any:
    graph = helper.make_graph(
        linear() if nodes is None else nodes,
        "policy",
        [port("observation", ["batch", OBSERVATIONS])] if inputs is None else inputs,
        [port("action", ["batch", ACTIONS])] if outputs is None else outputs,
        weights() if initializers is None else initializers,
    )
    return helper.make_model(graph, opset_imports=opsets or [helper.make_opsetid("", 17)], ir_version=8, **model)


def node(kind: str, inputs: list[str], outputs: list[str], **attributes: Any) -> Any:
    return helper.make_node(kind, inputs, outputs, **attributes)


def after_linear(*extra: Any) -> list[Any]:
    """The linear policy with its result called "a", and what makes "action" of it."""
    return [node("Gemm", ["observation", "w", "b"], ["z"]), node("Sigmoid", ["z"], ["a"]), *extra]


def to_bytes(model: Any) -> bytes:
    data: bytes = model.SerializeToString()
    return data


__all__ = [
    "ACTIONS", "OBSERVATIONS", "TensorProto", "after_linear", "helper", "linear", "make_graph", "node", "onnx", "port",
    "tensor", "to_bytes", "weights",
]  # fmt: skip
