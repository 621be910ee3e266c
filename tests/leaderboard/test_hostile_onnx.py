"""Hostile and broken ONNX policies: each is refused with its reason before it is run, and nothing is stored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from toy_graphs import TensorProto, after_linear, helper, make_graph, node, port, tensor, to_bytes
from toy_hostile import TASK, assert_refused, edit, pickle_of, weights

from scenarium.leaderboard.foreign import graph as limits
from scenarium.leaderboard.store import ResultStore
from scenarium.leaderboard.submission import Signature, pack_onnx

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
SHAPE3, SHAPE2 = ["batch", 3], ["batch", 2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A good submission of one ONNX policy."""
    good = tmp_path / "good.onnx"
    good.write_bytes(to_bytes(make_graph()))
    pack_onnx({0: good}, TASK, tmp_path / "mine", Signature(authors=("Ada",)))
    return tmp_path / "mine"


def with_external(where: str):
    model = make_graph()
    outside = model.graph.initializer[0]
    outside.ClearField("raw_data")
    outside.data_location = TensorProto.EXTERNAL
    for key, value in (("location", where), ("offset", "0"), ("length", "24")):
        entry = outside.external_data.add()
        entry.key, entry.value = key, value
    return model


def spoilt(**fields: object):
    """A good graph whose first initializer has other fields."""
    model = make_graph()
    for name, value in fields.items():
        if isinstance(value, list):
            del getattr(model.graph.initializer[0], name)[:]
            getattr(model.graph.initializer[0], name).extend(value)
        else:
            setattr(model.graph.initializer[0], name, value)
    return model


def loop():
    body = helper.make_graph(
        [node("Identity", ["cond_in"], ["cond_out"]), node("Identity", ["x"], ["y"])],
        "body",
        [port("i", [], INT64), port("cond_in", [], TensorProto.BOOL), port("x", SHAPE2)],
        [port("cond_out", [], TensorProto.BOOL), port("y", SHAPE2)],
    )
    return make_graph(after_linear(node("Loop", ["", "", "a"], ["action"], body=body)))


def branch():
    arm = helper.make_graph([node("Identity", ["a"], ["r"])], "arm", [], [port("r", SHAPE2)])
    nodes = after_linear(
        node("ReduceMax", ["a"], ["m"], keepdims=0),
        node("Cast", ["m"], ["c"], to=TensorProto.BOOL),
        node("If", ["c"], ["action"], then_branch=arm, else_branch=arm),
    )
    return make_graph(nodes)


def smuggled():
    """A graph in the attribute of a harmless operator."""
    hidden = helper.make_graph([node("Identity", ["a"], ["r"])], "arm", [], [port("r", SHAPE2)])
    return make_graph(after_linear(node("Identity", ["a"], ["action"], body=hidden)))


def function():
    own = helper.make_function(
        "", "Sigmoid", ["x"], ["y"], [node("Neg", ["x"], ["y"])], [helper.make_opsetid("", 17)]
    )  # fmt: skip
    return make_graph(functions=[own])


def filled(size: int):
    nodes = after_linear(
        node("ConstantOfShape", ["size"], ["huge"]),
        node("ReduceSum", ["huge"], ["total"], keepdims=0),
        node("Add", ["a", "total"], ["action"]),
    )
    start = make_graph().graph.initializer
    return make_graph(nodes, initializers=[*start, tensor("size", [size, size], np.int64)])


def data_dependent():
    nodes = after_linear(
        node("ReduceMax", ["a"], ["m"], keepdims=0),
        node("Mul", ["m", "big"], ["n"]),
        node("Cast", ["n"], ["k"], to=INT64),
        node("Reshape", ["k", "one"], ["shape"]),
        node("ConstantOfShape", ["shape"], ["huge"]),
        node("ReduceSum", ["huge"], ["total"], keepdims=0),
        node("Add", ["a", "total"], ["action"]),
    )
    start = make_graph().graph.initializer
    return make_graph(nodes, initializers=[*start, tensor("big", 1e12), tensor("one", [1], np.int64)])


