"""The package as users get it: built, installed elsewhere, imported from another directory."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("envs", "agents", "baselines", "leaderboard")
DATA_SUFFIXES = {".yaml", ".yml", ".json", ".html", ".j2", ".csv", ".css", ".js", ".safetensors"}
HEAVY = (
    "torch",
    "torch_geometric",
    "stable_baselines3",
    "matplotlib",
    "tensorboard",
    "scipy.stats",
    "pandas",
)
IMPORT_CPU_SECONDS = 0.3
MACHINE_ALLOWANCE = 2.0


def _source_files() -> list[str]:
    """Every file of the project that git does not ignore, committed or not."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return sorted({name for name in listing.split("\0") if name and (ROOT / name).is_file()})


def _installed_name(source: str) -> str:
    """`envs/core/rng.py` is installed as `scenarium/envs/core/rng.py`."""
    return source.removeprefix("src/") if source.startswith("src/") else f"scenarium/{source}"


def _is_shipped(source: str) -> bool:
    path = Path(source)
    return path.parts[0] in (*FOLDERS, "src") and (
        path.suffix == ".py" or path.name == "py.typed" or path.suffix in DATA_SUFFIXES
    )


def _packages_with_data(checkout: Path) -> list[str]:
    """Put data into a package and into plain folders below one, to give the patterns something to find."""
    added = ["leaderboard/odd folder/deeper/table.csv", "envs/extra.yaml"]
    for name in added:
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text("a: 1\n", encoding="utf-8")
    return added


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The sdist, the wheel made from that sdist, and the files that both must hold."""
    if not (ROOT / ".git").exists():
        pytest.skip("needs a git checkout to know which files belong to the project")
    place = tmp_path_factory.mktemp("built")
    checkout = place / "my-checkout.1_odd name"
    names = _source_files()
    for name in names:
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, checkout / name)
    names += _packages_with_data(checkout)
    command = [
        sys.executable,
        "-m",
        "build",
        "--no-isolation",
        "--outdir",
        str(place / "dist"),
        str(checkout),
    ]
    result = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    return place / "dist", [name for name in names if _is_shipped(name)]


@pytest.fixture(scope="module")
def installed(built: tuple[Path, list[str]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that holds the installed wheel and nothing else."""
    target = tmp_path_factory.mktemp("site")
    (wheel,) = built[0].glob("*.whl")
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index"]
    subprocess.run([*command, "--target", str(target), str(wheel)], check=True)
    return target


def _python(code: str, cwd: Path, site: Path | None = None) -> str:
    """Run code in a fresh interpreter and give back what it printed."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if site is not None:
        env["PYTHONPATH"] = str(site)
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[-3000:]
    return result.stdout


def test_the_wheel_holds_every_source_and_data_file(built: tuple[Path, list[str]]) -> None:
    dist, names = built
    (wheel,) = dist.glob("*.whl")
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert held == {_installed_name(name) for name in names}


def test_the_sdist_holds_them_too(built: tuple[Path, list[str]]) -> None:
    dist, names = built
    (sdist,) = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    wanted = {*names, "LICENSE", "pyproject.toml", "setup.py", "constraints.txt", "tests/test_packaging.py"}
    assert wanted - held == set()


def test_an_installed_package_registers_and_steps(installed: Path, tmp_path: Path) -> None:
    code = """
import json, gymnasium as gym, scenarium
ids = sorted(i for i, spec in gym.registry.items() if "scenarium" in str(spec.entry_point))
env = gym.make("InventoryNet-v0")
first, _ = env.reset(seed=0)
env.action_space.seed(0)
observation, reward, *_ = env.step(env.action_space.sample())
print(json.dumps([scenarium.__file__, ids, env.observation_space.contains(observation), float(reward)]))
"""
    file, ids, contained, reward = json.loads(_python(code, tmp_path, installed))
    assert Path(file).is_relative_to(installed)
    assert "InventoryNet-v0" in ids
    assert contained
    assert reward == reward  # not a NaN


def test_the_prefixed_id_needs_no_import(installed: Path, tmp_path: Path) -> None:
    code = 'import gymnasium as gym; print(gym.make("scenarium:InventoryNet-v0").spec.id)'
    assert _python(code, tmp_path, installed).strip() == "InventoryNet-v0"


def test_the_editable_install_has_every_package(tmp_path: Path) -> None:
    inits = sorted(init.parent for folder in FOLDERS for init in (ROOT / folder).rglob("__init__.py"))
    packages = [".".join(("scenarium", *path.relative_to(ROOT).parts)) for path in inits]
    code = f"from importlib.util import find_spec\nprint([p for p in {packages!r} if find_spec(p) is None])"
    assert packages
    assert _python(code, tmp_path).strip() == "[]", "renew the editable install: make install"


def test_no_source_file_lies_outside_a_package() -> None:
    """A folder with modules and no `__init__.py` would be left out of the wheel."""
    folders = {path.parent for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")}
    assert [str(folder) for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


def test_the_version_is_the_same_everywhere(tmp_path: Path) -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    code = "import scenarium, importlib.metadata as m; print(scenarium.__version__, m.version('scenarium'))"
    assert _python(code, tmp_path).split() == [declared, declared]


@pytest.mark.parametrize("module", ["scenarium", "scenarium.cli"])
def test_importing_loads_nothing_heavy(module: str, tmp_path: Path) -> None:
    code = f"import sys, {module}; print([name for name in {HEAVY!r} if name in sys.modules])"
    assert _python(code, tmp_path).strip() == "[]"


def test_importing_is_quick(tmp_path: Path) -> None:
    """The best of five, in CPU time, with an allowance for slower or busier machines."""
    code = "import time; start = time.process_time(); import scenarium; print(time.process_time() - start)"
    best = min(float(_python(code, tmp_path)) for _ in range(5))
    assert best < IMPORT_CPU_SECONDS * MACHINE_ALLOWANCE
