"""`python -m ltrr_haystack.cli`."""

from ltrr_haystack.cli import app

app()