def many_nodes():
    count = limits.MAX_NODES + 1
    names = ["a", *(f"n{i}" for i in range(count - 1)), "action"]
    chain = [node("Identity", [a], [b]) for a, b in zip(names, names[1:], strict=False)]
    return make_graph(after_linear(*chain))


def with_ports(inputs=None, outputs=None, nodes=None):
    return make_graph(nodes, inputs=inputs, outputs=outputs)


def memory(next_shape, name="next_state_h"):
    nodes = after_linear(node("Identity", ["a"], ["action"]), node("Mul", ["state_h", "state_h"], [name]))
    inputs = [port("observation", SHAPE3), port("state_h", ["batch", 4])]
    return make_graph(nodes, inputs, [port("action", SHAPE2), port(name, next_shape)])


def sparse():
    model = make_graph()
    model.graph.sparse_initializer.add().dims.extend([3, 2])
    return model


def words():
    model = make_graph()
    model.graph.initializer.append(helper.make_tensor("words", TensorProto.STRING, [1], [b"rm -rf"]))
    return model


GRAPHS = {
    "control flow: Loop": (loop, "operator 'Loop', which is not accepted"),
    "control flow: If": (branch, "operator 'If', which is not accepted"),
    "a smuggled graph": (smuggled, "holds a graph or an odd attribute"),
    "a custom operator": (
        lambda: make_graph(after_linear(helper.make_node("System", ["a"], ["action"], domain="evil"))),
        r"operator evil\.System; only ai\.onnx",
    ),
    "a custom domain": (
        lambda: make_graph(opsets=[helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]),
        "operator domain 'com.microsoft'",
    ),
    "its own functions": (function, "defines functions or training"),
    "random numbers": (
        lambda: make_graph(after_linear(node("RandomNormalLike", ["a"], ["action"]))),
        "'RandomNormalLike', which is not accepted",
    ),
    "a sequence": (
        lambda: make_graph(after_linear(node("SequenceConstruct", ["a"], ["action"]))),
        "'SequenceConstruct', which is not accepted",
    ),
    "an old opset": (lambda: make_graph(opsets=[helper.make_opsetid("", 9)]), "opset 9; accepted are 13"),
    "a future opset": (lambda: make_graph(opsets=[helper.make_opsetid("", 99)]), "opset 99; accepted are"),
    "external data": (lambda: with_external("/etc/passwd"), "refers to another file; weights must be inside"),
    "external data above": (lambda: with_external("../../secret"), "refers to another file; weights must be inside"),
    "NaN": (lambda: spoilt(raw_data=np.full(6, np.nan, np.float32).tobytes()), "tensor 'w' holds NaN"),
    "too few bytes": (lambda: spoilt(raw_data=b"1234"), "damaged: its data does not fit"),
    "a huge shape without data": (lambda: spoilt(dims=[2**40, 2**10]), "says it has shape"),
    "a negative shape": (lambda: spoilt(dims=[-3, -2]), "says it has shape"),
    "an unknown type": (lambda: spoilt(data_type=77), "damaged"),
    "words": (words, "expected numbers"),
    "sparse weights": (sparse, "sparse weights are not accepted"),
    "a memory bomb": (lambda: filled(10**6), "tensor 'huge' holds 1.0e.12 numbers"),
    "many large tensors": (lambda: filled(8192 * 2), "tensor 'huge' holds"),
    "a size that depends on data": (data_dependent, "is not known before it is computed"),
    "too many nodes": (many_nodes, "nodes, at most 10000 are accepted"),
    "another observation": (
        lambda: with_ports([port("observation", ["batch", 4])]),
        r"input 'observation' has shape \['batch', 4\], expected \['batch', 3\]",
    ),
    "another action": (
        lambda: with_ports(outputs=[port("action", ["batch", 3])]),
        r"output 'action' has shape \['batch', 3\], expected \['batch', 2\]",
    ),
    "a false promise about the action": (
        lambda: make_graph(after_linear(node("Concat", ["a", "a"], ["action"], axis=1))),
        "the graph is not valid ONNX|has shape",
    ),
    "text as observation": (
        lambda: with_ports([port("observation", SHAPE3, TensorProto.STRING)]),
        "is object|is str|expected float",
    ),
    "a fixed batch": (lambda: with_ports([port("observation", [1, 3])]), "must be the batch, of any size; it is fixed"),
    "a second free axis": (lambda: with_ports([port("observation", ["batch", "n"])]), "only the first axis of"),
    "no observation": (
        lambda: with_ports([port("x", SHAPE3)], nodes=[node("Gemm", ["x", "w", "b"], ["action"])]),
        "no input takes an observation; expected 'observation'",
    ),
    "the seed as input": (
        lambda: with_ports([port("observation", SHAPE3), port("seed", ["batch"], INT64)]),
        "unknown input 'seed'",
    ),
    "no action": (
        lambda: make_graph(after_linear(node("Neg", ["a"], ["b2"])), outputs=[port("b2", SHAPE2)]),
        "expected one output 'action' or 'logits', and not 'b2'",
    ),
    "logits for amounts": (
        lambda: make_graph(after_linear(node("Neg", ["a"], ["logits"])), outputs=[port("logits", SHAPE2)]),
        "output 'logits' goes with discrete actions",
    ),
    "a mask for amounts": (
        lambda: with_ports([port("observation", SHAPE3), port("action_mask", SHAPE2, TensorProto.BOOL)]),
        "input 'action_mask' goes with Discrete actions",
    ),
    "memory without a next one": (lambda: memory(["batch", 4], "next_h"), "output 'next_state_h' is missing"),
    "memory that grows": (lambda: memory(["batch", 5]), r"output 'next_state_h' has shape \['batch', 5\]"),
    "an undefined input": (
        lambda: make_graph([node("Neg", ["nowhere"], ["action"])]),
        "the graph is not valid ONNX|not known before",
    ),
    "a cycle": (
        lambda: make_graph([node("Neg", ["action"], ["x"]), node("Neg", ["x"], ["action"])]),
        "the graph is not valid ONNX",
    ),
    "an empty graph": (lambda: make_graph([]), "not an ONNX model with a graph"),
    "actions that are NaN": (
        lambda: make_graph(after_linear(node("Sub", ["a", "a"], ["o"]), node("Div", ["o", "o"], ["action"]))),
        "not finite in world",
    ),
}

