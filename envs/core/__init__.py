"""The contract of a scenario problem, and what every family uses."""
