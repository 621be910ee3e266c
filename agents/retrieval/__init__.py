"""Q-learning from replay, with and without memory, with and without retrieval of recorded trajectories."""