FILES = {
    "no ONNX": (lambda f: weights(f, b"\xffnot a graph at all"), "not an ONNX"),
    "a pickle": (lambda f: weights(f, pickle_of(f.parent / "canary")), "not an ONNX"),
    "cut off": (lambda f: weights(f, to_bytes(make_graph())[:-30]), "not an ONNX|valid"),
    "too large": (lambda f: weights(f, bytes(limits.MAX_GRAPH + 1)), "more than 128 MiB"),
    "an agent with a graph": (lambda f: edit(f, agent="hdpo", track="known-model"), r"are \.safetensors files"),
    "deterministic": (lambda f: edit(f, deterministic=True), "it is not deterministic"),
    "an edited score": (lambda f: edited(f), "reports a mean of 5; evaluation gives"),
}


def edited(folder: Path) -> None:
    from toy_hostile import edit_run

    edit_run(folder, reported_mean=5.0)


@pytest.mark.parametrize("case", GRAPHS)
def test_a_bad_graph_is_refused(case: str, folder: Path, tmp_path: Path) -> None:
    make, message = GRAPHS[case]
    store = ResultStore(tmp_path / "board")
    assert_refused(folder, lambda f: weights(f, to_bytes(make())), message, store, tmp_path / "canary")


@pytest.mark.parametrize("case", FILES)
def test_a_bad_file_is_refused(case: str, folder: Path, tmp_path: Path) -> None:
    spoil, message = FILES[case]
    assert_refused(folder, spoil, message, ResultStore(tmp_path / "board"), tmp_path / "canary")


def test_what_fails_only_when_it_is_played_is_named_from_its_own_process(folder: Path, tmp_path: Path) -> None:
    bad, message = GRAPHS["actions that are NaN"]
    store = ResultStore(tmp_path / "board")
    spoil = lambda f: weights(f, to_bytes(bad()))  # noqa: E731
    assert_refused(folder, spoil, message, store, tmp_path / "canary", isolate=True)
