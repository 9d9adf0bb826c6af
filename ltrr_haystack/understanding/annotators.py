"""The seam for what knows more of a query than its letters: a lexicon, an intent classifier, a spelling corrector."""

from typing import Any, Protocol, runtime_checkable

from ltrr_haystack.types import Understanding


@runtime_checkable
class QueryAnnotator(Protocol):
    """
    Refines what is understood of a query.

    QueryUnderstanding hands its annotators the understanding one after the other. An annotator gives back a refined
    one (`dataclasses.replace(understanding, intents={"artist": 0.8})`), or the same if it has nothing to add. It must
    be safe under concurrent calls. Nested in a pipeline's YAML it needs `to_dict` and `from_dict`; `warm_up` and
    `close` are called where it has them.
    """

    def annotate(self, understanding: Understanding) -> Understanding:
        """
        Refine one understanding.

        :param understanding: What was understood so far.
        :returns: The refined understanding.
        """
        ...

    def to_dict(self) -> dict[str, Any]:
        """
        Turn the annotator into a dictionary for a pipeline file.

        :returns: `type` and `init_parameters`.
        """
        ...
