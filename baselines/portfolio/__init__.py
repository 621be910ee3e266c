"""Classical policies for portfolio allocation."""
