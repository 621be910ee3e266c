"""Reading a submitted ONNX graph and refusing what is not a plain network for the problem; nothing is run.

The names of a graph's inputs and outputs say what they are. Inputs: ``observation`` (or, where observations are dicts,
their keys; what a policy does not look at may be left out), ``state_*`` for memory, and ``action_mask`` for those who
want it. Outputs: ``action``, or ``logits`` where actions are discrete; and ``next_state_*`` for every ``state_*``. The
first axis of all of them is the batch, of any size.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from gymnasium import spaces

from scenarium.envs.core.errors import ScenariumError
from scenarium.leaderboard.foreign.operators import ALLOWED, DOMAINS, MAX_OPSET, MIN_OPSET

if TYPE_CHECKING:
    from onnx import ModelProto

    from scenarium.envs.core.model import Model

MAX_GRAPH = 128 * 2**20
"""Largest file accepted, bytes."""
MAX_NODES = 10_000
MAX_ELEMENTS = 2**26
"""Most numbers in one tensor at a batch of `BATCH`: 256 MiB of float32."""
MAX_TOTAL = 2**29
"""Most numbers in all tensors together, at that batch."""
BATCH = 1024
STATE, NEXT, MASK = "state_", "next_", "action_mask"

_INPUT_TYPES = ("FLOAT", "DOUBLE", "INT64", "INT32", "INT8", "BOOL")
_STATE_TYPES = ("FLOAT", "DOUBLE", "INT64", "INT32")


class Port(NamedTuple):
    """One input or output of a graph: name, element type as NumPy names it, and shape without the batch axis."""

    name: str
    dtype: str
    shape: tuple[int, ...]


class Ports(NamedTuple):
    """The inputs and outputs of a policy's graph.

    Attributes:
        observations: Inputs the observation goes to.
        states: Memory inputs; the output of the same name with ``next_`` before it is the next memory.
        mask: The input ``action_mask``, if there is one.
        output: ``action`` or ``logits``.
    """

    observations: tuple[Port, ...]
    states: tuple[Port, ...]
    mask: Port | None
    output: Port


class Graph(NamedTuple):
    """A checked graph: its bytes, to make a session of, and its ports."""

    data: bytes
    ports: Ports

    @property
    def inputs(self) -> frozenset[str]:
        """Names of all inputs."""
        mask = () if self.ports.mask is None else (self.ports.mask,)
        return frozenset(port.name for port in (*self.ports.observations, *self.ports.states, *mask))


def read_graph(path: str | os.PathLike[str], model: Model) -> Graph:
    """Reads a graph and checks everything that can be checked without running it.

    Args:
        path: The ``.onnx`` file.
        model: The problem the policy is for.

    Raises:
        ScenariumError: The file is too large or no ONNX, uses an operator that is not accepted, refers to other files,
            holds NaN, could need too much memory, or its inputs and outputs do not fit the problem.
    """
    file = Path(path)
    name = file.name
    if file.is_symlink() or not file.is_file():
        raise ScenariumError(f"{name}: no such ONNX file")
    if file.stat().st_size > MAX_GRAPH:
        raise ScenariumError(f"{name}: more than {MAX_GRAPH // 2**20} MiB, the largest graph accepted")
    return check_graph(file.read_bytes(), name, model)


def check_graph(data: bytes, name: str, model: Model) -> Graph:
    """As `read_graph`, for a graph in memory; `name` is what messages call it."""
    proto = _parsed(data, name)
    try:
        _check_operators(proto)
        _check_tensors(proto)
        ports = _ports(proto, model)
        _check_sizes(proto)
    except ScenariumError as error:
        raise ScenariumError(f"{name}: {error}") from None
    return Graph(data, ports)


def needs_onnx() -> Any:
    """The `onnx` package.

    Raises:
        ScenariumError: It is not installed.
    """
    try:
        import onnx
    except ImportError:
        raise ScenariumError("ONNX policies need the extra: pip install 'scenarium[onnx]'") from None
    return onnx


def _parsed(data: bytes, name: str) -> ModelProto:
    onnx = needs_onnx()
    try:
        proto: ModelProto = onnx.load_model_from_string(data)
    except Exception:  # protobuf's decoding errors have no common public base
        raise ScenariumError(f"{name}: not an ONNX file") from None
    if not proto.graph.node or not proto.opset_import:
        raise ScenariumError(f"{name}: not an ONNX model with a graph")
    return proto


def _check_operators(proto: ModelProto) -> None:
    for imported in proto.opset_import:
        if imported.domain not in DOMAINS:
            raise ScenariumError(f"uses the operator domain {imported.domain!r}; only the standard ai.onnx is accepted")
        if not MIN_OPSET <= imported.version <= MAX_OPSET:
            raise ScenariumError(f"opset {imported.version}; accepted are {MIN_OPSET} to {MAX_OPSET}")
    if proto.functions or proto.training_info:
        raise ScenariumError("defines functions or training; only a plain inference graph is accepted")
    if len(proto.graph.node) > MAX_NODES:
        raise ScenariumError(f"{len(proto.graph.node)} nodes, at most {MAX_NODES} are accepted")
    for node in proto.graph.node:
        if node.domain not in DOMAINS:
            raise ScenariumError(f"uses the operator {node.domain}.{node.op_type}; only ai.onnx is accepted")
        if node.op_type not in ALLOWED:
            raise ScenariumError(f"uses the operator {node.op_type!r}, which is not accepted")
        _check_attributes(node)


def _check_attributes(node: Any) -> None:
    onnx = needs_onnx()
    kinds = onnx.AttributeProto
    plain = (kinds.FLOAT, kinds.INT, kinds.STRING, kinds.FLOATS, kinds.INTS, kinds.STRINGS, kinds.TENSOR)
    for attribute in node.attribute:
        if attribute.type not in plain or attribute.HasField("g") or attribute.graphs:
            raise ScenariumError(f"operator {node.op_type!r} holds a graph or an odd attribute ({attribute.name!r})")


def _check_tensors(proto: ModelProto) -> None:
    if proto.graph.sparse_initializer:
        raise ScenariumError("sparse weights are not accepted")
    constants = (a.t for node in proto.graph.node for a in node.attribute if a.HasField("t"))
    onnx = needs_onnx()
    for tensor in (*proto.graph.initializer, *constants):
        label = tensor.name or "a constant"
        if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
            raise ScenariumError(f"tensor {label!r} refers to another file; weights must be inside the graph")
        if math.prod(tensor.dims) > MAX_ELEMENTS or any(d < 0 for d in tensor.dims):
            raise ScenariumError(f"tensor {label!r} says it has shape {list(tensor.dims)}, more than is accepted")
        try:
            values = onnx.numpy_helper.to_array(tensor)
        except Exception:  # whatever malformed bytes provoke in the decoder
            raise ScenariumError(f"tensor {label!r} is damaged: its data does not fit its shape and type") from None
        if values.dtype.kind not in "fiub":
            raise ScenariumError(f"tensor {label!r} holds {values.dtype}, expected numbers")
        if values.dtype.kind == "f" and np.isnan(values).any():
            raise ScenariumError(f"tensor {label!r} holds NaN")


def _check_sizes(proto: ModelProto) -> None:
    """Every tensor of the graph must have a shape that is known beforehand, and a size within reason."""
    onnx = needs_onnx()
    bound = onnx.ModelProto()
    bound.CopyFrom(proto)
    del bound.graph.value_info[:]  # a wrong hint could hide a size
    for value in bound.graph.input:
        value.type.tensor_type.shape.dim[0].dim_value = BATCH
    for value in bound.graph.output:
        for axis in value.type.tensor_type.shape.dim:
            axis.Clear()
    try:
        onnx.checker.check_model(bound)
        inferred = onnx.shape_inference.infer_shapes(bound, check_type=True, strict_mode=True, data_prop=True)
    except Exception as error:  # checker and inference errors have no common public base
        reason = " ".join(str(error).split())[:200]
        raise ScenariumError(f"the graph is not valid ONNX ({reason})") from None
    shapes = {value.name: value for value in (*inferred.graph.value_info, *inferred.graph.output)}
    total = 0
    for name in (name for node in inferred.graph.node for name in node.output if name):
        total += _elements(name, shapes.get(name))
    if total > MAX_TOTAL:
        raise ScenariumError(f"its tensors hold {total:.1e} numbers for {BATCH} worlds, at most {MAX_TOTAL:.1e}")


def _elements(name: str, value: Any) -> int:
    kind = None if value is None else value.type.tensor_type
    axes = [] if kind is None else list(kind.shape.dim)
    if kind is None or not kind.HasField("shape") or not all(axis.HasField("dim_value") for axis in axes):
        raise ScenariumError(f"the shape of tensor {name!r} is not known before it is computed; use fixed shapes")
    count = math.prod(int(axis.dim_value) for axis in axes)
    if count > MAX_ELEMENTS:
        raise ScenariumError(
            f"tensor {name!r} holds {count:.1e} numbers for {BATCH} worlds, at most {MAX_ELEMENTS:.1e}"
        )
    return count


def _ports(proto: ModelProto, model: Model) -> Ports:
    if len(model.roles) > 1 or model.roles[0].count is not None:
        raise ScenariumError("this problem has several agents; ONNX policies play those with one")
    weights = {tensor.name for tensor in proto.graph.initializer}
    inputs = {port.name: port for port in _declared(v for v in proto.graph.input if v.name not in weights)}
    outputs = {port.name: port for port in _declared(proto.graph.output)}
    seen = _spaces_of(model)
    observations = tuple(inputs.pop(name) for name in seen if name in inputs)
    for port in observations:
        _fits(port, seen[port.name].shape or (), _INPUT_TYPES, "input")
    if not observations:
        raise ScenariumError(f"no input takes an observation; expected {' or '.join(map(repr, seen))}")
    mask = inputs.pop(MASK, None)
    states = tuple(inputs.pop(name) for name in sorted(inputs) if name.startswith(STATE))
    if inputs:
        raise ScenariumError(f"unknown input {min(inputs)!r}; expected {', '.join(seen)}, {STATE}* or {MASK}")
    for port in states:
        _fits(port, port.shape, _STATE_TYPES, "input")
        _fits(outputs.pop(NEXT + port.name, None), port.shape, (_onnx_name(port.dtype),), "output", NEXT + port.name)
    return Ports(observations, states, _checked_mask(mask, model), _output(outputs, model))


def _spaces_of(model: Model) -> dict[str, Any]:
    space = model.observation_space
    return dict(space.spaces) if isinstance(space, spaces.Dict) else {"observation": space}


def _output(outputs: dict[str, Port], model: Model) -> Port:
    found = [outputs.pop(name) for name in ("action", "logits") if name in outputs]
    if len(found) != 1 or outputs:
        extra = f", and not {min(outputs)!r}" if outputs else ""
        raise ScenariumError(f"expected one output 'action' or 'logits'{extra}, and {NEXT}{STATE}* for memory")
    port, space = found[0], model.action_space
    discrete = isinstance(space, (spaces.Discrete, spaces.MultiDiscrete))
    if port.name == "logits":
        if not discrete:
            raise ScenariumError(f"output 'logits' goes with discrete actions; {space} takes 'action'")
        _fits(port, (choices(space),), ("FLOAT", "DOUBLE"), "output")
    else:
        _fits(port, space.shape or (), ("INT64", "INT32") if discrete else ("FLOAT", "DOUBLE"), "output")
    return port


def choices(space: spaces.Space[Any]) -> int:
    """Number of logits of a discrete space: one for every choice of every component."""
    return int(space.n) if isinstance(space, spaces.Discrete) else int(np.sum(space.nvec))  # type: ignore[attr-defined]


def _checked_mask(mask: Port | None, model: Model) -> Port | None:
    if mask is not None:
        if not isinstance(model.action_space, spaces.Discrete):
            raise ScenariumError(f"input {MASK!r} goes with Discrete actions, not {model.action_space}")
        _fits(mask, (choices(model.action_space),), ("BOOL", "FLOAT"), "input")
    return mask


def _fits(port: Port | None, shape: tuple[int, ...], types: tuple[str, ...], kind: str, name: str = "") -> None:
    if port is None:
        raise ScenariumError(f"{kind} {name!r} is missing; every {STATE}* input needs one")
    if _onnx_name(port.dtype) not in types:
        wanted = " or ".join(one.lower() for one in types)
        raise ScenariumError(f"{kind} {port.name!r} is {port.dtype}, expected {wanted}")
    if port.shape != shape:
        expected = ["batch", *shape]
        raise ScenariumError(f"{kind} {port.name!r} has shape {['batch', *port.shape]}, expected {expected}")


def _onnx_name(dtype: str) -> str:
    return {"float32": "FLOAT", "float64": "DOUBLE"}.get(dtype, dtype.upper())


def _declared(values: Iterable[Any]) -> Iterator[Port]:
    onnx = needs_onnx()
    for value in values:
        kind = value.type.tensor_type
        if value.type.WhichOneof("value") != "tensor_type" or not kind.HasField("shape") or not kind.shape.dim:
            raise ScenariumError(f"{value.name!r} must be a tensor with a declared shape, batch first")
        first, *rest = kind.shape.dim
        if first.HasField("dim_value"):
            raise ScenariumError(f"the first axis of {value.name!r} must be the batch, of any size; it is fixed")
        if not all(axis.HasField("dim_value") for axis in rest):
            raise ScenariumError(f"only the first axis of {value.name!r} may be of any size")
        try:
            dtype = onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type).name
        except (KeyError, ValueError):
            raise ScenariumError(f"{value.name!r} has an unknown element type {kind.elem_type}") from None
        yield Port(value.name, dtype, tuple(axis.dim_value for axis in rest))
