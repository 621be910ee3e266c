"""Recorded episodes: a format on disk, collectors, and sets of tasks that share their spaces."""
