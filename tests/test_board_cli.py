"""The commands around submissions: what they print, write and return."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from scenarium.agents import HDPO
from scenarium.cli import main
from scenarium.leaderboard import export_onnx

TASK = "pricing-ladder"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "board"


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, object]:
    """Exit code and what was printed as JSON."""
    code = main([*map(str, arguments), "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_validate_says_what_would_be_accepted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    HDPO("Fishery-v0", seed=0, device="cpu").save(tmp_path / "run" / "seed_0")
    code, said = run(capsys, "validate", tmp_path / "run")
    assert (code, said["accepted"], said["task"], said["runs"]) == (0, True, "fishery-three-species", 1)  # type: ignore[index]
    (tmp_path / "run" / "seed_0" / "policy.safetensors").write_bytes(b"broken")
    code, said = run(capsys, "validate", tmp_path / "run")
    assert code == 1
    assert "is damaged or cut off" in said["error"]  # type: ignore[index]
    assert main(["validate", "human_price"]) == 0
    assert "accepted: human_price for pricing-ladder, 1 runs, 0 bytes; not run" in capsys.readouterr().out


def test_submit_verify_and_export(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = run(capsys, "submit", "human_price", "--root", root, "--title", "=List price")
    assert (code, said["slug"], said["status"]) == (0, "list-price", "verified")  # type: ignore[index]
    code, rows = run(capsys, "verify", "--root", root)
    assert (code, rows) == (0, [{"task": TASK, "slug": "list-price", "difference": 0.0, "same": True}])
    table = tmp_path / "results.csv"
    code, said = run(capsys, "export", table, "--root", root, "--no-published")
    assert (code, said["rows"]) == (0, 1)  # type: ignore[index]
    (row,) = csv.DictReader(table.open())
    assert (row["task"], row["title"], row["status"], row["worlds"]) == (TASK, "'=List price", "verified", "1024")
    assert abs(float(row["score"])) < 2e-3
    code, said = run(capsys, "export", tmp_path / "worlds.csv", "--root", root, "--no-published", "--worlds")
    assert said["rows"] == 1024  # type: ignore[index]
    assert main(["export", str(tmp_path / "x.xlsx"), "--root", str(root)]) == 1
    assert "written as .csv or .parquet" in capsys.readouterr().err
    _check_parquet(root, tmp_path)
    _edit_and_find(root, capsys)


def _check_parquet(root: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    assert main(["export", str(tmp_path / "r.parquet"), "--root", str(root), "--no-published", "--worlds"]) == 0
    table = parquet.read_table(tmp_path / "r.parquet")
    assert table.num_rows == 1024
    assert table.column_names == ["task", "slug", "training_seed", "status", "world", "return", "score"]


def _edit_and_find(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A result whose returns and mean are raised together is whole, but it cannot be made again."""
    (path,) = root.glob("results/*/*.json")
    data = json.loads(path.read_text())
    better = [value + 0.01 for value in data["runs"][0]["returns"]]
    data["runs"][0] |= {"returns": better, "mean": sum(better) / len(better)}
    path.write_text(json.dumps(data))
    capsys.readouterr()
    assert main(["verify", "--root", str(root)]) == 1
    printed = capsys.readouterr()
    assert "DIFFERENT" in printed.out
    assert printed.err == f"error: not reproduced: {TASK}/list-price\n"


def test_onnx_policies_need_their_task_named(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export_onnx(HDPO("Fishery-v0", seed=0, device="cpu"), "Fishery-v0", tmp_path / "p" / "policy_0.onnx")
    assert main(["submit", str(tmp_path / "p"), "--root", str(root)]) == 1
    assert "give --task" in capsys.readouterr().err
    task = ["--task", "fishery-tipping-point"]
    assert main(["submit", str(tmp_path / "p"), "--root", str(root), *task]) == 1
    assert "input 'observation' has shape" in capsys.readouterr().err
    code, said = run(capsys, "validate", tmp_path / "p", "--task", "fishery-three-species")
    assert (code, said["agent"]) == (0, "onnx")  # type: ignore[index]


def test_without_evaluation_an_entry_is_self_reported(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from scenarium.leaderboard.submission import Signature, pack_baseline
    from scenarium.leaderboard.tasks import get_task

    pack_baseline("human_price", get_task(TASK), tmp_path / "mine", Signature(title="Claim"))
    submit = ["submit", str(tmp_path / "mine"), "--root", str(root), "--no-evaluate"]
    assert main(submit) == 1
    assert "run 0 reports no mean" in capsys.readouterr().err
    path = tmp_path / "mine" / "manifest.json"
    data = json.loads(path.read_text())
    data["runs"][0]["reported_mean"] = 7.0
    path.write_text(json.dumps(data))
    code, said = run(capsys, *submit)
    assert (code, said["status"]) == (0, "self-reported")  # type: ignore[index]
    assert main(["verify", "claim", "--task", TASK, "--root", str(root)]) == 1
    assert "is self-reported; only verified entries" in capsys.readouterr().err
    # Evaluated, the claim is not believed.
    assert main(submit[:-1]) == 1
    assert "reports a mean of 7; evaluation gives 0.1006" in capsys.readouterr().err


def test_a_round_is_opened_and_closed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from importlib import resources

    tasks = tmp_path / "tasks.json"
    tasks.write_bytes(resources.files("scenarium.leaderboard").joinpath("tasks.json").read_bytes())
    count = len(json.loads(tasks.read_text())["rounds"])
    given = ["--tasks", str(tasks), "--keep", str(tmp_path / "salt")]
    code, rounds = run(capsys, "round", "open", *given)
    assert (code, len(rounds), rounds[-1]["salt"]) == (0, count + 1, None)  # type: ignore[index, arg-type]
    assert main(["round", "close", "--tasks", str(tasks)]) == 1
    assert "give --salt-file" in capsys.readouterr().err
    following = ["--tasks", str(tasks), "--salt-file", str(tmp_path / "salt"), "--keep", str(tmp_path / "next")]
    code, rounds = run(capsys, "round", "close", *following)
    assert [bool(one["salt"]) for one in rounds] == [True] * (count + 1) + [False]  # type: ignore[attr-defined]
    assert main(["round", "--tasks", str(tasks)]) == 0
    assert "salt secret" in capsys.readouterr().out
