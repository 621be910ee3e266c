"""The command line: every command, its exit code, and what a mistake says."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import get_args

import pytest

from scenarium.cli import Command, config_fields, main
from scenarium.envs import ScenariumError, entries

COMMANDS = [kind.__name__.lower() for kind in get_args(Command)]
FAST = ["--batch-size", "4", "--dev-every", "0", "--steps", "400"]


@pytest.mark.parametrize("command", ["envs", "agents", "baselines", "tasks"])
def test_listings_in_lines_and_json(command, capsys):
    assert main([command]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert main([command, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert len(lines) == len(rows)
    assert all(row["name"] and row["title"] for row in rows)


def test_every_environment_is_listed(capsys):
    main(["envs", "--json"])
    assert [row["name"] for row in json.loads(capsys.readouterr().out)] == [*entries(), *entries(several=True)]


def test_train_evaluate_submit_render_play(tmp_path, capsys):
    run, root = str(tmp_path / "run"), str(tmp_path / "board")
    assert main(["train", "InventoryNet-v0", "hdpo", "--seeds", "0", "1", "--out", run, *FAST]) == 0
    assert (tmp_path / "run" / "seed_1" / "policy.safetensors").is_file()
    cost = json.loads((tmp_path / "run" / "seed_0" / "run.json").read_text())
    assert cost["cpu_seconds"] > 0
    assert cost["device"] == "cpu"
    capsys.readouterr()
    assert main(["evaluate", run, "--worlds", "8", "--json"]) == 0
    assert [row["policy"] for row in json.loads(capsys.readouterr().out)] == ["seed_0", "seed_1"]
    assert main(["submit", run, "--root", root, "--author", "A. Tester", "--title", "Mine", "--json"]) == 0
    entry = json.loads(capsys.readouterr().out)
    assert entry["slug"] == "mine"
    assert len(entry["scores"]) == 2
    assert main(["leaderboard", "--root", root]) == 0
    assert "A. Tester" in (tmp_path / "board" / "index.html").read_text()
    picture = tmp_path / "out.png"
    assert main(["play", "InventoryNet-v0", run, "--periods", "5", "--render", str(picture)]) == 0
    assert picture.read_bytes()[:4] == b"\x89PNG"


def test_a_second_train_resumes_and_is_done(tmp_path, capsys):
    command = ["train", "InventoryNet-v0", "hdpo", "--out", str(tmp_path), *FAST]
    main(command)
    before = (tmp_path / "seed_0" / "policy.safetensors").read_bytes()
    capsys.readouterr()
    assert main(command) == 0
    assert (tmp_path / "seed_0" / "policy.safetensors").read_bytes() == before


def test_a_baseline_plays_by_its_name(capsys):
    assert main(["play", "InventoryNet-v0", "base_stock", "--periods", "5", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["rewards"]) == 5
    assert main(["evaluate", "random", "--env", "InventoryNet-v0", "--worlds", "4"]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "InventoryNet-v1", "hdpo", "--out", "x"], "did you mean 'InventoryNet-v0'"),
        (["train", "InventoryNet-v0", "hdpp", "--out", "x"], "did you mean 'hdpo'"),
        (["train", "InventoryNet-v0", "hdpo", "--out", "x", "--learnin-rate", "1"], "did you mean 'learning_rate'"),
        (["train", "InventoryNet-v0", "hdpo", "--out", "x", "--learning-rate"], "has no value"),
        (["train", "InventoryNet-v0", "hdpo", "--out", "x", "--env-kwargs", "[1]"], "must be a JSON object"),
        (["train", "InventoryNet-v0", "hdpo", "--out", "x", "--env-kwargs", '{"m": 1}'], "unexpected keyword"),
        (["evaluate", "nowhere"], "no training run in nowhere"),
        (["evaluate", "base_stock"], "needs an environment"),
        (["evaluate", "base_stock", "--task", "inventory"], "unknown task 'inventory'; did you mean"),
        (["submit", "nowhere"], "no training run in nowhere"),
        (["envs", "--all"], "unknown argument '--all'"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_one(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not list(tmp_path.rglob("*.safetensors"))


def test_config_fields_are_read_as_yaml():
    fields = config_fields(
        ["--learning-rate", "0.01", "--hidden=[64, 64]", "--carry-over", "true", "--policy-name", "x"]
    )
    assert fields == {"learning_rate": 0.01, "hidden": [64, 64], "carry_over": True, "policy_name": "x"}
    with pytest.raises(ScenariumError, match="unknown or has no value"):
        config_fields(["surplus"])


def test_help_comes_fast_and_loads_no_torch():
    code = "import sys; from scenarium.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
    code += "print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"
    assert "leaderboard" in done.stdout


def test_seeds_train_side_by_side(tmp_path, capfd):
    command = ["train", "InventoryNet-v0", "hdpo", "--seeds", "3", "4", "--jobs", "2", "--out", str(tmp_path), *FAST]
    assert main(command) == 0
    for seed in (3, 4):
        settings = json.loads((tmp_path / f"seed_{seed}" / "config.json").read_text())
        assert settings["seed"] == seed
    assert capfd.readouterr().out.count("steps in") == 2


@pytest.mark.parametrize("command", COMMANDS)
def test_every_commands_help_has_an_example(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert "scenarium" in capsys.readouterr().out.split("Example", 1)[1]


def test_doctor_says_what_is_there(capsys):
    assert main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["environments"] == len(entries()) + len(entries(several=True))
    assert found["packages"]["torch"]
    assert main(["doctor"]) == 0
    assert "threads" in capsys.readouterr().out


def test_a_closed_pipe_is_no_error():
    shell = f"{sys.executable} -m scenarium baselines | head -n 1"
    done = subprocess.run(shell, shell=True, capture_output=True, text=True, check=True)  # noqa: S602
    assert "Traceback" not in done.stderr
