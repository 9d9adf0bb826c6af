"""The kinds of model snapshots: under these names the store keeps their versions and says which one is active."""

POLICY = "policy"
"""A learned policy."""

RANKER = "ranker"
"""The ranking models."""

CATALOGUE = "catalogue"
"""The statistics of the documents that are searched."""
