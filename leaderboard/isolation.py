"""Evaluating what somebody sent in a process of its own, with limits on memory, time and written files.

The checks of a submission already refuse what could run. This is the second wall: a graph that crashes onnxruntime, a
configuration that asks for all memory, or a policy that takes for ever ends that process and nothing else. The process
runs this module: ``python -m scenarium.leaderboard.isolation REQUEST``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.files import write_atomic
from scenarium.leaderboard.schema import Result, Task

MEMORY = 12 * 2**30
"""Address space of the process, bytes; CUDA needs more and goes without this limit."""
SECONDS = 3600.0
"""Wall-clock time of an evaluation."""
_PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONPATH", "SYSTEMROOT", "CUDA_VISIBLE_DEVICES")


def evaluate_apart(
    folder: str | os.PathLike[str],
    task: Task,
    slug: str,
    device: str = "cpu",
    command: str = "",
    progress: Callable[[str], None] = lambda text: None,
    seconds: float = SECONDS,
    memory: int = MEMORY,
) -> Result:
    """As `submission.evaluate_submission`, in another process.

    Args:
        folder: The submission.
        task: The task.
        slug: Name of the entry.
        device: Torch device.
        command: Command that makes the result again.
        progress: Called with a line per evaluated run.
        seconds: Wall-clock time it may take.
        memory: Address space it may use, bytes.

    Raises:
        ScenariumError: As there; or the process died, or its time was up.
    """
    with tempfile.TemporaryDirectory(prefix="scenarium-") as room:
        answer = Path(room) / "answer.json"
        request = {
            "folder": str(Path(folder).resolve()), "task": task.model_dump(mode="json"), "slug": slug,
            "device": device, "command": command, "memory": memory, "answer": str(answer),
        }  # fmt: skip
        write_atomic(Path(room) / "request.json", json.dumps(request))
        code = _run(Path(room) / "request.json", seconds, progress)
        if code is None:
            raise ScenariumError(f"the evaluation took more than {seconds:.0f} seconds and was stopped")
        if not answer.is_file():
            reason = f"signal {-code}" if code < 0 else f"exit code {code}"
            raise ScenariumError(f"the evaluation died ({reason}): it crashed or needs more than {memory >> 20} MiB")
        found = json.loads(answer.read_text(encoding="utf-8"))
    if "error" in found:
        raise ScenariumError(str(found["error"]))
    return Result.parse(found["result"], slug)


def _run(request: Path, seconds: float, progress: Callable[[str], None]) -> int | None:
    """The exit code of the process, or None if its time was up."""
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    process = subprocess.Popen(
        [sys.executable, "-m", __name__, str(request)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        text=True,
        env={**environment, "OMP_NUM_THREADS": "1"},
    )
    late = threading.Event()

    def stop() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(seconds, stop)
    timer.start()
    try:
        assert process.stdout is not None
        for line in process.stdout:
            progress(line.rstrip("\n"))
        code = process.wait()
    finally:
        timer.cancel()
        process.kill()
        process.wait()
    return None if late.is_set() else code


def _limit(memory: int, device: str) -> None:
    """Sets this process's limits, where the system knows them."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 2**20, 64 * 2**20))
    if not device.startswith("cuda"):
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    from scenarium.leaderboard.submission import evaluate_submission

    try:
        result = evaluate_submission(
            request["folder"], Task.parse(request["task"]), request["slug"], request["device"], request["command"],
            lambda text: print(text, flush=True),
        )  # fmt: skip
    except ScenariumError as error:
        return {"error": str(error)}
    except (MemoryError, RuntimeError, TypeError, ValueError, ArithmeticError, LookupError) as error:
        # What odd settings provoke in an agent's own code: a reason, not a traceback.
        return {"error": f"the submission failed: {type(error).__name__}: {' '.join(str(error).split())[:200]}"}
    return {"result": result.model_dump(mode="json")}


def _main(path: str) -> None:
    request = json.loads(Path(path).read_text(encoding="utf-8"))
    _limit(int(request["memory"]), str(request["device"]))
    import torch

    torch.set_num_threads(1)
    write_atomic(request["answer"], json.dumps(_answer(request)))


if __name__ == "__main__":
    _main(sys.argv[1])
