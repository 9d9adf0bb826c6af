"""
Requests and responses of the three pipelines over HTTP.

The annotated types are for the arguments of a wrapper's `run_api`: Hayhooks builds the request's schema from them, and
answers an invalid value with status 422 and the name of the field. The models are the responses.
"""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, model_validator

from ltrr_haystack.feedback import UBIEvent
from ltrr_haystack.ranking.explanation import Explanation
from ltrr_haystack.server.checks import check_json, check_line, check_size, check_visible
from ltrr_haystack.server.closed_requests import Closed
from ltrr_haystack.server.filters import check_filters
from ltrr_haystack.types import Mode, QueryType

LONGEST_QUERY = 1_000
LONGEST_FIELD = 256
MOST_EVENTS = 1_000
VALUES_PER_EVENT = 50
"""Values that the events of one call may have on average, if it has as many events as it may."""

MOST_DOCUMENTS = 1_000
VALUES_PER_DOCUMENT = 100
"""Values that the documents of one call may have on average, if it has as many documents as it may."""

MissingReason = Literal["timeout", "busy", "circuit open", "no result", "failed"]
"""
Why an arm returned nothing: it exceeded its time limit; all of its threads are in use; it failed repeatedly and is
skipped for a while; it is not connected to the joiner; its retriever failed.
"""


FieldName = Annotated[str, Field(min_length=1, max_length=LONGEST_FIELD, pattern=r"^[\w-]+(\.[\w-]+){0,10}$")]


