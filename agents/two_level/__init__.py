"""Two-level training: workers and planner of the tax game learn together."""
