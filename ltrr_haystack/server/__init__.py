"""Serves pipelines over HTTP with Hayhooks."""
