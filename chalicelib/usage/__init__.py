"""Usage: events in, exact quantities out."""
