"""Real prices for the portfolio family: from files to a panel to worlds.

``read_panel`` reads a long table of daily bars (a row per date and symbol) from CSV, Parquet or a data frame; `columns`
says what its columns mean, `checks` what a row must be, `panel` what comes of it, `splits` how train, validation and
test days are kept apart, and `worlds` how a seed becomes an episode. ``PortfolioAllocationData-v0`` plays the result.
"""

from scenarium.envs.portfolio.data.build import panel_of, read_panel
from scenarium.envs.portfolio.data.columns import PRESETS, Columns
from scenarium.envs.portfolio.data.panel import Panel

__all__ = ["PRESETS", "Columns", "Panel", "panel_of", "read_panel"]
