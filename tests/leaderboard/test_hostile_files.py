"""Hostile and broken submissions of agents: each is refused with its reason, and nothing is executed or stored."""

from __future__ import annotations

import io
import json
import os
import shutil
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save
from toy_hostile import TASK, assert_refused, edit, edit_run, pickle_of, weights, zip_bytes, zipped

from scenarium.agents import HDPO
from scenarium.leaderboard import intake
from scenarium.leaderboard.store import ResultStore
from scenarium.leaderboard.submission import MANIFEST, Signature, pack, submit

FILE = "policy_0.safetensors"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    for seed in (0, 1):
        HDPO(TASK.env_id, seed=seed, device="cpu").save(folder / f"seed_{seed}")
    return folder


@pytest.fixture
def folder(run: Path, tmp_path: Path) -> Path:
    """A good submission."""
    pack(run, TASK, tmp_path / "mine", Signature(authors=("Ada",), title="Mine"))
    return tmp_path / "mine"


@pytest.fixture(scope="module")
def board(run: Path, tmp_path_factory: pytest.TempPathFactory) -> ResultStore:
    """A store with an entry by somebody else."""
    store = ResultStore(tmp_path_factory.mktemp("board"))
    HDPO(TASK.env_id, seed=5, device="cpu").save(run.parent / "other" / "seed_5")
    submit(run.parent / "other", TASK, store, Signature(authors=("Bob",), title="Theirs"))
    return store


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    return tmp_path / "canary"


def tensors(folder, change, metadata=None):
    weights(folder, save(change(load_file(folder / FILE)), metadata))


def header(folder, text):
    weights(folder, len(text).to_bytes(8, "little") + text)


def swap_for_link(folder, name, target):
    (folder / name).unlink()
    (folder / name).symlink_to(target)


def sparse(folder):
    with open(folder / FILE, "wb") as stream:
        stream.truncate(intake.MAX_WEIGHTS + 1)


def text_of(folder, old, new):
    path = folder / MANIFEST
    path.write_bytes(path.read_bytes().replace(old, new, 1))


def stolen(folder, store, metadata=None):
    theirs = next((store.root / "submissions" / TASK.name / "theirs").glob("*/policy_5.safetensors"))
    weights(folder, save(load_file(theirs), metadata) if metadata else theirs.read_bytes())


