"""Processes that submit and render, killed at random moments: `python toy_killed.py ROOT KILLS [SEED]`.

Imports happen once; each victim is a fork. After every kill the whole store is checked.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path

import torch
from toy_graphs import ACTIONS, OBSERVATIONS, make_graph, tensor, to_bytes
from toy_hostile import TASK

from scenarium import cli, commands
from scenarium.envs.core.files import sha256_file, write_atomic
from scenarium.leaderboard.store import ResultStore
from scenarium.leaderboard.submission import MANIFEST, Signature, pack_onnx, submit

SLUGS = ("one", "two", "three")


def submit_once(root: Path, room: Path, slug: str, number: int) -> None:
    """Submits a policy whose weights depend on the number."""
    bias = tensor("b", [-2.0 - 0.01 * (number % 100), -2.5])
    slope = tensor("w", [[0.001 * number] * ACTIONS] * OBSERVATIONS)
    graph = write_atomic(room / f"{slug}.onnx", to_bytes(make_graph(initializers=[slope, bias])))
    folder = room / f"{slug}-{number}"
    pack_onnx({0: graph}, TASK, folder, Signature(authors=("Ada",), title=slug))
    submit(folder, TASK, ResultStore(root), isolate=False)


def render(root: Path) -> None:
    """The command `scenarium leaderboard`."""
    commands.run(cli.Leaderboard(root=root, out=root / "site", published=False), {}, ())


def check_store(root: Path) -> set[str]:
    """Every result is whole, with the submission it was made of; every page is whole. Returns the entries."""
    store = ResultStore(root)
    loaded = store.load()
    assert not loaded.broken, loaded.broken
    for result in loaded.results:
        folder = store.submission_path(result)
        assert sha256_file(folder / MANIFEST) == result.submission
        assert sha256_file(folder / "policy_0.onnx") == result.runs[0].sha256
    for page in (root / "site").rglob("*.html"):
        text = page.read_text(encoding="utf-8").rstrip()
        assert text.startswith("<!doctype html>"), page
        assert text.endswith("</html>"), page
    return {result.slug for result in loaded.results}


def victim(root: Path, room: Path, start: int) -> None:
    """Submits and renders for ever."""
    number = start
    while True:
        submit_once(root, room, SLUGS[number % len(SLUGS)], number)
        render(root)
        number += 1


def forked(work, *arguments) -> int:
    """Runs a function in a child process and returns its id."""
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = 1
        try:
            work(*arguments)
            code = 0
        finally:
            os._exit(code)
    return child


def kill_often(root: Path, room: Path, kills: int, seed: int) -> int:
    """Kills victims at random moments and returns how many submissions got through in all."""
    chance, seen, done = random.Random(seed), set(), 0
    for number in range(kills):
        child = forked(victim, root, room, 1 + 1000 * number)
        time.sleep(chance.uniform(0.02, 0.5))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status), f"the victim ended by itself: {status}"
        entries = check_store(root)
        assert seen <= entries, f"lost {seen - entries}"
        seen = entries
        done += len(entries)
    with ResultStore(root).staging() as folder:
        assert [path for path in folder.parent.iterdir() if path.is_dir()] == [folder]
    return done


def submit_some(root: Path, room: Path, name: str) -> None:
    """Three entries of one's own and one that both submitters want."""
    for number in range(3):
        submit_once(root, room, f"{name}-{number}", number + 10 * ord(name))
    submit_once(root, room, "both", ord(name))


def two_at_once(root: Path, room: Path) -> None:
    """Two submitters at the same time lose nothing."""
    children = [forked(submit_some, root, room / name, name) for name in "ab"]
    codes = [os.waitpid(child, 0)[1] for child in children]
    assert codes == [0, 0], codes
    expected = {"both", *(f"{name}-{number}" for name in "ab" for number in range(3))}
    assert expected <= check_store(root)


if __name__ == "__main__":
    torch.set_num_threads(1)
    home = Path(sys.argv[1])
    got_through = kill_often(home / "board", home / "room", int(sys.argv[2]), int(sys.argv[3]))
    two_at_once(home / "other", home / "room")
    print(got_through)
