"""Pages of the leaderboard: templates, and the parts that every page has.

Everything a submission says is escaped, links are http or https only, and a content security policy allows one script,
by its hash, so that an entry cannot run code in a reader's browser. Nothing is loaded from elsewhere.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import resources
from pathlib import Path

import jinja2
from markupsafe import Markup

from scenarium.envs.core.files import write_atomic
from scenarium.leaderboard.bootstrap import REPLICATIONS
from scenarium.leaderboard.drawing import AXIS, interval_bar
from scenarium.leaderboard.ranking import Row
from scenarium.leaderboard.schema import Result, Task, Value
from scenarium.leaderboard.store import BrokenFile
from scenarium.leaderboard.texts import Quantity, counted, number, quantity, short

__all__ = [
    "AXIS",
    "REPLICATIONS",
    "environment",
    "interval_bar",
    "number",
    "quantity",
    "render_page",
    "write_page",
]

TRACK_TEXTS = {
    "known-model": "The agent may use the model itself: gradients through it, or dynamic programming.",
    "model-free": "The agent sees samples only: observations, rewards and ends of episodes.",
}


def render_page(
    tasks: Mapping[str, Task],
    results: Iterable[Result],
    *,
    broken: Sequence[BrokenFile] = (),
    title: str = "Scenarium leaderboard",
    replications: int = REPLICATIONS,
) -> str:
    """Render the first page alone, the board over all tasks; its links lead to pages that `render_site` gives.

    Args:
        tasks: Tasks by name, in the order in which they are shown.
        results: Results in any order; those of unknown tasks are listed as left out.
        broken: Result files that could not be read, listed as left out.
        title: Heading of the page.
        replications: Bootstrap samples behind each interval.

    Returns:
        A complete HTML document; the same input gives the same text.
    """
    from scenarium.leaderboard.site import render_site

    return dict(render_site(tasks, results, broken=broken, title=title, replications=replications))["index.html"]


def write_page(path: str | os.PathLike[str], html: str) -> Path:
    """Write a rendered page in one piece and return its path."""
    return write_atomic(path, html)


@cache
def script() -> Markup:
    """The one script of the pages: sorting, filtering and tabs. Pages are complete without it."""
    text = resources.files("scenarium.leaderboard").joinpath("templates/site.js").read_text(encoding="utf-8")
    return Markup(text.strip())


@cache
def script_hash() -> str:
    """What a content security policy calls the script."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script().encode("utf-8")).digest()).decode("ascii")


@cache
def environment() -> jinja2.Environment:
    """The templates of this package, with everything escaped that is not marked as safe."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("scenarium.leaderboard", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    environment.filters.update(number=number, short=short, counted=counted)
    environment.globals.update(
        interval_bar=interval_bar,
        quantity=_row_quantity,
        heat=heat,
        placed=placed,
        script=script,
        script_hash=script_hash,
        track_texts=TRACK_TEXTS,
    )
    return environment


def heat(score: float) -> str:
    """Class of a cell's colour: ``n`` below the floor, then 0 to 4, and 5 from the reference on."""
    if score < 0:
        return "n"
    return str(min(5, int(score * 5)))


def placed(score: float) -> str:
    """Place of a score on the axis, in per cent from the left."""
    share = (min(max(score, AXIS[0]), AXIS[1]) - AXIS[0]) / (AXIS[1] - AXIS[0])
    return f"{100 * share:.0f}"


def _row_quantity(item: Row | Value) -> Quantity:
    return quantity(item.mean, item.std_error)