FOLDERS = {
    "a pickle as weights": (lambda f: weights(f, pickle_of(f.parent / "canary")), "a pickle, which could execute"),
    "an old pickle as weights": (lambda f: weights(f, pickle_of(f.parent / "canary", 0)), "is damaged or cut off"),
    "a PyTorch file as weights": (
        lambda f: weights(f, zip_bytes({"archive/data.pkl": pickle_of(f.parent / "canary")})),
        "a zip archive, as PyTorch and Stable-Baselines3 write them",
    ),
    "a program as weights": (lambda f: weights(f, b"#!/bin/sh\ntouch canary\n"), "a script, which could execute"),
    "a pickle by its name": (
        lambda f: weights(f, pickle_of(f.parent / "canary"), "policy.pkl"),
        "others may execute code",
    ),
    "an SB3 archive beside": (lambda f: (f / "model.zip").write_bytes(b"PK"), "the manifest does not list this file"),
    "a script beside": (lambda f: (f / "setup.py").write_text("import os"), r"setup\.py: the manifest does not list"),
    "a folder beside": (lambda f: (f / "code").mkdir(), "no plain file; a submission is a flat folder"),
    "a path": (lambda f: edit_run(f, file="../x.safetensors"), "file: String should match"),
    "an absolute path": (lambda f: edit_run(f, file="/etc/passwd"), "file: String should match"),
    "a link to a file of the machine": (lambda f: swap_for_link(f, FILE, "/etc/passwd"), "a link; a submission is"),
    "a link as manifest": (lambda f: swap_for_link(f, MANIFEST, "/etc/passwd"), "a link; a submission is"),
    "a named pipe": (lambda f: ((f / FILE).unlink(), os.mkfifo(f / FILE))[1], "no plain file"),
    "another hash": (lambda f: (f / FILE).write_bytes(b"x"), "sha256 differs"),
    "missing weights": (lambda f: (f / FILE).unlink(), "no such weights file"),
    "cut off": (lambda f: weights(f, (f / FILE).read_bytes()[:-10]), "is damaged or cut off"),
    "NaN": (
        lambda f: tensors(f, lambda t: {n: torch.full_like(x, torch.nan) for n, x in t.items()}),
        "holds NaN or infinity",
    ),
    "infinity": (
        lambda f: tensors(f, lambda t: {n: torch.full_like(x, torch.inf) for n, x in t.items()}),
        "holds NaN or infinity",
    ),
    "huge tensor": (
        lambda f: header(f, b'{"w":{"dtype":"F32","shape":[1099511627776],"data_offsets":[0,4398046511104]}}'),
        "is damaged or cut off",
    ),
    "overlapping tensors": (
        lambda f: header(f, b'{"a":{"dtype":"F32","shape":[0],"data_offsets":[8,4]}}'),
        "is damaged or cut off",
    ),
    "huge file": (sparse, "more than 512 MiB"),
    "other shapes": (lambda f: tensors(f, lambda t: {n: torch.zeros(3, 3) for n in t}), "tensors do not fit this hdpo"),
    "no tensors": (lambda f: tensors(f, lambda t: {}), "tensors do not fit this hdpo"),
    "a memory bomb in the policy": (
        lambda f: edit(f, policy={"name": "mlp", "kwargs": {"hidden": [10**9, 10**9]}}),
        r"policy\.kwargs holds 1000000000; sizes",
    ),
    "unknown argument of the policy": (
        lambda f: edit(f, policy={"name": "mlp", "kwargs": {"__class__": "os.system"}}),
        "__class__|unexpected keyword",
    ),
    "unknown policy": (lambda f: edit(f, policy={"name": "os.system"}), "os.system"),
    "unknown agent": (lambda f: edit(f, agent="hdpoo"), "did you mean 'hdpo'"),
    "unknown config": (lambda f: edit(f, config={"learning_rat": 1}), "did you mean 'learning_rate'"),
    "another track": (lambda f: edit(f, track="model-free"), "'hdpo' is known-model, the manifest says model-free"),
    "deterministic": (lambda f: edit(f, deterministic=True), "it is not deterministic"),
    "an agent as baseline": (lambda f: edit(f, kind="baseline"), "its kind is 'agent'"),
    "no weights": (lambda f: edit_run(f, file=None, sha256=None), "the manifest does not list this file"),
    "a clairvoyant baseline": (
        lambda f: baseline(f, "full_information"),
        "sees the future of its world; it is shown, not submitted",
    ),
    "a baseline's unknown parameter": (
        lambda f: baseline(f, "constant_mortality", policy={"os": 1}),
        "unknown parameter of constant_mortality: 'os'",
    ),
    "another task": (lambda f: edit(f, task="inventory-serial"), "for task 'inventory-serial'"),
    "another environment": (
        lambda f: edit(f, env={"id": "Fishery-Model1-v0", "kwargs": {}, "fingerprint": "x"}),
        "on 'Fishery-Model1-v0', not",
    ),
    "an edited score": (lambda f: edit_run(f, reported_mean=99.0), "reports a mean of 99; evaluation gives"),
    "one run as two seeds": (
        lambda f: edit_run(f, 1, sha256=json.loads((f / MANIFEST).read_text())["runs"][0]["sha256"]),
        "runs must differ in sha256",
    ),
    "one seed twice": (lambda f: edit_run(f, 1, training_seed=0), "runs must differ in training_seed"),
    "a key twice": (lambda f: text_of(f, b'"task":', b'"task": "x", "task":'), "the key 'task' occurs twice"),
    "NaN in the manifest": (lambda f: edit_run(f, cpu_seconds=float("nan")), "NaN is not a JSON number"),
    "a reversed title": (lambda f: edit(f, title="abc\u202edef"), r"control character U\+202E"),
    "a script as address": (lambda f: edit(f, code_url="javascript:alert(1)"), "code_url: String should match"),
    "an unknown field": (lambda f: edit(f, run_on_load="os.system"), "run_on_load: unknown field"),
    "a newer format": (lambda f: edit(f, schema_version=2), "schema_version 2, this Scenarium reads 1"),
    "deep nesting": (lambda f: (f / MANIFEST).write_text("[" * 100_000), "not valid JSON"),
    "no text": (lambda f: (f / MANIFEST).write_bytes(b"\xff\xfe\x00"), "not valid JSON"),
}


def baseline(folder, name, **changes):
    (folder / FILE).unlink()
    (folder / "policy_1.safetensors").unlink()
    runs = json.loads((folder / MANIFEST).read_text())["runs"]
    edit(folder, agent=name, kind="baseline", policy={}, config={}, deterministic=True, runs=[runs[0]])
    edit_run(folder, file=None, sha256=None)
    edit(folder, **changes)


