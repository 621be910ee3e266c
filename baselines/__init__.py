"""Baselines: the classical policies of each family, and runners for Stable-Baselines3."""
