"""What `scenarium doctor` prints: versions, devices, threads, and what is missing for which feature."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata
from importlib.util import find_spec
from typing import Any

REQUIRED = ("gymnasium", "numpy", "pettingzoo", "stable-baselines3", "torch", "torch-geometric")
EXTRAS: dict[str, tuple[str, tuple[str, ...]]] = {
    "data": ("market data of your own", ("pandas", "pyarrow")),
    "learn": ("fitted pricing baselines, smoothed policies", ("sklearn",)),
    "search": ("policy search (CMA-ES)", ("cma",)),
    "portfolio": ("optimised portfolios", ("skfolio",)),
    "onnx": ("submissions from other frameworks", ("onnx", "onnxruntime")),
    "ray": ("sweeps on a cluster", ("ray",)),
    "datasets": ("Minari datasets", ("minari",)),
    "docs": ("the documentation site", ("mkdocs",)),
}
"""What each optional extra is for, and the modules it brings."""


def examine() -> dict[str, Any]:
    """The state of this installation, as plain data."""
    import torch

    import scenarium
    from scenarium.envs import entries

    missing = {name: [m for m in modules if find_spec(m) is None] for name, (_, modules) in EXTRAS.items()}
    cuda = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {
        "scenarium": scenarium.__version__,
        "python": f"{platform.python_version()} ({sys.executable})",
        "system": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "packages": {name: metadata.version(name) for name in REQUIRED},
        "threads": torch.get_num_threads(),
        "devices": ["cpu", *cuda],
        "environments": len(entries()) + len(entries(several=True)),
        "missing": {name: modules for name, modules in missing.items() if modules},
    }


def report(found: dict[str, Any]) -> str:
    """The same for people, with what to do about it."""
    lines = [f"scenarium     {found['scenarium']}, {found['environments']} environments"]
    lines += [f"{name:<13} {found[name]}" for name in ("python", "system")]
    lines += [f"{name:<20} {version}" for name, version in found["packages"].items()]
    lines.append(f"devices       {', '.join(found['devices'])}")
    lines.append(f"threads       {found['threads']} for torch{_advice(found['threads'])}")
    for name, modules in found["missing"].items():
        lines.append(f"missing       {', '.join(modules)}: {EXTRAS[name][0]}; pip install 'scenarium[{name}]'")
    return "\n".join([*lines, *([] if found["missing"] else ["extras        all there"])])


def _advice(threads: int) -> str:
    return "" if threads == 1 else "; the models are many small tensors, OMP_NUM_THREADS=1 is often faster"
