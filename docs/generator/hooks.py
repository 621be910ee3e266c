"""Hooks of the site: what is generated, and what is changed, when `make docs` builds it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from pages import agents, board, environments, mathml, media, reference, tutorials

ROOT = Path(__file__).resolve().parents[2]
MEDIA = ROOT / "build" / "media"
TUTORIALS = sorted((ROOT / "examples" / "tutorials").glob("*.py"))
CLIENTS = sorted((ROOT / "examples" / "clients").glob("*.py"))
COPIED = {
    "README.md": "index.md", "CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md",
    "leaderboard/README.md": "submitting.md",
}  # fmt: skip
"""Texts of the repository that are pages of the site."""
_LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)\)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Fills the navigation with the generated pages."""
    families: dict[str, list[dict[str, str]]] = {}
    for path, _, entry in environments.pages():
        families.setdefault(environments.FAMILIES[entry.family], []).append({entry.id: path})
    nav: list[dict[str, Any]] = config.nav or []
    _section(nav, "Environments").extend({title: pages} for title, pages in families.items())
    _section(nav, "Tutorials").extend({tutorials.title(s): f"tutorials/{s.stem}.md"} for s in TUTORIALS)
    titles = [{title: f"reference/{name}.md"} for name, (title, _) in reference.GROUPS.items()]
    _section(nav, "Reference")[1:1] = titles
    return config


def _section(nav: list[dict[str, Any]], title: str) -> list[Any]:
    found: list[Any] = next(entry[title] for entry in nav if title in entry)
    return found


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Adds the generated pages and pictures."""
    texts = {path: _linked((ROOT / source).read_text(encoding="utf-8")) for source, path in COPIED.items()}
    texts |= {"environments/index.md": environments.index(), "tutorials/index.md": tutorials.index(TUTORIALS)}
    texts |= {f"tutorials/{script.stem}.md": tutorials.page(script) for script in TUTORIALS}
    texts |= reference.pages() | {"clients.md": tutorials.clients(CLIENTS)}
    drawn = os.environ.get("SCENARIUM_DOCS_MEDIA", "1") != "0"
    for path, text, entry in environments.pages():
        texts[path] = text if drawn else re.sub(r"^!\[.*$", "", text, flags=re.MULTILINE)
        if drawn:
            target = str(Path(path).parent / "media" / f"{entry.id}.webp")
            files.append(File.generated(config, target, abs_src_path=str(media.animation(entry, MEDIA))))
    for path, text in texts.items():
        files.append(File.generated(config, path, content=text))
    for page, html in board.pages().items():
        files.append(File.generated(config, f"board/{page}", content=html))
    for name in sorted({name for source in COPIED for name in _named(source)}):
        files.append(File.generated(config, f"files/{name}", abs_src_path=str(ROOT / name)))
    return files


def _named(source: str) -> list[str]:
    """The files that one of the repository's texts links to and that are neither pages nor in docs."""
    names = _LINK.findall((ROOT / source).read_text(encoding="utf-8"))
    return [name for name in names if name not in COPIED and not name.startswith("docs/") and (ROOT / name).is_file()]


def _linked(text: str) -> str:
    """A text of the repository's root with its links turned into links within the site."""
    return _LINK.sub(lambda link: f"]({_place(link[1])})", text)


def _place(name: str) -> str:
    if name.startswith("docs/"):
        return name.removeprefix("docs/")
    return COPIED.get(name, f"files/{name}")


def on_page_markdown(markdown: str, **kwargs: Any) -> str:
    """Tables of settings and presets where a page asks for them."""
    return agents.expand(markdown.replace("<!-- agents -->", agents.overview()))


def on_page_content(html: str, **kwargs: Any) -> str:
    """Formulas as MathML."""
    return mathml.render(html)
