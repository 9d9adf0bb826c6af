"""The kinds of model snapshots: under these names the store keeps their versions and says which one is active."""

POLICY = "policy"
"""A learned policy."""

RANKER = "ranker"
"""A ranking model."""

PAGE = "page"
"""A page model: examination, click rates of places, and what a prior is worth."""

ALLOCATIONS = "allocations"
"""What allocations are worth, for new queries and for those that were searched before."""

CLICKS = "clicks"
"""How documents fared over all queries."""

CATALOGUE = "catalogue"
"""The statistics of the documents that are searched."""

LEXICON = "lexicon"
"""The values of the metadata of the documents that are searched."""

INTENTS = "intents"
"""A classifier of what queries are after."""
