"""Pricing policies: rules of practitioners, the models of the ancillary pricing papers, and online learners."""
