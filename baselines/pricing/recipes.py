"""How the shipped parameters of the pricing models were fitted: `python -m scenarium.baselines.pricing.recipes`.

Three problems differ in customers or menu: the ladder, the interval, and the trap. Drift shares the fit of the ladder,
and limited units that of the interval, since models are fitted on sessions without either. The router comes last: it
routes between the others as they are shipped.
"""

from __future__ import annotations

import argparse
import time

import torch

from scenarium.baselines.pricing.fitted import ship
from scenarium.baselines.pricing.learned import LearnedPricing
from scenarium.baselines.registry import baseline_class
from scenarium.envs.core.registry import make_model

METHODS = ("app_lm", "app_des", "dnn_cl", "monotone_network", "logistic_thompson", "model_router")
PROBLEMS = ("AncillaryPricing-v0", "AncillaryPricing-TwoSided-v0", "AncillaryPricing-Trap-v0")


def main() -> None:
    """Fits the methods that are asked for on every problem and writes their files."""
    parser = argparse.ArgumentParser(description="Fit the pricing models that are shipped.")
    parser.add_argument("methods", nargs="*", default=METHODS, help="all, if none is named")
    torch.set_num_threads(1)
    for name in parser.parse_args().methods:
        made = {}
        for env_id in PROBLEMS:
            start = time.process_time()
            policy = baseline_class(name)(make_model(env_id))
            assert isinstance(policy, LearnedPricing)
            made[policy.key] = policy.fit()
            print(f"{name:20}{env_id:34}{time.process_time() - start:8.1f} CPU-seconds", flush=True)
        print(f"{ship(name, made).name} written")


if __name__ == "__main__":
    main()