@pytest.mark.parametrize("case", FOLDERS)
def test_a_bad_folder_is_refused(case: str, folder: Path, board: ResultStore, canary: Path) -> None:
    spoil, message = FOLDERS[case]
    assert_refused(folder, spoil, message, board, canary)


def lying(folder):
    """An archive whose directory says less than there is."""
    path = zipped(folder)
    size = (folder / FILE).stat().st_size
    path.write_bytes(path.read_bytes().replace(size.to_bytes(4, "little"), (100).to_bytes(4, "little")))
    return path


def with_member(folder, name, content=b"x", **info):
    path = zipped(folder)
    with zipfile.ZipFile(path, "a") as archive:
        entry = zipfile.ZipInfo(name)
        for key, value in info.items():
            setattr(entry, key, value)
        archive.writestr(entry, content)
    return path


def bomb(folder):
    (folder / FILE).write_bytes(bytes(8 * 2**20))
    edit_run(folder, sha256="0" * 64)
    return zipped(folder)


def encrypted(folder):
    path = zipped(folder)
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\x01\x02")
    data[at + 8] |= 1
    path.write_bytes(data)
    return path


def empty(folder):
    stream = io.BytesIO()
    zipfile.ZipFile(stream, "w").close()
    path = folder.parent / "empty.zip"
    path.write_bytes(stream.getvalue())
    return path


def many(folder):
    path = folder.parent / "many.zip"
    path.write_bytes(zip_bytes({f"f{number}": b"" for number in range(intake.MAX_FILES + 1)}))
    return path


ZIPS = {
    "a member above": (lambda f: with_member(f, "../evil.safetensors"), "leads out of the archive's folder"),
    "an absolute member": (lambda f: with_member(f, "/tmp/evil.safetensors"), "leads out of the archive's folder"),
    "a backslash": (lambda f: with_member(f, "..\\evil.safetensors"), "leads out of the archive's folder"),
    "a drive": (lambda f: with_member(f, "C:evil"), "leads out of the archive's folder"),
    "a link": (lambda f: with_member(f, "link", b"/etc/passwd", external_attr=0o120777 << 16), "a link or a device"),
    "several folders": (lambda f: with_member(f, "deep/evil"), "files in several folders"),
    "a file twice": (lambda f: with_member(f, FILE), "two files of the same name"),
    "a script": (lambda f: with_member(f, "evil.py"), "the manifest does not list this file"),
    "a bomb": (bomb, "unpacks to more than 1 MiB"),
    "wrong sizes": (lying, "cannot be read"),
    "encrypted": (encrypted, "is encrypted"),
    "empty": (empty, "cannot be read"),
    "too many files": (many, "at most 1001 are accepted"),
    "no archive": (lambda f: _write(f.parent / "no.zip", b"PK\x05\x06"), "nor a readable zip archive"),
    "a pickle called zip": (
        lambda f: _write(f.parent / "no.zip", pickle_of(f.parent / "canary")),
        "nor a readable zip archive",
    ),
}


def _write(path, content):
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("case", ZIPS)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_bad_archive_is_refused(
    case: str, folder: Path, board: ResultStore, canary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if case == "a bomb":
        monkeypatch.setattr(intake, "MAX_WEIGHTS", 2**20)
    spoil, message = ZIPS[case]
    assert_refused(folder, spoil, message, board, canary)


def test_anothers_weights_are_recognised(folder: Path, board: ResultStore, canary: Path) -> None:
    assert_refused(folder, lambda f: stolen(f, board), "those of the entry 'theirs', under another name", board, canary)


def test_anothers_weights_written_anew_are_recognised(folder: Path, board: ResultStore, canary: Path) -> None:
    spoil = lambda f: stolen(f, board, {"by": "me"})  # noqa: E731
    assert_refused(folder, spoil, "those of the entry 'theirs', under another name", board, canary)


def test_anothers_place_is_not_taken(folder: Path, board: ResultStore, canary: Path) -> None:
    assert_refused(folder, lambda f: None, "'theirs' is an entry by Bob; choose another", board, canary, slug="theirs")


def test_a_good_folder_and_its_archive_give_the_same_entry(folder: Path, tmp_path: Path) -> None:
    store = ResultStore(tmp_path / "board")
    first = submit(folder, TASK, store, isolate=False)
    archive = zipped(folder, "mine/")
    shutil.rmtree(folder)
    assert submit(archive, TASK, store) == first  # evaluated in another process
    assert store.submission_path(first).is_dir()
