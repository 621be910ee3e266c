"""Long tables from CSV (also .csv.gz), Parquet, folders of them, and data frames, as plain NumPy columns.

Relative paths are those of the folder that the environment variable ``SCENARIUM_DATA`` names, or of the working folder
where it is not set. CSV needs nothing beyond Python; Parquet needs the extra "data".
"""

from __future__ import annotations

import csv
import gzip
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.portfolio.calendar import day_number
from scenarium.envs.portfolio.data.columns import DATES as BAR_DATES
from scenarium.envs.portfolio.data.columns import FIELDS, NEEDED, TEXTS, Columns

VARIABLE = "SCENARIUM_DATA"
"""Environment variable: the folder that relative paths start from."""
NO_DAY = np.iinfo(np.int32).min
"""In place of a date that is missing or cannot be read."""
DATES = (*BAR_DATES, "start", "end")
_AT_ONCE = 100_000  # rows converted together, so that a large file is never held as text
_ENDINGS = (".csv", ".csv.gz", ".parquet")
_EMPTY = {"", "nan", "none", "null", "nat", "na", "n/a", "--", "-"}


@dataclass(frozen=True)
class _Form:
    """What to look for in a file: fields, those that must be there, and the symbol of a file without that column."""

    columns: Columns
    fields: tuple[str, ...] = FIELDS
    needed: tuple[str, ...] = (*NEEDED, "symbol")
    symbol: str | None = None

    def of(self, symbol: str) -> _Form:
        """For the file of one symbol."""
        return replace(self, symbol=symbol, needed=tuple(what for what in self.needed if what != "symbol"))


