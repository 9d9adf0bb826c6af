import threading
from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

from haystack import default_from_dict, default_to_dict, logging
from haystack.core.serialization import component_to_dict

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.intents.classifier import IntentClassifier
from ltrr_haystack.intents.embedding import QueryEmbedder, embedded, require_embedder
from ltrr_haystack.store import INTENTS, ActiveModel, LTRRStore, Snapshot
from ltrr_haystack.types import Understanding
from ltrr_haystack.understanding import normal_form

logger = logging.getLogger(__name__)

LONGEST_TEXT = 1_000
"""Characters of a text that are read."""


class QueryIntents:
    """
    Tells which categories of entities a query is after, by the classifier that is active in the store.

    Until one is trained (`ltrr train-understanding`), understandings stay as they are. A newer one is taken up within
    a second. It is safe under concurrent calls, and a search never fails for it: where an embedder fails, the
    understanding stays as it is, which is logged once until it works again.

    ### Usage example

    ```python
    from haystack.utils import Secret
    from ltrr_haystack import LTRRStore, QueryUnderstanding
    from ltrr_haystack.intents import QueryIntents

    intents = QueryIntents(LTRRStore(Secret.from_env_var("LTRR_STORE_URL")))
    understanding = QueryUnderstanding(annotators=[intents]).run("sad songs")["understanding"]
    understanding.intents  # {'song': 0.8, 'playlist': 0.1, 'album': 0.05}; {} until a classifier is trained
    ```

    In the YAML of a pipeline it is one of the annotators:
    ```yaml
    understanding:
      type: ltrr_haystack.components.query_understanding.QueryUnderstanding
      init_parameters:
        annotators:
          - type: ltrr_haystack.intents.annotator.QueryIntents
            init_parameters:
              store:
                type: ltrr_haystack.store.store.LTRRStore
                init_parameters: {url: {type: env_var, env_vars: [LTRR_STORE_URL], strict: true}}
    ```
    """

    def __init__(
        self,
        store: LTRRStore,
        embedder: QueryEmbedder | None = None,
        top_k: int = 3,
        poll_interval: float = 1.0,
    ) -> None:
        """
        Create a QueryIntents. The store is first read by `warm_up` or the first query.

        :param store: The store with the classifiers.
        :param embedder: A text embedder, such as `MiniLMTextEmbedder`, for classifiers that read sentence embeddings;
            it has to be safe under concurrent calls. Classifiers without them need none.
        :param top_k: How many of the likeliest categories an understanding is given.
        :param poll_interval: Seconds between two looks for a newer classifier; 0 looks each time.
        :raises ConfigurationError: If `top_k` is below 1, `poll_interval` is negative, or the embedder has no `run`.
        """
        if top_k < 1:
            raise ConfigurationError(f"top_k of QueryIntents must be at least 1, got {top_k}")
        if embedder is not None and not callable(getattr(embedder, "run", None)):
            raise ConfigurationError(
                f"embedder of QueryIntents needs a method run(text), {type(embedder).__name__} has none"
            )
        self.store = store
        self.embedder = embedder
        self.top_k = top_k
        self.poll_interval = poll_interval
        self._active: ActiveModel[IntentClassifier | None] = ActiveModel(
            store, INTENTS, load=self._load, default=None, poll_interval=poll_interval
        )
        self._lock = threading.Lock()
        self._failing = False

    def warm_up(self) -> None:
        """Open the store, load the embedder and take up the active classifier."""
        self.store.warm_up()
        self._call_embedder("warm_up")
        self._active.current()

    def close(self) -> None:
        """Release the store and the embedder's resources."""
        self.store.close()
        self._call_embedder("close")

    def annotate(self, understanding: Understanding) -> Understanding:
        """
        Tell an understanding what the query is after.

        :param understanding: What was understood so far.
        :returns: The understanding with the likeliest categories as its intents; the same if no classifier is trained.
        """
        told = self._told(understanding.normal_form)
        return replace(understanding, intents=dict(islice(told.items(), self.top_k))) if told else understanding

    def categories_of(self, text: str) -> Mapping[str, float]:
        """
        Tell which categories a text, such as a document's title, belongs to.

        :param text: Any text; its first 1,000 characters are read.
        :returns: Category → probability, the likeliest first; they sum to 1. Empty if no classifier is trained, or
            nothing in the text is visible.
        """
        form = normal_form(text[:LONGEST_TEXT])
        return self._told(form) if form else {}

    def to_dict(self) -> dict[str, Any]:
        """
        Describe the annotator as Haystack writes it into YAML.

        :returns: `type` and `init_parameters`.
        """
        embedder = None if self.embedder is None else component_to_dict(self.embedder, "embedder")
        return default_to_dict(
            self,
            store=self.store.to_dict(),
            embedder=embedder,
            top_k=self.top_k,
            poll_interval=self.poll_interval,
        )

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "QueryIntents":
        """
        Make the annotator from what `to_dict` gave.

        :param data: The dictionary.
        :returns: The annotator.
        """
        return default_from_dict(cls, data)

    def _load(self, snapshot: Snapshot) -> IntentClassifier:
        classifier = IntentClassifier.from_bytes(snapshot.payload)
        require_embedder(self.embedder, classifier.probe)
        return classifier

    def _told(self, form: str) -> dict[str, float]:
        classifier, _ = self._active.current()
        if classifier is None:
            return {}
        try:
            embedding = None
            if classifier.dimension and self.embedder is not None:
                embedding = embedded(self.embedder, form)
            told = classifier.probabilities(form, embedding)
        except Exception as error:  # noqa: BLE001 (no search fails for want of its intents)
            self._report(error)
            return {}
        self._failing = False
        return told

    def _call_embedder(self, method: str) -> None:
        if hasattr(self.embedder, method):
            getattr(self.embedder, method)()

    def _report(self, error: Exception) -> None:
        with self._lock:
            if not self._failing:
                logger.warning(
                    "Queries get no intents, since the embedder of QueryIntents fails: {error}",
                    error=f"{type(error).__name__}: {error}",
                )
            self._failing = True
