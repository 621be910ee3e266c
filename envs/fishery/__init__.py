"""Fishery control: harvest interacting stocks for two centuries without driving any of them to near-extinction."""
