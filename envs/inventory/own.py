"""A user's own network and demand: from a dict, a YAML or JSON file, an array or a CSV."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from scenarium.envs.core.errors import ScenariumError, unknown_name
from scenarium.envs.core.namespace import Array, Namespace
from scenarium.envs.inventory.network import Edge, Network, Node
from scenarium.envs.inventory.retail import RetailDemand
from scenarium.envs.inventory.scenario import Demand, NegativeBinomialDemand, NormalDemand, PoissonDemand

_NODE_KEYS = {"kind", "holding", "underage", "unmet", "initial"}
_EDGE_KEYS = {"from", "to", "lead_time", "unit_cost"}
_TOP_KEYS = {"name", "nodes", "edges", "demand", "min_slots"}
_LAWS: Mapping[str, Any] = {
    "poisson": PoissonDemand,
    "normal": NormalDemand,
    "negative_binomial": NegativeBinomialDemand,
    "retail": RetailDemand,
}


class ArrayDemand(Demand):
    """Recorded demand. World w replays series w mod W.

    Args:
        series: Demand [T, S] (one series) or [W, T, S], units.
        start: Row that is period 0; earlier rows are history.

    Raises:
        ScenariumError: The array is empty, of the wrong rank, or has holes.
    """

    def __init__(self, series: Any, start: int = 0) -> None:
        values = np.asarray(series, dtype=np.float32)
        values = values[None] if values.ndim == 2 else values
        if values.ndim != 3 or not values.size:
            raise ScenariumError(f"demand array has shape {np.shape(series)}; expected [T, S] or [W, T, S]")
        bad = np.argwhere(~np.isfinite(values))
        if len(bad):
            w, t, s = bad[0]
            raise ScenariumError(f"demand array has a hole: series {w}, period {t}, store {s} is {values[w, t, s]}")
        if not 0 <= start < values.shape[1]:
            raise ScenariumError(f"demand start {start} lies outside the {values.shape[1]} recorded periods")
        self.series, self.start = values, int(start)
        self.recorded = (self.start, values.shape[1] - self.start)
        self.mean = values.mean((0, 1), dtype=np.float64)
        self.std = values.std((0, 1), dtype=np.float64)
        self.integer = bool((values == np.rint(values)).all())
        self._constants: dict[str, Array] = {}

    def draw(self, seeds: Array, first: Array, length: int, xp: Namespace) -> Array:
        periods = self.series.shape[1] - self.start
        if isinstance(first, int) and not -self.start <= first < periods:
            raise ScenariumError(f"period {first} lies outside the recorded demand ({-self.start} to {periods - 1})")
        if xp.key not in self._constants:
            self._constants[xp.key] = xp.constant(self.series)
        rows = np.arange(length).reshape(length, *[1] * xp.batched)
        index = xp.constant(rows, "index") + (first + self.start)
        index = xp.maximum(xp.minimum(index, self.series.shape[1] - 1), 0)
        picked = self._constants[xp.key][seeds % len(self.series), index]
        return picked.swapaxes(1, 2) if xp.batched else picked


def demand_from_csv(path: str | Path, stores: list[str], start: int = 0) -> ArrayDemand:
    """Reads a CSV with one column per store and one row per period; other columns are ignored.

    Args:
        path: The file; its header names the stores.
        stores: The network's stores, which give the order.
        start: Row (from 0, after the header) that is period 0.

    Raises:
        ScenariumError: The file or a column is missing, or a cell is empty or not a number.
    """
    rows = list(csv.reader(_read(path).splitlines()))
    header = [name.strip() for name in rows[0]] if rows else []
    missing = [store for store in stores if store not in header]
    if missing:
        raise ScenariumError(f"{path}: no column for store {missing[0]!r}; the header is {header}")
    columns = [header.index(store) for store in stores]
    values = [
        [_cell(row, c, f"{path}: row {n}, column {header[c]!r}") for c in columns] for n, row in enumerate(rows[1:], 2)
    ]
    return ArrayDemand(np.array(values, dtype=np.float32).reshape(len(values), len(stores)), start)


def _cell(row: list[str], column: int, where: str) -> float:
    text = row[column].strip() if column < len(row) else ""
    try:
        value = float(text)
    except ValueError:
        raise ScenariumError(f"{where} is {text!r}; expected a number, demand must have no holes") from None
    if not np.isfinite(value):
        raise ScenariumError(f"{where} is {text!r}; expected a finite number")
    return value


def _read(path: str | Path) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ScenariumError(f"{path}: cannot be read ({error})") from None


def load_network(source: str | Path | Mapping[str, Any]) -> tuple[Network, Demand]:
    """Builds a network and its demand from a dict, or from a YAML or JSON file of the same shape.

    The shape: ``nodes`` maps names to kind, holding, underage, unmet, initial; ``edges`` lists from, to, lead_time,
    unit_cost; ``demand`` has a ``kind`` (poisson, normal, negative_binomial, retail, csv, array) and its arguments,
    where a mapping by store name stands for an array over stores.

    Raises:
        ScenariumError: Something is missing, unknown or wrong; the message names the node or edge.
    """
    folder = Path(".") if isinstance(source, Mapping) else Path(source).parent
    data = source if isinstance(source, Mapping) else _parse(source)
    _known(data, _TOP_KEYS, "network")
    for key in ("nodes", "edges", "demand"):
        if key not in data:
            raise ScenariumError(f"the network has no {key!r}")
    slots = _number(data.get("min_slots", 1), "min_slots")
    network = Network(_nodes(data["nodes"]), _edges(data["edges"]), min_slots=int(slots))
    return network, _demand(data["demand"], [store.name for store in network.stores], folder)


def _parse(path: str | Path) -> Mapping[str, Any]:
    import yaml

    text = _read(path)
    try:
        tree = yaml.compose(text, yaml.SafeLoader)  # JSON is YAML; the tree still has names that are given twice
        twice = _given_twice(tree)
        data = json.loads(text) if str(path).endswith(".json") else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError) as error:
        raise ScenariumError(f"{path}: not valid JSON or YAML ({' '.join(str(error).split())})") from None
    if twice:
        raise ScenariumError(f"{path}: {twice!r} is given twice; names must be unique")
    if not isinstance(data, Mapping):
        raise ScenariumError(f"{path}: expected a mapping with nodes, edges and demand")
    return data


def _given_twice(tree: Any) -> str | None:
    """The first key that occurs twice in one mapping of a YAML node tree; parsing keeps only the last of them."""
    import yaml

    if isinstance(tree, yaml.MappingNode):
        keys = [str(key.value) for key, _ in tree.value]
        repeated = [key for i, key in enumerate(keys) if key in keys[:i]]
        return repeated[0] if repeated else next(filter(None, (_given_twice(value) for _, value in tree.value)), None)
    if isinstance(tree, yaml.SequenceNode):
        return next(filter(None, (_given_twice(value) for value in tree.value)), None)
    return None


def _known(data: Any, keys: set[str], where: str) -> None:
    if not isinstance(data, Mapping):
        raise ScenariumError(f"{where} must be a mapping, not {type(data).__name__}")
    for key in data:
        if key not in keys:
            raise unknown_name(f"key in {where}:", str(key), keys)


def _nodes(data: Any) -> tuple[Node, ...]:
    nodes = []
    if not isinstance(data, Mapping):
        raise ScenariumError("nodes must be a mapping from name to settings")
    for name, settings in data.items():
        _known(settings, _NODE_KEYS, f"node {name!r}")
        if "kind" not in settings:
            raise ScenariumError(f"node {name!r} has no kind; use supplier, stock, hub or store")
        numeric = [key for key in ("holding", "underage", "initial") if not isinstance(settings.get(key, ""), str)]
        numeric += [key for key in ("holding", "underage") if isinstance(settings.get(key), str)]
        numbers = {key: _number(settings[key], f"node {name!r}: {key}") for key in numeric}
        nodes.append(Node(str(name), **{**settings, **numbers}))
    return tuple(nodes)


def _edges(data: Any) -> tuple[Edge, ...]:
    if not isinstance(data, list):
        raise ScenariumError("edges must be a list of mappings with from, to and lead_time")
    edges = []
    for position, item in enumerate(data, 1):
        _known(item, _EDGE_KEYS, f"edge {position}")
        for key in ("from", "to", "lead_time"):
            if key not in item:
                raise ScenariumError(f"edge {position} has no {key!r}")
        name = f"edge '{item['from']}->{item['to']}'"
        lead = _number(item["lead_time"], f"{name}: lead_time")
        cost = _number(item.get("unit_cost", 0.0), f"{name}: unit_cost")
        whole = int(lead) if float(lead).is_integer() else lead
        edges.append(Edge(str(item["from"]), str(item["to"]), whole, cost))  # type: ignore[arg-type]
    return tuple(edges)


def _number(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ScenariumError(f"{where} is {value!r}; expected a number")
    return float(value)


def _demand(data: Any, stores: list[str], folder: Path) -> Demand:
    if isinstance(data, Demand):
        return data
    if not isinstance(data, Mapping) or "kind" not in data:
        raise ScenariumError("demand needs a kind: poisson, normal, negative_binomial, retail, csv or array")
    kind = data["kind"]
    if kind == "csv" and "path" not in data:
        raise ScenariumError("demand of kind 'csv' has no 'path'")
    settings = {key: _by_store(value, stores, key) for key, value in data.items() if key != "kind"}
    try:
        if kind == "csv":
            return demand_from_csv(folder / str(settings.pop("path")), stores, **settings)
        if kind == "array":
            return ArrayDemand(**settings)
        if not isinstance(kind, str) or kind not in _LAWS:
            raise unknown_name("demand kind", str(kind), {*_LAWS, "csv", "array"})
        law: Demand = _LAWS[kind](**settings, stores=len(stores))
    except ScenariumError:
        raise
    except (TypeError, ValueError) as error:
        raise ScenariumError(f"demand of kind {kind!r}: {str(error).split('__init__() ')[-1]}") from None
    return law


def _by_store(value: Any, stores: list[str], what: str) -> Any:
    if not isinstance(value, Mapping):
        return value
    value = {str(name): entry for name, entry in value.items()}
    missing = [store for store in stores if store not in value]
    if missing:
        raise ScenariumError(f"demand {what} has no entry for store {missing[0]!r}")
    for name in value:
        if name not in stores:
            raise unknown_name(f"store in demand {what}:", name, stores)
    return [value[store] for store in stores]
