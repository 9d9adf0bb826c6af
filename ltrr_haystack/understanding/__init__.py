"""What can be said of a query before anything is searched."""

from ltrr_haystack.understanding.annotators import QueryAnnotator
from ltrr_haystack.understanding.normalisation import cleaned, normal_form, tokens_of
from ltrr_haystack.understanding.query_types import query_type

__all__ = ["QueryAnnotator", "cleaned", "normal_form", "query_type", "tokens_of"]
