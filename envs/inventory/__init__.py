"""Inventory networks: one general graph model and the problem classes of the literature as configurations."""
