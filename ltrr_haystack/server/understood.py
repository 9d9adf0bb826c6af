"""What was understood of a query, for whoever asks why a page is as it is."""

from haystack import Pipeline

from ltrr_haystack.catalogue import Lexicon
from ltrr_haystack.components.query_understanding import QueryUnderstanding
from ltrr_haystack.components.retrieval_arm import RetrievalArm
from ltrr_haystack.components.structured_retriever import StructuredRetriever
from ltrr_haystack.filtering import CONTAINS
from ltrr_haystack.readings.annotator import CatalogueReadings
from ltrr_haystack.readings.evidence import ReadingEvidence
from ltrr_haystack.server.schemas import ReadingClicked, ReadingExplained, UnderstandingExplained
from ltrr_haystack.structured.filters import filters_of
from ltrr_haystack.structured.stores import list_operator_of
from ltrr_haystack.types import Understanding


def understood(understanding: Understanding, pipeline: Pipeline | None = None) -> UnderstandingExplained:
    """
    Say what was understood of a query.

    :param understanding: The understanding.
    :param pipeline: The search pipeline, whose lexicon and structured arm determine the filters, and in whose store
        the clicks on readings are; without it the filters are what the readings alone say, and clicks are left out.
    :returns: What was understood, with the filters that each reading stands for, and what clicks say of it.
    """
    lexicon = None if pipeline is None else lexicon_of(pipeline)
    structured = None if pipeline is None else _structured(pipeline)
    lists = CONTAINS if structured is None else list_operator_of(structured)
    tags = None if structured is None else structured.tags
    clicks = {} if pipeline is None else _clicks(understanding, pipeline)
    return UnderstandingExplained(
        normal_form=understanding.normal_form,
        language=understanding.language,
        query_type=understanding.query_type,
        intents=dict(understanding.intents),
        readings=[
            ReadingExplained(
                slots=dict(reading.slots),
                leftover=reading.leftover,
                probability=reading.probability,
                filters=filters_of(reading, lexicon, lists=lists, tags=tags),
                **({"clicks": clicks[place]} if place in clicks else {}),
            )
            for place, reading in enumerate(understanding.interpretations)
        ],
    )


def annotators_of(pipeline: Pipeline) -> list[CatalogueReadings]:
    """
    Find what reads the queries of a pipeline by its catalogue.

    :param pipeline: The pipeline.
    :returns: The annotators of its components.
    """
    parts = [part for _, part in pipeline.walk() if isinstance(part, QueryUnderstanding)]
    return [each for part in parts for each in part.annotators or () if isinstance(each, CatalogueReadings)]


def lexicon_of(pipeline: Pipeline) -> Lexicon | None:
    """
    Find the lexicon that the queries of a pipeline are read by.

    :param pipeline: The pipeline.
    :returns: The lexicon at hand; `None` if there is none.
    """
    return next((each.lexicon for each in annotators_of(pipeline) if each.lexicon is not None), None)


def _clicks(understanding: Understanding, pipeline: Pipeline) -> dict[int, ReadingClicked]:
    """Place of a reading → what clicks say of it, for those of which they say something."""
    for annotator in annotators_of(pipeline)[:1]:
        evidence = ReadingEvidence(annotator.store)
        support = evidence.support(understanding.normal_form, understanding.interpretations)
        return {
            place: ReadingClicked.model_validate(each, from_attributes=True)
            for place, each in enumerate(support)
            if each.chosen or each.passed or each.kind_chosen or each.kind_passed
        }
    return {}


def _structured(pipeline: Pipeline) -> StructuredRetriever | None:
    parts = [part.retriever if isinstance(part, RetrievalArm) else part for _, part in pipeline.walk()]
    return next((part for part in parts if isinstance(part, StructuredRetriever)), None)
