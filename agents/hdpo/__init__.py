"""Hindsight differentiable policy optimisation: gradients of the cost through the model itself."""