class _Condition(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Equality(_Condition):
    """
    A filter by equality.

    :param field: A metadata field, or `id` or `content`.
    :param operator: The comparison.
    :param value: The value to compare with.
    """

    field: FieldName
    operator: Literal["==", "!="]
    value: str | float | bool


class Order(_Condition):
    """
    A filter by order.

    :param field: A metadata field.
    :param operator: The comparison.
    :param value: The number or date to compare with.
    """

    field: FieldName
    operator: Literal[">", ">=", "<", "<="]
    value: float | date | datetime


class Membership(_Condition):
    """
    A filter by a list of values.

    :param field: A metadata field, or `id` or `content`.
    :param operator: The comparison. `array_contains`: the field holds a list, with every one of the values in it; only
        where the document stores of all arms know it.
    :param value: The values to compare with.
    """

    field: FieldName
    operator: Literal["in", "not in", "array_contains"]
    value: Annotated[list[str | float | bool], Field(min_length=1)]


class Combination(_Condition):
    """
    A combination of filters.

    :param operator: `AND`: all conditions hold; `OR`: at least one holds; `NOT`: not all of them hold.
    :param conditions: The conditions.
    """

    operator: Literal["AND", "OR", "NOT"]
    conditions: Annotated[list["Filter"], Field(min_length=1)]


Filter = Equality | Order | Membership | Combination


class NoFilter(_Condition):
    """No filter, as if it were left out."""


def _number(value: Any) -> Any:
    if isinstance(value, bool | str):
        raise ValueError("expected a whole number")
    return value


def _context(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("expected an object")
    check_json(value, depth=5, values=200, characters=10_000)
    return value


def _metadata(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("expected an object")
    check_json(value, depth=10, values=2_000, characters=100_000)
    if wrong := [name for name in value if not 0 < len(name) <= LONGEST_FIELD]:
        raise ValueError(f"a field's name has 1 to {LONGEST_FIELD} characters, got {len(wrong[0])}")
    return value


def _events(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("expected a list of UBI events")
    # Hayhooks copies the list on the event loop, which fails for much deeper nesting, and takes long for many values.
    # All else is validated event by event.
    check_size(value, depth=50, values=VALUES_PER_EVENT * MOST_EVENTS)
    return value


def _documents(value: Any) -> Any:
    # Each document is validated on the event loop; all of them together must not keep others waiting for long.
    check_size(value, depth=50, values=VALUES_PER_DOCUMENT * MOST_DOCUMENTS)
    return value


# The patterns describe in the schema what the validators check; a failed pattern's own message would not help a caller.
_LINE = {"pattern": r"^[^\x00-\x1f\x7f-\x9f]+$"}
_VISIBLE = {"pattern": r"^[^\x00]*[\p{L}\p{M}\p{N}\p{P}\p{S}][^\x00]*$"}

QueryText = Annotated[
    str, Field(min_length=1, max_length=LONGEST_QUERY, json_schema_extra=_VISIBLE), AfterValidator(check_visible)
]
Identifier = Annotated[str, Field(min_length=1, max_length=256, json_schema_extra=_LINE), AfterValidator(check_line)]
TopK = Annotated[int, Field(ge=1, le=100), BeforeValidator(_number)]
Flag = Annotated[bool, Field(strict=True)]
Context = Annotated[dict[str, Any], PlainValidator(_context, json_schema_input_type=dict[str, Any])]
Filters = Annotated[dict[str, Any] | None, PlainValidator(check_filters, json_schema_input_type=Filter | NoFilter)]
Events = Annotated[
    list[Any],
    PlainValidator(
        _events, json_schema_input_type=Annotated[list[UBIEvent], Field(min_length=1, max_length=MOST_EVENTS)]
    ),
]
Metadata = Annotated[dict[str, Any], PlainValidator(_metadata, json_schema_input_type=dict[str, Any])]


EXPORTED = frozenset({"blob", "score", "embedding", "sparse_embedding"})
"""What Haystack's `Document.to_dict` writes besides; it is accepted, and the pipeline makes its own."""


class DocumentIn(Closed):
    """
    A document to index, also as Haystack's `Document.to_dict` writes it, flat or with `meta`.

    :param id: Its id; derived from its content if left out. A document with the same id is overwritten.
    :param content: Its text.
    :param meta: Its metadata.
    :param blob: Accepted as Haystack exports it, and not kept.
    :param score: Accepted as Haystack exports it, and not kept.
    :param embedding: Accepted as Haystack exports it, and not kept.
    :param sparse_embedding: Accepted as Haystack exports it, and not kept.
    """

    id: Identifier | None = None
    content: Annotated[
        str, Field(min_length=1, max_length=100_000, json_schema_extra=_VISIBLE), AfterValidator(check_visible)
    ]
    meta: Metadata = Field(default_factory=dict)
    blob: Any = Field(None, exclude=True)
    score: Any = Field(None, exclude=True)
    embedding: Any = Field(None, exclude=True)
    sparse_embedding: Any = Field(None, exclude=True)

    @model_validator(mode="before")
    @classmethod
    def _with_flat_metadata(cls, value: Any) -> Any:
        """Haystack exports metadata beside the fields of a document, and all of these fields, whatever they hold."""
        if not isinstance(value, dict) or not value.keys() >= EXPORTED:
            return value
        flat = {name: inner for name, inner in value.items() if name not in cls.model_fields}
        nested = value.get("meta", {})
        if not flat or not isinstance(nested, dict):
            return value
        return {**{name: value[name] for name in value if name not in flat}, "meta": {**nested, **flat}}


Documents = Annotated[list[DocumentIn], Field(min_length=1, max_length=MOST_DOCUMENTS), BeforeValidator(_documents)]


class ArmPlace(BaseModel):
    """
    The rank and score of a document in an arm's result.

    :param rank: Position in the arm's result, from 1.
    :param score: The arm's own score, if it has one.
    """

    rank: int
    score: float | None


class DocumentFound(BaseModel):
    """
    A document of a search's response.

    :param id: Its id, to be sent as `object_id` in feedback events.
    :param content: Its text.
    :param meta: Its metadata.
    :param score: The score by which it was ranked.
    :param arms: The arms that found it.
    """

    id: str
    content: str | None
    meta: dict[str, Any]
    score: float | None
    arms: dict[str, ArmPlace]


class DecisionMade(BaseModel):
    """
    The router's decision.

    :param allocation: Arm → how many candidates it was asked for; 0 if it did not run.
    :param propensity: The probability with which this allocation was chosen.
    :param mode: The router's mode.
    :param policy_version: Version of the policy that decided; 0 before the first version.
    :param safe_start: Whether the safe start holds the policy back, because the log does not show yet that it is worth
        more than the baseline, in reward minus cost.
    :param verdict: How the policy compares with the baseline for queries like this one, separately for reward and cost;
        `null` if no policy was asked.
    """

    allocation: dict[str, int]
    propensity: float
    mode: Mode
    policy_version: int
    safe_start: bool
    verdict: str | None


class ArmMissing(BaseModel):
    """
    An arm that was asked and failed.

    :param arm: Its name.
    :param reason: The kind of failure; the server's log has the details.
    """

    arm: str
    reason: MissingReason


class ReadingClicked(BaseModel):
    """
    What clicks say of a reading.

    :param chosen: Clicks for it, for this query: its documents were chosen where others were looked at.
    :param passed: Clicks against it, for this query: its documents were passed by for others.
    :param kind_chosen: Clicks for readings with the same fields, over all queries.
    :param kind_passed: Clicks against them, over all queries.
    :param multiplier: What these clicks multiply its probability by, before all are scaled to their sum.
    """

    chosen: float
    passed: float
    kind_chosen: float
    kind_passed: float
    multiplier: float


class ReadingExplained(BaseModel):
    """
    One reading of a query.

    :param slots: Metadata field → the catalogue's own value, in the order of the query.
    :param leftover: The text that no slot took.
    :param probability: How likely the reading is, 0 to 1.
    :param filters: The Haystack filters that the structured arm sends for it, as a search takes them, too; empty
        without slots.
    :param clicks: What clicks say of it; left out where they say nothing.
    """

    slots: dict[str, str]
    leftover: str
    probability: float
    filters: dict[str, Any]
    clicks: ReadingClicked | None = None


class UnderstandingExplained(BaseModel):
    """
    What was understood of a query.

    :param normal_form: The key under which the query is remembered.
    :param language: ISO 639-1 code, or `und` where it cannot be told.
    :param query_type: Navigational, topical, broad, or a question.
    :param intents: Intent → probability.
    :param readings: What the query may mean, the likeliest reading first; empty without a lexicon.
    """

    normal_form: str
    language: str
    query_type: QueryType
    intents: dict[str, float]
    readings: list[ReadingExplained]


class SearchAnswer(BaseModel):
    """
    The response to a search. What was understood of the query is left out unless an explanation was asked for.

    :param query_id: The search's id, to be sent in feedback events.
    :param documents: The documents, best first.
    :param decision: The router's decision.
    :param missing_arms: The arms that failed. The documents of the other arms are returned nevertheless.
    :param warnings: Other problems that may affect the page; usually empty.
    :param logged: Whether the search is in the log. If not, feedback on it is rejected.
    :param explanation: Why the page is as it is; left out unless it was asked for.
    :param normal_form: The key under which the query is remembered.
    :param language: ISO 639-1 code, or `und` where it cannot be told.
    :param query_type: Navigational, topical, broad, or a question.
    :param intents: Intent → probability.
    :param readings: What the query may mean, the likeliest reading first; empty without a lexicon.
    """

    query_id: str
    documents: list[DocumentFound]
    decision: DecisionMade
    missing_arms: list[ArmMissing]
    warnings: list[str]
    logged: bool
    explanation: Explanation | None = None
    normal_form: str | None = None
    language: str | None = None
    query_type: QueryType | None = None
    intents: dict[str, float] | None = None
    readings: list[ReadingExplained] | None = None


class EventOutcome(BaseModel):
    """
    The outcome of one event.

    :param status: `accepted`, `duplicate` or `rejected`.
    :param reason: Why it was rejected, or why it is worth nothing.
    """

    status: str
    reason: str | None = None


class FeedbackAnswer(BaseModel):
    """
    The response to feedback; its status is 422 if every event was rejected.

    :param accepted: How many events were added to the log.
    :param duplicate: How many events were in the log already; they count once.
    :param rejected: How many events were rejected.
    :param results: The outcome of each event, in order.
    """

    accepted: int
    duplicate: int
    rejected: int
    results: list[EventOutcome]


class IndexingAnswer(BaseModel):
    """
    The response to indexing.

    :param written: How many documents were written.
    """

    written: int
