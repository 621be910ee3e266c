"""The two-level tax game of the AI Economist: workers gather, trade and build; a planner sets income taxes."""
