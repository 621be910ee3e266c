"""What is in a file of prices, and what is wrong with it.

`python -m scenarium.envs.portfolio.data prices.csv --columns tushare [--index FILE] [--membership FILE] [--drop]`
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Sequence

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.portfolio.data.build import read_panel


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line of this package; see its first lines."""
    parser = argparse.ArgumentParser(description="What is in a file of prices, and what is wrong with it.")
    parser.add_argument("path", help="CSV, .csv.gz, Parquet, or a folder of them")
    parser.add_argument("--columns", default="canonical", help="what its columns mean: a preset")
    parser.add_argument("--index", help="closes of the index: a table with the columns date and close")
    parser.add_argument("--membership", help="intervals: a table with the columns symbol, start and end")
    parser.add_argument("--drop", action="store_true", help="leave wrong rows out instead of refusing the file")
    asked = parser.parse_args(arguments)
    dirty = "drop" if asked.drop else "refuse"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # dropped rows are listed below
            panel = read_panel(asked.path, asked.columns, index=asked.index, membership=asked.membership, dirty=dirty)
    except ScenariumError as error:
        raise SystemExit(str(error)) from None
    print(panel.describe())


if __name__ == "__main__":
    main()
