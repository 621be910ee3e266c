"""Submitting and rendering survive kill -9 at any moment, and two submitters at once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TOYS = Path(__file__).resolve().parents[1] / "toys"
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked processes")


def kill(home: Path, kills: int, seed: int) -> None:
    program = [sys.executable, str(TOYS / "toy_killed.py"), str(home), str(kills), str(seed)]
    done = subprocess.run(program, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout.split()[-1]) > 0, "no submission got through before its kill: nothing was tested"


def test_ten_kills_and_two_submitters(tmp_path: Path) -> None:
    kill(tmp_path, 10, 0)


@pytest.mark.slow
def test_fifty_kills(tmp_path: Path) -> None:
    kill(tmp_path, 50, 1)
