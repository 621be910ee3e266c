"""The board as a whole: who takes part in which tasks, and one score over all of them.

An entrant is what one submission's name, agent, authors and track say it is, on however many tasks. Its overall score
is the mean over all tasks of the board of its score on the task, where a task that it did not enter, or on which it is
not ranked, counts 0, and so does a score below 0: anyone can play the simple policy instead. Entering a task thus
never costs anything, and leaving tasks out never pays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from scenarium.leaderboard.bootstrap import REPLICATIONS, Spread, interval_of
from scenarium.leaderboard.ranking import TRACKS, Row, Standings, assign_ranks, mixed_settings, standings
from scenarium.leaderboard.schema import Result, Task

Array = npt.NDArray[np.float64]
NOT_RANKED = "not ranked on any task"


@dataclass(frozen=True)
class Entrant:
    """One submission over all tasks.

    Attributes:
        id: Name of its page.
        rows: Its row on each task that it entered, by the task's name.
        overall: Its row over all tasks.
    """

    id: str
    rows: Mapping[str, Row]
    overall: Row

    @property
    def counted(self) -> int:
        """Number of tasks on which it is ranked."""
        return sum(not row.unranked for row in self.rows.values())

    @property
    def result(self) -> Result:
        """A result that says who it is: that of the first task it entered."""
        result = next(iter(self.rows.values())).result
        assert result is not None
        return result

    @property
    def statuses(self) -> list[str]:
        """The different statuses of its results, in a fixed order."""
        mine = {row.status for row in self.rows.values()}
        return [status for status in ("verified", "self-reported", "stale") if status in mine]

    @property
    def date(self) -> str:
        """Day of its newest evaluation."""
        return max(row.result.evaluated.isoformat() for row in self.rows.values() if row.result)


@dataclass(frozen=True)
class Board:
    """Everything the pages show.

    Attributes:
        tasks: Tasks by name.
        tables: The tables of each task, one per track.
        tracks: Entrants of each track, best first.
        ids: Entrant of each result, by task and slug.
        left_out: Results and files that could not be used, and why.
    """

    tasks: Mapping[str, Task]
    tables: Mapping[str, tuple[Standings, ...]]
    tracks: Mapping[str, tuple[Entrant, ...]]
    ids: Mapping[tuple[str, str], str]
    left_out: tuple[tuple[str, str], ...] = field(default=())

    @property
    def entrants(self) -> list[Entrant]:
        """All entrants, track by track."""
        return [entrant for entrants in self.tracks.values() for entrant in entrants]


def make_board(tasks: Mapping[str, Task], results: Iterable[Result], replications: int = REPLICATIONS) -> Board:
    """Ranks everything.

    Args:
        tasks: Tasks by name, in the order in which they are shown.
        results: Results in any order; those of unknown tasks are listed as left out.
        replications: Bootstrap samples behind each interval.
    """
    by_task: dict[str, list[Result]] = {name: [] for name in tasks}
    left_out = []
    for result in results:
        if result.task in by_task:
            by_task[result.task].append(result)
        else:
            left_out.append((f"{result.task}/{result.slug}", f"there is no task {result.task!r}"))
    mixed = mixed_settings(result for mine in by_task.values() for result in mine)
    tables = {
        name: standings(task, by_task[name], replications=replications, mixed=mixed) for name, task in tasks.items()
    }
    ids = _ids([result for mine in by_task.values() for result in mine])
    gathered: dict[str, dict[str, Row]] = {}
    for name, tracks in tables.items():
        for row in (row for table in tracks for row in table.rows if row.result is not None):
            assert row.result is not None
            gathered.setdefault(ids[name, row.result.slug], {})[name] = row
    return Board(tasks, tables, _tracks(gathered, len(tasks), replications), ids, tuple(sorted(left_out)))


def _tracks(gathered: Mapping[str, Mapping[str, Row]], tasks: int, count: int) -> dict[str, tuple[Entrant, ...]]:
    rows = {name: _overall(name, mine, tasks, count) for name, mine in gathered.items()}
    tracks = {}
    for track in TRACKS:
        mine = [row for row in rows.values() if row.result is not None and row.result.summary.track == track]
        ranked = assign_ranks([row for row in mine if not row.unranked])
        unranked = sorted((row for row in mine if row.unranked), key=lambda row: row.label)
        tracks[str(track)] = tuple(
            Entrant(row.label, gathered[row.label], row) for row in (*ranked, *unranked)
        )  # `label` of these rows is the entrant's id, which is unique
    return tracks


def _overall(name: str, rows: Mapping[str, Row], tasks: int, replications: int) -> Row:
    counted = [row for row in rows.values() if not row.unranked and row.spread is not None]
    draws = np.zeros(replications)
    for row in counted:
        assert row.spread is not None
        draws += np.maximum(row.spread.draws, 0.0)
    draws /= tasks
    low, high = (float(end) for end in interval_of(draws))
    score = sum(max(row.score, 0.0) for row in counted) / tasks
    first = next(iter(rows.values()))
    return Row(
        label=name,
        kind=first.kind,
        score=score,
        low=low,
        high=high,
        mean=0.0,
        std_error=0.0,
        runs=min((row.runs for row in counted), default=0),
        unranked="" if counted else NOT_RANKED,
        status=first.status,
        result=first.result,
        spread=Spread(score, low, high, draws),
    )


def _ids(results: Iterable[Result]) -> dict[tuple[str, str], str]:
    """A name for each entrant: the slug, with a number where different entrants share one."""
    owners: dict[str, dict[tuple[object, ...], list[Result]]] = {}
    for result in results:
        summary = result.summary
        identity: tuple[object, ...] = (summary.track, summary.agent, summary.kind, summary.authors)
        owners.setdefault(result.slug, {}).setdefault(identity, []).append(result)
    taken, ids = set(owners), dict[tuple[str, str], str]()
    for slug in sorted(owners):
        for place, identity in enumerate(sorted(owners[slug], key=str)):
            name, count = slug, 1
            while place and name in taken:
                count += 1
                name = f"{slug}-{count}"
            taken.add(name)
            ids.update({(result.task, slug): name for result in owners[slug][identity]})
    return ids