@dataclass
class Table:
    """Rows of one or several files, by field.

    Attributes:
        cells: Of the fields there are: float64 numbers (NaN where there is none), int32 days, or text, each [n].
        unread: Text that is neither empty nor what its field should be, by (row, field).
        parts: Where rows come from: first row, file and what it counts, number of that row.
        must: Text of the columns that must hold a value, by the file's name for them.
    """

    cells: dict[str, npt.NDArray[Any]] = field(default_factory=dict)
    unread: dict[tuple[int, str], str] = field(default_factory=dict)
    parts: list[tuple[int, str, int]] = field(default_factory=list)
    must: dict[str, npt.NDArray[Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(next(iter(self.cells.values()))) if self.cells else 0

    def place(self, row: int) -> str:
        """Where a row stands: "prices.csv, line 17" (the header is line 1), or "prices.parquet, row 16"."""
        first, file, number = next(part for part in reversed(self.parts) if part[0] <= row)
        return f"{file} {number + row - first}"


def resolve(path: str | Path) -> Path:
    """The file or folder a path means; see the first lines of this module.

    Raises:
        ScenariumError: There is none.
    """
    root, given = os.environ.get(VARIABLE, ""), Path(path).expanduser()
    found = Path(root).expanduser() / given if root else given
    if not found.exists():
        hint = f"{VARIABLE} is {root}" if root else f"relative paths start from {VARIABLE}, which is not set"
        raise ScenariumError(f"there is no {found} ({hint})")
    return found


def read_table(source: Any, columns: Columns) -> Table:
    """Reads a long table: a row per date and symbol.

    Args:
        source: Path of a .csv, .csv.gz or .parquet file, or of a folder of them (a file without a symbol column is
            named by its symbol); or a pandas data frame.
        columns: What the columns mean.

    Raises:
        ScenariumError: There is no such file, or it is not a table with the needed columns.
    """
    return _read(source, _Form(columns))


def read_plain(source: Any, fields: Sequence[str]) -> Table:
    """Reads a table whose columns are named as they are here: "symbol" is text, names in close are numbers.

    Args:
        source: As for `read_table`, no folder.
        fields: Columns that must be there; "date", "start" and "end" are days, "close" is a number.
    """
    return _read(source, _Form(Columns(), tuple(fields), tuple(fields)))


def _read(source: Any, form: _Form) -> Table:
    if not isinstance(source, (str, Path)) and not hasattr(source, "iloc"):
        raise ScenariumError(f"{source!r} is no table; give a path or a pandas data frame")
    if hasattr(source, "iloc"):
        return _joined([_frame(source, "the data frame", form)])
    path = resolve(source)
    if path.is_dir():
        files = sorted(one for one in path.iterdir() if one.name.endswith(_ENDINGS))
        if not files:
            raise ScenariumError(f"{path} holds no {', '.join(_ENDINGS)} file")
        return _joined([_file(one, form.of(one.name.split(".")[0])) for one in files])
    return _joined([_file(path, form)])


def _file(path: Path, form: _Form) -> Table:
    if not path.name.endswith(_ENDINGS):
        raise ScenariumError(f"{path} is none of {', '.join(_ENDINGS)}")
    if path.name.endswith(".parquet"):
        try:
            import pandas
            import pyarrow  # noqa: F401
        except ImportError:
            raise ScenariumError(f"{path.name} needs pandas and pyarrow: pip install 'scenarium[data]'") from None
        try:
            frame = pandas.read_parquet(path)
        except (OSError, ValueError) as error:
            raise ScenariumError(f"{path} cannot be read: {error}") from None
        return _frame(frame, path.name, form)
    text = _text(path)
    return _joined(list(_chunks(csv.reader(text), path.name, form)))


def _text(path: Path) -> io.StringIO:
    """The text of a CSV file: UTF-8, or the encoding of Chinese spreadsheets."""
    try:
        raw = gzip.decompress(path.read_bytes()) if path.name.endswith(".gz") else path.read_bytes()
    except (OSError, EOFError) as error:
        raise ScenariumError(f"{path} cannot be read: {error}") from None
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return io.StringIO(raw.decode(encoding), newline="")
        except UnicodeDecodeError:
            continue
    raise ScenariumError(f"{path} is neither UTF-8 nor GB 18030 text; save it as UTF-8")


def _chunks(rows: Iterator[list[str]], file: str, form: _Form) -> Iterator[Table]:
    header = [name.strip() for name in next(rows, [])]
    wanted, line = _wanted(header, file, form), 2
    while block := list(islice(rows, _AT_ONCE)):
        width = len(header)
        for number, row in enumerate(block):
            if len(row) != width:
                raise ScenariumError(
                    f"{file}, line {line + number}: {len(row)} cells, the header has {width}; give every row {width}"
                )
        yield _table({name: [row[i] for row in block] for name, i in wanted.items()}, f"{file}, line", line, form)
        line += len(block)


def _wanted(header: Sequence[str], file: str, form: _Form) -> dict[str, int]:
    """Positions of the columns to be read, by field, and by the file's name for those that must hold a value."""
    repeated = sorted({name for name in header if header.count(name) > 1})
    if repeated:
        raise ScenariumError(f"{file}: the column {repeated[0]!r} occurs twice; name each once")
    places = {name: i for i, name in enumerate(header)}
    columns = form.columns
    wanted = {what: places[columns.name_of(what)] for what in form.fields if columns.name_of(what) in places}
    missing = [columns.name_of(what) for what in form.needed if what not in wanted]
    if missing:
        raise ScenariumError(
            f"{file} has no column {', '.join(missing)}; it has {', '.join(header) or 'none'}. "
            "Say what they are called with columns={'close': 'Close', ...} or a preset"
        )
    return wanted | {f"must {name}": places[name] for name in columns.must if name in places}


def _frame(frame: Any, file: str, form: _Form) -> Table:
    header = [str(name) for name in frame.columns]
    wanted = _wanted(header, file, form)
    cells = {name: _series(frame.iloc[:, i]) for name, i in wanted.items()}
    return _table(cells, f"{file}, row", 1, form)


def _series(series: Any) -> Any:
    """A column of a data frame: an array of numbers or days, or a list of text."""
    kind = str(series.dtype)
    if kind == "float32":  # 35.7, not 35.700001: the number that was meant
        return np.array([float(str(one)) for one in series.to_numpy()])
    if kind.startswith("datetime64"):
        days = series.to_numpy().astype("datetime64[D]")
        return np.where(np.isnat(days), NO_DAY, days.astype(np.int64)).astype(np.int32)
    if kind.startswith(("float", "int", "uint", "bool")):
        return series.to_numpy()
    return ["" if missing else str(one) for one, missing in zip(series.tolist(), series.isna().tolist())]


def _table(cells: Mapping[str, Any], file: str, line: int, form: _Form) -> Table:
    table = Table(parts=[(0, file, line)])
    for name, values in cells.items():
        if name.startswith("must "):
            table.must[name.removeprefix("must ")] = np.array([str(one).strip() for one in values])
        elif name in DATES:
            table.cells[name] = _days(values, name, table.unread)
        elif name in TEXTS:
            table.cells[name] = np.array([str(one).strip() for one in values])
        else:
            table.cells[name] = _numbers(values, name, table.unread)
    if "symbol" not in table.cells and form.symbol is not None:
        table.cells["symbol"] = np.full(len(table), form.symbol)
    return table


def _numbers(values: Any, name: str, unread: dict[tuple[int, str], str]) -> npt.NDArray[np.float64]:
    try:
        return np.asarray(values, dtype=np.float64)
    except ValueError:
        pass
    numbers = np.full(len(values), np.nan)
    for row, text in enumerate(values):
        if text.strip().lower() in _EMPTY:
            continue
        try:
            numbers[row] = float(text)
        except ValueError:
            truth = {"true": 1.0, "false": 0.0}.get(text.strip().lower())
            if truth is None:
                unread[row, name] = text
            else:
                numbers[row] = truth
    return numbers


def _days(values: Any, name: str, unread: dict[tuple[int, str], str]) -> npt.NDArray[np.int32]:
    if isinstance(values, np.ndarray) and values.dtype == np.int32 and (values < 1_000_000).all():
        return values  # days already, not 20230828
    known: dict[str, int] = {}
    days = np.full(len(values), NO_DAY, np.int32)
    for row, one in enumerate(values):
        text = str(one).strip()
        if text not in known:
            known[text] = _day(text)
        days[row] = known[text]
        if days[row] == NO_DAY and text.lower() not in _EMPTY:
            unread[row, name] = text
    return days


def _day(text: str) -> int:
    """The day of 2023-08-28, 2023/8/28 or 20230828, also with midnight behind it; `NO_DAY` if it is none."""
    head = text.split(" ")[0].split("T")[0].removesuffix(".0").replace("/", "-")
    if len(head) == 8 and head.isdigit():
        head = f"{head[:4]}-{head[4:6]}-{head[6:]}"
    try:
        year, month, day = (int(part) for part in head.split("-"))
        return day_number(date(year, month, day).isoformat())
    except ValueError:
        return NO_DAY


def _joined(tables: list[Table]) -> Table:
    """Several tables as one; a column that some files lack is empty there."""
    if not any(len(table) for table in tables):
        raise ScenariumError("the table has no rows; give it one per date and symbol")
    if len(tables) == 1:
        return tables[0]
    whole, row = Table(), 0
    names = dict.fromkeys(name for table in tables for name in table.cells)
    for table in tables:
        whole.parts += [(first + row, file, line) for first, file, line in table.parts]
        whole.unread |= {(at + row, name): text for (at, name), text in table.unread.items()}
        row += len(table)
    for name in names:
        empty: Any = np.int32(NO_DAY) if name in DATES else "" if name in TEXTS else np.nan
        parts = [one.cells.get(name, np.full(len(one), empty)) for one in tables]
        whole.cells[name] = np.concatenate(parts)
    for name in {name for table in tables for name in table.must}:
        whole.must[name] = np.concatenate([one.must.get(name, np.full(len(one), "")) for one in tables])
    return whole
