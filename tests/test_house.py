"""The house rules that a linter does not check: sizes, floors, and nothing that executes a file it loads."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE_FOLDERS = ("envs", "agents", "baselines", "leaderboard", "src")
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 50

PACKAGE_FILES = sorted(path for folder in PACKAGE_FOLDERS for path in (ROOT / folder).rglob("*.py"))
ALL_FILES = [*PACKAGE_FILES, *sorted((ROOT / "tests").rglob("*.py"))]

ROOT_NAMES = {"envs", "agents", "baselines", "leaderboard"}
EXECUTING_MODULES = {"pickle", "_pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
EXECUTING_CALLS = {"eval", "exec", "torch.load", "yaml.load", "yaml.unsafe_load"}
# A floor imports only from itself and below. Agents and baselines share a floor.
FLOORS_ABOVE = {
    "envs": {"agents", "baselines", "leaderboard"},
    "agents": {"leaderboard"},
    "baselines": {"leaderboard"},
}


def _identity(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _parse(source: str) -> ast.Module:
    return ast.parse(source)


def _imported(tree: ast.AST) -> Iterator[str]:
    """Every absolute module name that is imported, wherever in the file; `from a import b` gives `a.b`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def executing(tree: ast.AST) -> list[str]:
    """What in a file could execute data: modules, calls, and NumPy's `allow_pickle`."""
    found = [name for name in _imported(tree) if name.split(".")[0] in EXECUTING_MODULES]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if ast.unparse(node.func) in EXECUTING_CALLS:
                found.append(ast.unparse(node.func))
            found += [
                "allow_pickle"
                for keyword in node.keywords
                if keyword.arg == "allow_pickle"
                and not (isinstance(keyword.value, ast.Constant) and keyword.value.value is False)
            ]
    return found


def root_imports(tree: ast.AST) -> list[str]:
    """Imports of a root folder under its bare name."""
    return [name for name in _imported(tree) if name.split(".")[0] in ROOT_NAMES]


def upward_imports(tree: ast.AST, floor: str) -> list[str]:
    """Imports from a floor above `floor`."""
    above = FLOORS_ABOVE.get(floor, set())
    return [name for name in _imported(tree) if name.startswith("scenarium.") and name.split(".")[1] in above]


def long_functions(tree: ast.AST) -> list[str]:
    """Functions over the limit, decorators left out, docstring counted."""
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    lengths = ((node.name, (node.end_lineno or node.lineno) - node.lineno + 1) for node in functions)
    return [f"{name}: {length} lines" for name, length in lengths if length > MAX_FUNCTION_LINES]


@pytest.mark.parametrize("path", ALL_FILES, ids=_identity)
def test_a_file_keeps_the_house_rules(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= MAX_FILE_LINES
    assert root_imports(_parse(source)) == []


@pytest.mark.parametrize("path", PACKAGE_FILES, ids=_identity)
def test_package_code_keeps_the_house_rules(path: Path) -> None:
    tree = _parse(path.read_text(encoding="utf-8"))
    assert long_functions(tree) == []
    assert executing(tree) == []
    assert upward_imports(tree, path.relative_to(ROOT).parts[0]) == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import pickle", ["pickle"]),
        ("from joblib import load", ["joblib.load"]),
        ("eval('1')", ["eval"]),
        ("torch.load(path, weights_only=True)", ["torch.load"]),
        ("np.load(path, allow_pickle=True)", ["allow_pickle"]),
        ("np.load(path, allow_pickle=False)", []),
        ("policy.eval()", []),
        ("safetensors.torch.load_file(path)", []),
    ],
)
def test_the_search_for_executing_code_finds_it(source: str, expected: list[str]) -> None:
    assert executing(_parse(source)) == expected


def test_the_other_searches_find_what_they_look_for() -> None:
    assert root_imports(_parse("def f():\n    from envs.core import x")) == ["envs.core.x"]
    assert root_imports(_parse("from scenarium.envs import x\nfrom .envs import y")) == []
    assert upward_imports(_parse("from scenarium.agents import x"), "envs") == ["scenarium.agents.x"]
    assert upward_imports(_parse("from scenarium import leaderboard"), "agents") == ["scenarium.leaderboard"]
    assert upward_imports(_parse("from scenarium.envs import x"), "agents") == []
    assert long_functions(_parse("def f():\n" + "    x = 1\n" * 50)) == ["f: 51 lines"]
    assert long_functions(_parse("def f():\n" + "    x = 1\n" * 49)) == []
