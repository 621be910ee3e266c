"""Airline ancillary pricing: one offer a booking session, with a closed-form optimum."""
