"""Serving pipelines over HTTP, on Hayhooks."""
