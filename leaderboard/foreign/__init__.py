"""Policies of other frameworks as ONNX graphs: what is accepted, how they act, and how to write one.

A graph is data: it is read, checked against a list of operators and against the problem's spaces, and then run by
onnxruntime on one CPU thread. None of its authors' code runs. Needs the extra ``onnx``.
"""

from __future__ import annotations

from scenarium.leaderboard.foreign.export import export_onnx
from scenarium.leaderboard.foreign.graph import Port, Ports, read_graph
from scenarium.leaderboard.foreign.policy import OnnxPolicy

__all__ = ["OnnxPolicy", "Port", "Ports", "export_onnx", "read_graph"]
