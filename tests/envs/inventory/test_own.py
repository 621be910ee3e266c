"""Networks and demand of a user's own: files that work, and one clear line for files that do not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from scenarium.envs import make_model
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.namespace import NUMPY
from scenarium.envs.inventory.model import InventoryNet
from scenarium.envs.inventory.own import ArrayDemand, demand_from_csv, load_network
from scenarium.envs.inventory.scenario import NegativeBinomialDemand, PoissonDemand
from scenarium.envs.table import register_all

register_all()
EXAMPLES = Path(__file__).resolve().parents[3] / "examples" / "networks"


def spec(**changes: Any) -> dict[str, Any]:
    """A small valid network, with some of its parts replaced."""
    base: dict[str, Any] = {
        "nodes": {
            "s": {"kind": "supplier"},
            "w": {"kind": "stock", "holding": 0.5},
            "a": {"kind": "store", "holding": 1, "underage": 9},
            "b": {"kind": "store", "holding": 1, "underage": 9, "unmet": "backlog", "initial": "sampled"},
        },
        "edges": [
            {"from": "s", "to": "w", "lead_time": 2},
            {"from": "w", "to": "a", "lead_time": 1},
            {"from": "w", "to": "b", "lead_time": 0, "unit_cost": 0.5},
        ],
        "demand": {"kind": "poisson", "rate": {"a": 4, "b": 2}},
    }
    return {**base, **changes}


def edges(**changes: Any) -> list[dict[str, Any]]:
    """The edges of `spec` with the last one changed; None removes a key."""
    last = {**spec()["edges"][-1], **{key.rstrip("_"): value for key, value in changes.items()}}
    return [*spec()["edges"][:-1], {key: value for key, value in last.items() if value is not None}]


def nodes(**changes: Any) -> dict[str, Any]:
    """The nodes of `spec` with node a changed; None removes a key."""
    node = {**spec()["nodes"]["a"], **changes}
    return {**spec()["nodes"], "a": {key: value for key, value in node.items() if value is not None}}


@pytest.mark.parametrize("name", ["two_regions.yaml", "shop.json"])
def test_the_examples_work_as_written(kit: Any, name: str) -> None:
    model = make_model("InventoryNet-v0", network=EXAMPLES / name, horizon=20, action_mode="quantity")
    assert isinstance(model, InventoryNet)
    played = kit.play(model, [3, 4], torch.from_numpy(kit.orders(model, 0, 2, 20)))
    assert all(torch.isfinite(outcome.reward).all() for outcome in played.outcomes)


def test_the_yaml_example_is_read_in_full() -> None:
    network, demand = load_network(EXAMPLES / "two_regions.yaml")
    assert [n.name for n in network.of_kind("supplier")] == ["factory", "importer"]
    assert [n.name for n in network.of_kind("hub")] == ["crossdock"]
    assert [n.name for n in network.stores] == ["oslo", "bergen", "malmo", "lund"]
    lead_times = {edge.name: (edge.lead_time, edge.unit_cost) for edge in network.edges}
    assert lead_times["importer->south"] == (5, 0.2)
    assert lead_times["crossdock->malmo"] == (0, 0.0)
    assert isinstance(demand, NegativeBinomialDemand)
    assert demand.mean.tolist() == [6.0, 4.0, 7.0, 3.0]


def test_the_json_example_reads_its_csv_by_column_name() -> None:
    _, demand = load_network(EXAMPLES / "shop.json")
    header, first, *_ = (EXAMPLES / "shop_sales.csv").read_text().splitlines()
    row = dict(zip(header.split(","), map(float, first.split(",")), strict=True))
    assert isinstance(demand, ArrayDemand)
    assert demand.series[0, 0].tolist() == [row["airport"], row["centre"], row["harbour"]]
    assert demand.recorded == (4, 106)


def test_dict_yaml_and_json_give_the_same(tmp_path: Path) -> None:
    (tmp_path / "n.yaml").write_text(yaml.safe_dump(spec(), sort_keys=False))
    (tmp_path / "n.json").write_text(json.dumps(spec()))
    network, demand = load_network(spec())
    for name in ("n.yaml", "n.json"):
        again, law = load_network(tmp_path / name)
        assert again == network
        assert isinstance(law, PoissonDemand)
        assert np.array_equal(law.mean, demand.mean)


BAD: list[tuple[dict[str, Any], str]] = [
    (spec(shops={}), "unknown key in network: 'shops'"),
    ({k: v for k, v in spec().items() if k != "edges"}, "the network has no 'edges'"),
    (spec(nodes=[1]), "nodes must be a mapping from name to settings"),
    (spec(nodes={"a": 3}), "node 'a' must be a mapping, not int"),
    (spec(nodes=nodes(kind=None)), "node 'a' has no kind; use supplier, stock, hub or store"),
    (spec(nodes=nodes(kind="shop")), "node 'a' has kind 'shop'; known: supplier, stock, hub, store"),
    (spec(nodes=nodes(holdng=1)), "unknown key in node 'a': 'holdng'"),
    (spec(nodes=nodes(holding="much")), "node 'a': holding is 'much'; expected a number"),
    (spec(nodes=nodes(holding=-2)), "node 'a' has holding -2.0; it must be finite and >= 0"),
    (spec(nodes=nodes(initial=[1])), "node 'a': initial is [1]; expected a number"),
    (spec(nodes=nodes(initial="some")), "node 'a' has initial 'some'; use 'sampled', 'empty' or a number"),
    (spec(edges={}), "edges must be a list of mappings with from, to and lead_time"),
    (spec(edges=[3]), "edge 1 must be a mapping, not int"),
    (spec(edges=edges(to=None)), "edge 3 has no 'to'"),
    (spec(edges=edges(to="c")), "edge 'w->c' names node 'c', which is not in the network"),
    (spec(edges=edges(to="a")), "edge 'w->a' is given twice"),
    (spec(edges=edges(lead_time=-1)), "edge 'w->b' has lead time -1; it must be an integer >= 0"),
    (spec(edges=edges(lead_time=1.5)), "edge 'w->b' has lead time 1.5; it must be an integer >= 0"),
    (spec(edges=edges(lead_time="2")), "edge 'w->b': lead_time is '2'; expected a number"),
    (spec(edges=edges(unit_cost=None, cost=1)), "unknown key in edge 3: 'cost'"),
    (spec(edges=spec()["edges"][:2]), "node 'b' is disconnected: no edge leads to it"),
    (spec(min_slots="four"), "min_slots is 'four'; expected a number"),
    (spec(demand={"rate": 3}), "demand needs a kind: poisson, normal, negative_binomial, retail, csv or array"),
    (spec(demand={"kind": "gamma"}), "unknown demand kind 'gamma'"),
    (spec(demand={"kind": "poisson"}), "demand of kind 'poisson': missing 1 required positional argument: 'rate'"),
    (spec(demand={"kind": "poisson", "rte": 3}), "demand of kind 'poisson': got an unexpected keyword argument 'rte'"),
    (spec(demand={"kind": "poisson", "rate": {"a": 1}}), "demand rate has no entry for store 'b'"),
    (spec(demand={"kind": "poisson", "rate": {"a": 1, "b": 1, "c": 1}}), "unknown store in demand rate: 'c'"),
    (spec(demand={"kind": "poisson", "rate": -1}), "demand rate is [-1.0, -1.0]; every value must be finite and >= 0"),
    (spec(demand={"kind": "poisson", "rate": "x"}), "demand of kind 'poisson': could not convert string to float: 'x'"),
    (
        spec(demand={"kind": "poisson", "rate": [1, 2, 3]}),
        "demand rate has shape (3,); expected one number per store (2)",
    ),
    (
        spec(demand={"kind": "normal", "mean": 5, "std": 1, "correlation": 1.0}),
        "demand correlation is 1.0; it must lie in [0, 1)",
    ),
    (
        spec(demand={"kind": "negative_binomial", "mean": 5, "dispersion": 0.9}),
        "demand dispersion is [0.9, 0.9]; every value must be finite and >= 1",
    ),
    (spec(demand={"kind": "csv"}), "demand of kind 'csv' has no 'path'"),
    (spec(demand={"kind": "array", "series": [[1, 2, 3]]}), "demand is for 3 stores but the network has 2"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "message"), BAD, ids=[message for _, message in BAD])
def test_what_is_wrong_is_said_in_one_line(data: dict[str, Any], message: str) -> None:
    with pytest.raises(ScenariumError) as caught:
        make_model("InventoryNet-v0", network=data)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("n.yaml", "nodes: {a: [", "not valid JSON or YAML"),
        ("n.json", '{"nodes": ', "not valid JSON or YAML"),
        ("n.yaml", "- 1\n- 2\n", "expected a mapping with nodes, edges and demand"),
        ("n.yaml", "", "expected a mapping with nodes, edges and demand"),
        ("n.yaml", "nodes: {a: {kind: store}, a: {kind: stock}}", "'a' is given twice; names must be unique"),
        ("n.json", '{"nodes": {"a": {}, "a": {}}}', "'a' is given twice; names must be unique"),
    ],
)
def test_files_that_cannot_be_understood(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ScenariumError) as caught:
        load_network(tmp_path / name)
    assert str(caught.value).startswith(f"{tmp_path / name}: {message}")
    assert "\n" not in str(caught.value)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(ScenariumError, match=r"none\.yaml: cannot be read"):
        load_network(tmp_path / "none.yaml")
    with pytest.raises(ScenariumError, match=r"none\.csv: cannot be read"):
        demand_from_csv(tmp_path / "none.csv", ["a"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,c\n1,2\n", "no column for store 'b'; the header is ['a', 'c']"),
        ("", "no column for store 'a'; the header is []"),
        ("a,b\n1,2\n3,\n", "row 3, column 'b' is ''; expected a number, demand must have no holes"),
        ("a,b\n1,2\n3\n", "row 3, column 'b' is ''; expected a number, demand must have no holes"),
        ("a,b\n1,many\n", "row 2, column 'b' is 'many'; expected a number, demand must have no holes"),
        ("a,b\n1,inf\n", "row 2, column 'b' is 'inf'; expected a finite number"),
        ("a,b\nnan,1\n", "row 2, column 'a' is 'nan'; expected a finite number"),
    ],
)
def test_csv_errors_name_row_and_column(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "d.csv"
    path.write_text(text)
    with pytest.raises(ScenariumError) as caught:
        demand_from_csv(path, ["a", "b"])
    assert str(caught.value) == f"{path}: {message}"


def test_csv_columns_are_found_by_name(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text("week, b ,note,a\n1,2,hello,3\n2,-4,,5.5\n")
    demand = demand_from_csv(path, ["a", "b"], start=1)
    assert demand.series.tolist() == [[[3.0, 2.0], [5.5, -4.0]]]
    assert not demand.integer
    assert demand.draw(0, -1, 2, NUMPY).tolist() == [[3.0, 2.0], [5.5, -4.0]]


@pytest.mark.parametrize(
    ("series", "start", "message"),
    [
        ([1, 2, 3], 0, "demand array has shape (3,); expected [T, S] or [W, T, S]"),
        (np.zeros((0, 2)), 0, "demand array has shape (0, 2); expected [T, S] or [W, T, S]"),
        ([[1, 2], [3, np.nan]], 0, "demand array has a hole: series 0, period 1, store 1 is nan"),
        ([[1, 2], [3, 4]], 2, "demand start 2 lies outside the 2 recorded periods"),
        ([[1, 2], [3, 4]], -1, "demand start -1 lies outside the 2 recorded periods"),
    ],
)
def test_array_errors(series: Any, start: int, message: str) -> None:
    with pytest.raises(ScenariumError) as caught:
        ArrayDemand(series, start)
    assert str(caught.value) == message


def test_world_w_replays_series_w_modulo_their_number() -> None:
    demand = ArrayDemand(np.arange(24.0).reshape(3, 4, 2), start=1)
    model = InventoryNet(load_network(spec())[0], demand, horizon=3)
    batch = model.scenario(torch.tensor([0, 1, 2, 4]))
    assert batch.at(0).tolist() == [[2.0, 10.0, 18.0, 10.0], [3.0, 11.0, 19.0, 11.0]]
    assert model.scenario(5).at(2).tolist() == [22.0, 23.0]
    assert batch.at(torch.tensor([0, 1, 2, 0])).tolist() == [[2.0, 12.0, 22.0, 10.0], [3.0, 13.0, 23.0, 11.0]]
    with pytest.raises(ScenariumError, match="period 3 lies outside the recorded demand"):
        demand.draw(0, 3, 1, NUMPY)
