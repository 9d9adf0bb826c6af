"""Readings of a query: which of the catalogue's values its words name, and how likely each reading is."""
