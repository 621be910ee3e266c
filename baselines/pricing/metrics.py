"""Offline metrics of the ancillary pricing papers, for comparison with them; they do not rank policies.

Sources: Shukla et al., "Dynamic pricing for airline ancillaries with customer context" (KDD 2019) and the first
author's thesis of the same title; booking regret from Ye et al., "Customized regression model for Airbnb dynamic
pricing" (KDD 2018).

All of them compare a recommended price R with the price P at which the logged customer did or did not buy. With

    a: R >= P, bought    b: R >= P, not bought    c: R < P, bought    d: R < P, not bought

they are PDR = d / (b + d), PDP = d / (c + d), PIR = a / (a + c), PIP = a / (a + b).

They can be gamed, because none sees what a customer would have done at R. On data logged at the list price a
constant discount of 10 % reaches the perfect PDR of 1 and loses 4 % of revenue, the price that is optimal for every
customer reaches 0.64 and gains 17 %. PDP is close to one minus the conversion of the log, whatever the policy. Use
the exact regret, which the simulator knows, to compare policies (`benchmarks/pricing_baselines.py --offline` prints
both).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from scenarium.envs.core.errors import ScenariumError

Floats = npt.NDArray[np.float64]


class OfflineMetrics(NamedTuple):
    """Scores of recommended prices against a log; NaN where a denominator is zero.

    Attributes:
        decrease_recall: PDR, share of lost sales for which a lower price is recommended.
        decrease_precision: PDP, share of lost sales among the recommended decreases.
        increase_recall: PIR, share of sales for which no lower price is recommended.
        increase_precision: PIP, share of sales among the recommended increases.
        decrease_f1: PDF1, harmonic mean of PDR and PDP.
        booking_regret: Airbnb: median over sales of max(0, (P - R) / P).
        regret_score: RS of the thesis: mean over sales of max(0, 1 - R / P).
    """

    decrease_recall: float
    decrease_precision: float
    increase_recall: float
    increase_precision: float
    decrease_f1: float
    booking_regret: float
    regret_score: float


def offline_metrics(prices: npt.ArrayLike, recommended: npt.ArrayLike, bought: npt.ArrayLike) -> OfflineMetrics:
    """Scores recommended prices against logged sessions.

    Args:
        prices: P, offered [n], > 0.
        recommended: R, what the policy would have offered [n].
        bought: Whether the customer bought [n].

    Raises:
        ScenariumError: Shapes differ, there is nothing to score, or a price is not positive.
    """
    offered, wanted, sold = _checked(prices, recommended, bought)
    raised = wanted >= offered
    a, b = float((raised & sold).sum()), float((raised & ~sold).sum())
    c, d = float((~raised & sold).sum()), float((~raised & ~sold).sum())
    recall, precision = _ratio(d, b + d), _ratio(d, c + d)
    regret = np.maximum(0.0, 1.0 - wanted / offered)[sold]
    return OfflineMetrics(
        decrease_recall=recall,
        decrease_precision=precision,
        increase_recall=_ratio(a, a + c),
        increase_precision=_ratio(a, a + b),
        decrease_f1=_ratio(2.0 * recall * precision, recall + precision),
        booking_regret=float(np.median(regret)) if len(regret) else float("nan"),
        regret_score=float(regret.mean()) if len(regret) else float("nan"),
    )


def auc(scores: npt.ArrayLike, positive: npt.ArrayLike) -> float:
    """Area under the ROC curve: how often a buyer is scored above a non-buyer, ties counting half.

    Args:
        scores: Higher for likelier buyers [n].
        positive: Who bought [n].

    Returns:
        A number in [0, 1], NaN if all bought or none did.
    """
    from scipy.stats import rankdata

    values, yes = np.asarray(scores, dtype=np.float64), np.asarray(positive, dtype=bool)
    buyers, others = int(yes.sum()), int((~yes).sum())
    if not buyers or not others:
        return float("nan")
    return float((rankdata(values)[yes].sum() - buyers * (buyers + 1) / 2.0) / (buyers * others))


def _checked(
    prices: npt.ArrayLike, recommended: npt.ArrayLike, bought: npt.ArrayLike
) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
    offered, wanted = np.asarray(prices, dtype=np.float64), np.asarray(recommended, dtype=np.float64)
    sold = np.asarray(bought, dtype=bool)
    if offered.ndim != 1 or not len(offered) or wanted.shape != offered.shape or sold.shape != offered.shape:
        shapes = f"{offered.shape}, {wanted.shape} and {sold.shape}"
        raise ScenariumError(f"prices, recommended and bought must be [n] alike with n >= 1, got {shapes}")
    if not (np.isfinite(offered).all() and (offered > 0.0).all() and np.isfinite(wanted).all()):
        raise ScenariumError("offered prices must be positive and recommended ones finite")
    return offered, wanted, sold


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
