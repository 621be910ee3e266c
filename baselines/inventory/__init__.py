"""Classical inventory policies."""
