"""Learning to rank and retrieve for Haystack."""
