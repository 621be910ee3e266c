"""The worked example of CONTRIBUTING.md passes the walks that every registered name passes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "contributing"


def _run(*command: str) -> str:
    environment = {
        **os.environ, "PYTHONPATH": str(EXAMPLE), "SCENARIUM_PLUGINS": "newsvendor,critical_fractile,hill_climbing",
        "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    done = subprocess.run([sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return done.stdout


@pytest.mark.parametrize("file", sorted(EXAMPLE.glob("*.py")), ids=lambda path: path.stem)
def test_each_part_has_under_a_hundred_lines(file):
    assert len(file.read_text(encoding="utf-8").splitlines()) < 100


def test_the_environment_passes_the_registrys_walk():
    walk = _run("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_registry.py", "-k", "Newsvendor")
    assert " passed" in walk
    assert "failed" not in walk


def test_the_agent_passes_the_agents_walk():
    walk = _run(
        "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/agents/test_registry.py",
        "-k", "hill_climbing and Newsvendor",
    )  # fmt: skip
    assert " passed" in walk
    assert "failed" not in walk


def test_the_optimum_earns_what_the_formula_says():
    code = (
        "import scenarium; from scenarium.baselines import make_baseline;"
        "p = make_baseline('critical_fractile', 'Newsvendor-v0');"
        "print(scenarium.evaluate(p, 'Newsvendor-v0', seeds=range(2000)).mean)"
    )
    price, cost, most = 2.0, 0.8, 2 * 55.0
    share = (price - cost) / price
    expected = most * (price * (share - share**2 / 2) - cost * share)
    assert float(_run("-c", code)) == pytest.approx(expected, rel=0.005)
