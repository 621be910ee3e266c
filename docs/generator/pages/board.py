"""The leaderboard inside the site: the published results, rendered by the leaderboard's own pages."""

from __future__ import annotations


def pages() -> dict[str, str]:
    """Every page of the published board by its path below the board's folder."""
    from scenarium.leaderboard.collection import PUBLISHED, Collection
    from scenarium.leaderboard.site import render_site
    from scenarium.leaderboard.tasks import load_tasks

    found = Collection([PUBLISHED])
    return dict(render_site(load_tasks(), found.results, manifests=found.manifest, broken=found.broken))
