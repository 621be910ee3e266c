"""Classical and computed harvest policies for the fishery."""
