"""The named fisheries: the paper's models, its drifting and fluctuating variants, and its side studies.

Names and schedules are those of the published code (github.com/boettiger-lab/approx-model-or-approx-soln). All but the
single-species ones are Model 3 with one thing changed. The abiotic variants have no noise on the species that is
replaced, and an abiotic Y is a part of the environment: it is not fished, and its low tides are no extinction (the
published code would end every episode in year 34).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from scenarium.envs.fishery.dynamics import MODEL_1, MODEL_2, MODEL_3, MODEL_4, Coefficients, Parameters, Trend

_RX_DRIFT = MODEL_4.trends
_WEAK = Coefficients(beta=0.2, c=0.1, c_xy=0.05, alpha=0.05)


def _one_species(beta: float, sigma: float) -> Parameters:
    return replace(MODEL_1, coefficients=MODEL_1.coefficients._replace(beta=beta, sigma_x=sigma))


VARIANTS: Mapping[str, Parameters] = {
    "model_1": MODEL_1,
    "model_1_low_beta": _one_species(0.23, 0.05),
    "model_1_low_beta_high_noise": _one_species(0.23, 0.10),
    "model_2": MODEL_2,
    "model_3": MODEL_3,
    "model_4": MODEL_4,
    "v0_drift": replace(MODEL_3, trends=(Trend("c", slope=-1.0 / 150.0, low=1.0 / 3.0),)),
    # D falls by |D - 1| a century: from 1.1 through 1.0 to 0.9.
    "d_drift": replace(MODEL_3, trends=(Trend("d", slope=-0.1 / 1.1 / 100.0),)),
    "cv_drift": replace(MODEL_3, trends=(Trend("c_xy", slope=1.0 / 100.0, high=2.0),)),
    "k_limit": replace(MODEL_3, competition="capacity"),
    "k_limit_rx_drift": replace(MODEL_3, competition="capacity", trends=_RX_DRIFT),
    "k_fluctuation": replace(MODEL_3, trends=(Trend("k_x", amplitude=0.1),)),
    "coupling_fluctuation": replace(MODEL_3, trends=(Trend("c_squared", amplitude=0.1),)),
    "competition_fluctuation": replace(MODEL_3, trends=(Trend("c_xy", amplitude=0.1),)),
    "y_abiotic": replace(MODEL_2, abiotic="y"),
    "z_abiotic": replace(MODEL_3, abiotic="z"),
    "weak_coupling": replace(MODEL_3, coefficients=_WEAK),
    "weak_coupling_tipping": replace(MODEL_3, coefficients=_WEAK._replace(beta=0.21)),
}
"""Parameters by name."""
