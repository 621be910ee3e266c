"""The registered pricing problems, as factories.

Every one takes `base_conversion` (the share of sessions that buy at list price: 0.10 is the calibration to the
published online test, exactly 10.04 %; 0.05 and 0.20 halve and double it) and `informativeness` (the share of the
variance of the willingness to pay that the context explains; 0.75).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.pricing.capacity import CapacityPricing
from scenarium.envs.pricing.demand import Demand, Segment
from scenarium.envs.pricing.drifting import DriftPricing
from scenarium.envs.pricing.model import AncillaryPricing
from scenarium.envs.pricing.products import MultiProductPricing

CALIBRATED = Demand()
"""Two segments, as calibrated to the published online test."""
TRAP = Demand(insensitive=Segment(1.0, 0.0, 0.15, 0.15, 1.5), share=1.0)
"""One willingness to pay for all and needs that differ widely: the best price is the same in every session."""


def ground_truth(base: Demand, base_conversion: float, informativeness: float) -> Demand:
    """The demand of these settings.

    Raises:
        ScenariumError: A setting is out of range.
    """
    from scenarium.envs.pricing.calibration import with_conversion

    if not isinstance(base_conversion, (int, float)) or not 0.0 < base_conversion < 1.0:
        raise ScenariumError(f"base_conversion {base_conversion} must be between 0 and 1, such as 0.05, 0.1 or 0.2")
    return with_conversion(replace(base, informativeness=float(informativeness)), float(base_conversion))


def ancillary_pricing(base_conversion: float = 0.10, informativeness: float = 0.75, **options: Any) -> AncillaryPricing:
    """Discounts only, on a ladder of nine prices from 20 % to 100 % of the list price."""
    return AncillaryPricing(ground_truth(CALIBRATED, base_conversion, informativeness), **options)


def two_sided(base_conversion: float = 0.10, informativeness: float = 0.75, **options: Any) -> AncillaryPricing:
    """Any price from 20 % to 150 % of the list price."""
    options = {"ladder": None, "legal": (0.2, 1.5), **options}
    return AncillaryPricing(ground_truth(CALIBRATED, base_conversion, informativeness), **options)


def capacity(base_conversion: float = 0.10, informativeness: float = 0.75, **options: Any) -> CapacityPricing:
    """Twelve units for 180 sessions, any price from 20 % to 150 % of the list price."""
    return CapacityPricing(ground_truth(CALIBRATED, base_conversion, informativeness), **options)


def drifting(base_conversion: float = 0.10, informativeness: float = 0.75, **options: Any) -> DriftPricing:
    """The ladder while the willingness to pay drifts slowly, shifts once, and moves with the weekday."""
    return DriftPricing(ground_truth(CALIBRATED, base_conversion, informativeness), **options)


def multi_product(base_conversion: float = 0.10, informativeness: float = 0.75, **options: Any) -> MultiProductPricing:
    """A bag, a seat and priority boarding, one of which a customer may take."""
    return MultiProductPricing(ground_truth(CALIBRATED, base_conversion, informativeness), **options)


def trap(base_conversion: float = 0.10, informativeness: float = 0.75, **options: Any) -> AncillaryPricing:
    """The ladder where the propensity to buy tells nothing about the best price, which is the same for everybody."""
    return AncillaryPricing(ground_truth(TRAP, base_conversion, informativeness), **options)
