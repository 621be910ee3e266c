"""Tutorials, and the scripts for other libraries, run as they stand; those of absent libraries are skipped."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
SCRIPTS = [*sorted((EXAMPLES / "tutorials").glob("*.py")), *sorted((EXAMPLES / "clients").glob("*.py"))]
HIDDEN = {"rl_zoo.py": ("rl_zoo3",), "minari_recorder.py": ("minari", "jax")}
"""Modules a script needs without importing them by name."""


def _missing(script: Path) -> list[str]:
    names = set(HIDDEN.get(script.name, ()))
    for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return sorted(name for name in {n.split(".")[0] for n in names} if find_spec(name) is None)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_runs(script, tmp_path):
    missing = _missing(script)
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed; `make clients` has everything")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MINARI_DATASETS_PATH": str(tmp_path / "minari")}
    done = subprocess.run([sys.executable, script], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip()


def test_a_script_begins_with_its_title():
    for script in SCRIPTS:
        assert script.read_text(encoding="utf-8").startswith("#: # "), script
