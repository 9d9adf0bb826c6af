"""Readings of a query as searches: filters, shares of the depth, relaxation, scores."""
