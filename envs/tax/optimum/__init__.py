"""The best schedules that are known, by search, and the schedules economists recommend."""
