"""Settings for every test: one thread, repeatable examples, and no second copy of the package."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

# Read by torch and the numerical libraries when they are first imported, so it comes before everything else.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

import pytest
from hypothesis import settings

ROOT_FOLDERS = ("envs", "agents", "baselines", "leaderboard")

settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.load_profile("repeatable")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests marked `cuda` where there is no such device (and import torch only if there are any)."""
    cuda_items = [item for item in items if item.get_closest_marker("cuda")]
    if not cuda_items:
        return
    import torch

    if not torch.cuda.is_available():
        for item in cuda_items:
            item.add_marker(pytest.mark.skip(reason="no CUDA device"))


def pytest_runtest_setup() -> None:
    """Keep torch, once something has imported it, on one thread."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.get_num_threads() != 1:
        torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def _one_copy_of_the_package() -> Iterator[None]:
    """Fail the run if a root folder was imported as a package of its own."""
    yield
    copies = [name for name in ROOT_FOLDERS if name in sys.modules]
    assert not copies, f"imported from the root: {copies}; import scenarium.{copies[0]} instead"
