"""Lists the packages; everything else is in pyproject.toml."""

from pathlib import Path

from setuptools import setup

folders = ("envs", "agents", "baselines", "leaderboard")
inits = sorted(init for folder in folders for init in Path(folder).rglob("__init__.py"))

setup(packages=["scenarium", *(".".join(("scenarium", *init.parent.parts)) for init in inits)])
