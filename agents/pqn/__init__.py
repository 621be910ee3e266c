"""PQN: parallelised Q-network, with and without memory."""
