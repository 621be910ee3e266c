"""Streaming agents: one transition, one update, nothing stored (Elsayed, Vasan and Mahmood, arXiv 2410.14606)."""
