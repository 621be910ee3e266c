"""What a sweep says while it runs."""

from __future__ import annotations

from scenarium.workers import Job, Outcome


class Reporter:
    """Tells what happens: a bar on a terminal, a line per event elsewhere.

    Args:
        total: Number of jobs.
    """

    def __init__(self, total: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
        self._bar = Progress(*columns, console=self._console, disable=not self._console.is_terminal)
        self._task = self._bar.add_task("", total=total)
        self._running: list[str] = []
        self._bar.start()

    def started(self, job: Job) -> None:
        """A job was handed over."""
        self._running.append(job.name)
        self._show()

    def ended(self, outcome: Outcome, again: bool) -> None:
        """A job ended; `again` says that it will be retried."""
        self._running.remove(outcome.job.name)
        reason = f": {outcome.reason}" if outcome.reason else ""
        verdict = f"{outcome.ending}{reason}{', once more' if again else ''}"
        self._console.print(f"{outcome.job.name}  {verdict}", markup=False)
        self._bar.update(self._task, advance=0 if again else 1)
        self._show()

    def close(self) -> None:
        """Takes the bar away."""
        self._bar.stop()

    def _show(self) -> None:
        shown = ", ".join(self._running[:2])
        more = f" and {len(self._running) - 2} more" if len(self._running) > 2 else ""
        self._bar.update(self._task, description=shown + more)
