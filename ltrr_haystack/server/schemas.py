"""
What the three pipelines take and answer over HTTP.

The annotated types are for the arguments of a wrapper's `run_api`: Hayhooks makes the request's schema from them, and a
caller's mistake becomes an answer of status 422 that names the field. The models are what is answered.
"""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, PlainValidator

from ltrr_haystack.feedback import UBIEvent
from ltrr_haystack.server.checks import check_depth, check_json, check_line, check_visible
from ltrr_haystack.server.filters import check_filters
from ltrr_haystack.types import Mode

LONGEST_QUERY = 1_000
MOST_EVENTS = 1_000
MOST_DOCUMENTS = 1_000

MissingReason = Literal["timeout", "busy", "circuit open", "no result", "failed"]
"""
Why an arm brought nothing: it overran its time; too many of its calls hang or wait; it has failed again and again and
is left alone for a while; it is not connected; its retriever failed.
"""


FieldName = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[\w-]+(\.[\w-]+){0,10}$")]


class Equality(BaseModel):
    """
    A filter on what a field is.

    :param field: A field of the metadata, or `id` or `content`.
    :param operator: How it is compared.
    :param value: With what.
    """

    field: FieldName
    operator: Literal["==", "!="]
    value: str | float | bool


class Order(BaseModel):
    """
    A filter on what a field is more or less than.

    :param field: A field of the metadata.
    :param operator: How it is compared.
    :param value: With what.
    """

    field: FieldName
    operator: Literal[">", ">=", "<", "<="]
    value: float | date | datetime


class Membership(BaseModel):
    """
    A filter on what a field is among.

    :param field: A field of the metadata, or `id` or `content`.
    :param operator: How it is compared.
    :param value: With what.
    """

    field: FieldName
    operator: Literal["in", "not in"]
    value: Annotated[list[str | float | bool], Field(min_length=1)]


class Combination(BaseModel):
    """
    Filters that hold together.

    :param operator: Whether all of them, one of them, or not all of them hold.
    :param conditions: The filters.
    """

    operator: Literal["AND", "OR", "NOT"]
    conditions: Annotated[list["Filter"], Field(min_length=1)]


Filter = Equality | Order | Membership | Combination


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
    return value


def _events(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("expected a list of UBI events")
    # The list is copied on its way; what is deeper than that could not be. Everything else is judged event by event.
    check_depth(value, 50)
    return value


# The schema's patterns say what the validators check; their own messages would not help a caller.
_LINE = {"pattern": r"^[^\x00-\x1f\x7f-\x9f]+$"}
_VISIBLE = {"pattern": r"^[^\x00]*[\p{L}\p{M}\p{N}\p{P}\p{S}][^\x00]*$"}

QueryText = Annotated[
    str, Field(min_length=1, max_length=LONGEST_QUERY, json_schema_extra=_VISIBLE), AfterValidator(check_visible)
]
Identifier = Annotated[str, Field(min_length=1, max_length=256, json_schema_extra=_LINE), AfterValidator(check_line)]
TopK = Annotated[int, Field(ge=1, le=100), BeforeValidator(_number)]
Context = Annotated[dict[str, Any], PlainValidator(_context, json_schema_input_type=dict[str, Any])]
Filters = Annotated[dict[str, Any], PlainValidator(check_filters, json_schema_input_type=Filter)]
Events = Annotated[
    list[Any],
    PlainValidator(
        _events, json_schema_input_type=Annotated[list[UBIEvent], Field(min_length=1, max_length=MOST_EVENTS)]
    ),
]
Metadata = Annotated[dict[str, Any], PlainValidator(_metadata, json_schema_input_type=dict[str, Any])]


class DocumentIn(BaseModel):
    """
    A document to be indexed.

    :param id: Its id; made from its content if left out. A document of the same id is overwritten.
    :param content: Its text.
    :param meta: Its metadata.
    """

    id: Identifier | None = None
    content: Annotated[
        str, Field(min_length=1, max_length=100_000, json_schema_extra=_VISIBLE), AfterValidator(check_visible)
    ]
    meta: Metadata = Field(default_factory=dict)


Documents = Annotated[list[DocumentIn], Field(min_length=1, max_length=MOST_DOCUMENTS)]


class ArmPlace(BaseModel):
    """
    Where an arm had a document.

    :param rank: Position in the arm's result, from 1.
    :param score: The arm's own score, if it gave one.
    """

    rank: int
    score: float | None


class DocumentFound(BaseModel):
    """
    A document of the answer.

    :param id: What feedback calls it: the `object_id` of its events.
    :param content: Its text.
    :param meta: Its metadata.
    :param score: The score that put it where it stands.
    :param arms: The arms that brought it.
    """

    id: str
    content: str | None
    meta: dict[str, Any]
    score: float | None
    arms: dict[str, ArmPlace]


class DecisionMade(BaseModel):
    """
    What the router decided.

    :param allocation: Arm → how many candidates it was asked for; 0 where it did not run.
    :param propensity: The probability with which that was chosen.
    :param mode: The router's mode.
    :param policy_version: Version of the policy that decided; 0 before the first.
    :param safe_start: Whether the policy is held back, as it is not shown yet to be worth more than the baseline, in
        reward less cost.
    :param verdict: How the policy compares with the baseline for queries like this one, reward and cost apart; `null`
        where no policy was asked.
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
    :param reason: What sort of failure it was; the server's log says more.
    """

    arm: str
    reason: MissingReason


class SearchAnswer(BaseModel):
    """
    The answer to a search.

    :param query_id: The search's id, to which feedback refers.
    :param documents: Best first.
    :param decision: What the router decided.
    :param missing_arms: The arms that failed; the others' documents are there all the same.
    :param warnings: What else the searcher's page may suffer from, in words; mostly none.
    :param logged: Whether the search is in the log; if not, feedback on it is rejected.
    """

    query_id: str
    documents: list[DocumentFound]
    decision: DecisionMade
    missing_arms: list[ArmMissing]
    warnings: list[str]
    logged: bool


class EventOutcome(BaseModel):
    """
    What became of one event.

    :param status: `accepted`, `duplicate` or `rejected`.
    :param reason: Why it was rejected.
    """

    status: str
    reason: str | None = None


class FeedbackAnswer(BaseModel):
    """
    The answer to feedback; of status 422 if every event was rejected.

    :param accepted: How many events are in the log now that were not.
    :param duplicate: How many were there before; they count once.
    :param rejected: How many were refused.
    :param results: What became of each event, in order.
    """

    accepted: int
    duplicate: int
    rejected: int
    results: list[EventOutcome]


class IndexingAnswer(BaseModel):
    """
    The answer to documents.

    :param written: How many documents can be found now.
    """

    written: int
