"""The memory index: what worked before, query by query."""
