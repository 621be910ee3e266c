"""What is provably best where the market is simple enough to know.

* `log_optimal`, `log_growth`: independent Gaussian returns without costs, by quadrature.
"""

from scenarium.envs.portfolio.optimum.gaussian import LogOptimum, log_growth, log_optimal

__all__ = ["LogOptimum", "log_growth", "log_optimal"]
