"""
Events of people as User Behavior Insights (UBI) 1.3 describes them: https://o19s.github.io/ubi/schema/1.3.0/

What matters to learning is strict: types are not coerced, lengths are bounded, ids hold no control characters. The rest
is kept as it came. Deviations that real senders have are tolerated: an empty `position`, an `object` without an
`object_id`, null and empty strings for what is not known, whole numbers as `object_id` and `internal_id`, `Date.now()`
as `timestamp`, no `timestamp` at all, `user_id` within `object`, `user_query` on the event, no id of the event's own.
"""

import json
import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from ltrr_haystack.errors import InvalidInputError
from ltrr_haystack.store.checks import LONGEST_ID, is_storable_id

MAX_EVENT_BYTES = 32_768
"""Longest event that is taken, as JSON in UTF-8."""

MAX_EVENT_DEPTH = 32
"""Deepest nesting of objects and lists in an event that is taken."""

LAST_ORDINAL = 1_000_000
"""Positions beyond it are a mistake of whoever reports them."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NOT_A_TIME = (
    "expected ISO 8601 with date and time, such as 2026-05-16T12:34:56Z, or milliseconds since 1970; got {got}"
)


def _moment(value: Any) -> datetime:
    try:
        match value:
            case datetime():
                return _utc(value)
            case str() if len(value) > len("2026-05-16"):
                return _utc(datetime.fromisoformat(value))
            case int() if not isinstance(value, bool):
                return _EPOCH + timedelta(milliseconds=value)
    except (ValueError, OverflowError):
        pass
    raise ValueError(_NOT_A_TIME.format(got=excerpt(value)))


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _id_text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _id_of_the_log(text: str) -> str:
    if not is_storable_id(text):
        raise ValueError(f"expected at most {LONGEST_ID} bytes of UTF-8, got {excerpt(text)}")
    return text


def _clean(value: Any) -> Any:
    return _utf8(value).decode() if isinstance(value, str) else value


def _utf8(text: str) -> bytes:
    return text.encode(errors="replace")


_NO_CONTROL = r"^[^\x00-\x1f\x7f-\x9f]*$"
Name = Annotated[str, Field(max_length=100, pattern=_NO_CONTROL)]
Identifier = Annotated[str, Field(max_length=256, pattern=_NO_CONTROL)]
ObjectId = Annotated[
    str, Field(min_length=1, max_length=LONGEST_ID, pattern=r"^[^\x00]*$"), AfterValidator(_id_of_the_log)
]
"""Whatever a document can be known by in the log: an event names what was shown."""

Moment = Annotated[datetime, BeforeValidator(_moment)]


class _UBIModel(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow", frozen=True)


class UBIObject(_UBIModel):
    """
    What the person acted on.

    :param object_id: The id that the search showed it under; a whole number is taken as its digits.
    :param object_id_type: What sort of thing it is.
    :param object_id_field: The field that the id stands in.
    :param internal_id: The id within the search engine; kept, not used.
    """

    object_id: Annotated[ObjectId, BeforeValidator(_id_text)] | None = None
    object_id_type: Name | None = None
    object_id_field: Name | None = None
    internal_id: Annotated[Identifier, BeforeValidator(_id_text)] | None = None


class UBIPoint(_UBIModel):
    """
    A place on the screen.

    :param x: Horizontal.
    :param y: Vertical.
    """

    x: float | None = None
    y: float | None = None


class UBIPosition(_UBIModel):
    """
    Where on the page, or on the screen, it happened.

    :param ordinal: Position on the page, from 1.
    :param xy: Place on the screen.
    """

    ordinal: Annotated[int, Field(ge=1, le=LAST_ORDINAL)] | None = None
    xy: UBIPoint | None = None


class UBIEventAttributes(_UBIModel):
    """
    What is known of an event beyond its name.

    :param object: What the person acted on.
    :param position: Where it happened.
    """

    object: UBIObject | None = None
    position: UBIPosition | None = None


class UBIEvent(_UBIModel):
    """
    What a person did with the answer to a search.

    Fields that are not named here are kept.

    ### Usage example

    ```python
    from ltrr_haystack.feedback.ubi import UBIEvent, UBIEventAttributes, UBIObject

    UBIEvent(
        action_name="click",
        query_id="5e3b2a1c",
        event_attributes=UBIEventAttributes(object=UBIObject(object_id="song-7")),
    )
    ```

    :param action_name: What was done: `click`, `add_to_cart`, `purchase` …
    :param query_id: The search that the event belongs to, as the search answered it.
    :param timestamp: When it happened, with an offset; without one it is UTC. May also be whole milliseconds since
        1970, as the JavaScript of UBI's own documentation sends.
    :param event_id: The sender's own id of the event. An id that was seen before makes the event a duplicate.
    :param application: Which of the application's searches it was.
    :param session_id: The person's session.
    :param client_id: The browser or program that the event comes from.
    :param user_id: The person.
    :param message_type: A group of actions.
    :param message: Free text.
    :param user_query: The query as it was typed.
    :param event_attributes: What the person acted on, and where.
    """

    action_name: Annotated[Name, Field(min_length=1)]
    query_id: Annotated[Identifier, Field(min_length=1)]
    timestamp: Moment | None = None
    event_id: Annotated[Identifier, Field(min_length=1)] | None = None
    application: Name | None = None
    session_id: Identifier | None = None
    client_id: Identifier | None = None
    user_id: Identifier | None = None
    message_type: Name | None = None
    message: Annotated[str, Field(max_length=1024), BeforeValidator(_clean)] | None = None
    user_query: Annotated[str, BeforeValidator(_clean)] | None = None
    event_attributes: UBIEventAttributes | None = None

    @property
    def object_id(self) -> str | None:
        """The object that the person acted on, if there is one."""
        attributes = self.event_attributes
        return attributes.object.object_id if attributes is not None and attributes.object is not None else None

    @property
    def ordinal(self) -> int | None:
        """The position that the sender gives, if it does."""
        attributes = self.event_attributes
        return attributes.position.ordinal if attributes is not None and attributes.position is not None else None

    @property
    def identity(self) -> str:
        """
        The id that makes an event sent twice count once.

        A hash of query_id and the sender's `event_id`, so that senders who count from 1 in every session do not meet;
        without an `event_id`, of query_id, action_name, object_id, ordinal, timestamp (the instant, however it was
        written) and client_id. Each part is preceded by its length, so that no two events share an encoding. Without a
        `timestamp` the rest decides alone: doing the same thing again is then a duplicate as well.
        """
        if self.event_id is not None:
            return _hashed("given", self.query_id, self.event_id)
        moment = None if self.timestamp is None else str((self.timestamp - _EPOCH) // timedelta(microseconds=1))
        ordinal = None if self.ordinal is None else str(self.ordinal)
        return _hashed(self.query_id, self.action_name, self.object_id, ordinal, moment, self.client_id)


def _hashed(*parts: str | None) -> str:
    encoded = "".join("-" if part is None else f"{len(part)}:{part}" for part in parts)
    return "ubi-" + blake2b(encoded.encode(), digest_size=16).hexdigest()


_ADAPTER = TypeAdapter(UBIEvent)


def read_event(value: object) -> tuple[UBIEvent, str]:
    """
    Read one event as it was sent.

    :param value: A dictionary as JSON gives it, or a UBIEvent.
    :returns: The event, and its JSON text for the log, with everything that was sent.
    :raises InvalidInputError: If it is not an event. The message names the field and what was expected.
    """
    if isinstance(value, UBIEvent):
        try:
            value = value.model_dump(exclude_unset=True, warnings="none")
        except (ValueError, RecursionError) as error:
            raise InvalidInputError(f"event: cannot be written as JSON ({excerpt(str(error))})") from None
    if not isinstance(value, dict):
        raise InvalidInputError(f"event: expected an object, got {kind_of(value)}")
    payload = _json(value)
    try:
        return _ADAPTER.validate_python(value), payload
    except ValidationError as error:
        raise InvalidInputError("; ".join(_reasons(error))) from None


def kind_of(value: object) -> str:
    """
    Name the type of a value as people who write JSON know it.

    :param value: Any value.
    :returns: `null`, `true or false`, `a number`, `text`, `a list`, `an object`, or the name of the Python type.
    """
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list() | tuple():
            return "a list"
        case dict():
            return "an object"
    return type(value).__name__


def excerpt(value: object, length: int = 60) -> str:
    """
    Show a value in a message: texts quoted, escaped and cut, numbers as they are, anything else by its type.

    :param value: Any value.
    :param length: Most characters of it.
    :returns: Printable text.
    """
    if isinstance(value, str):
        return repr(value if len(value) <= length else value[:length] + "…")
    if isinstance(value, float) or (isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**18):
        return repr(value)
    return kind_of(value)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(type(value).__name__)


_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain)


def _json(event: dict[Any, Any]) -> str:
    try:
        text = _ENCODER.encode(event)
    except (TypeError, ValueError, RecursionError):
        raise InvalidInputError(_not_json(event)) from None
    encoded = _utf8(text)
    if len(encoded) > MAX_EVENT_BYTES:
        raise InvalidInputError(f"event: at most {MAX_EVENT_BYTES} bytes as JSON, got {len(encoded)}")
    if text.count("{") + text.count("[") > MAX_EVENT_DEPTH and any(
        len(path) > MAX_EVENT_DEPTH for path, _ in _walk(event)
    ):
        raise InvalidInputError(_not_json(event))
    return encoded.decode()


def _not_json(event: dict[Any, Any]) -> str:
    for path, value in _walk(event):
        if len(path) > MAX_EVENT_DEPTH:
            return f"{path[0]}: nested deeper than {MAX_EVENT_DEPTH} levels"
        if isinstance(value, float) and not math.isfinite(value):
            return f"{_dotted(path)}: must be finite, got {value}"
        if not isinstance(value, str | int | float | list | tuple | dict | datetime | None):
            return f"{_dotted(path)}: {kind_of(value)} is not a JSON value"
    return "event: has a key that is not text, or a number beyond what JSON can hold"


def _walk(event: dict[Any, Any]) -> Iterator[tuple[tuple[str, ...], object]]:
    """Every value within an event with its path, down to just below the depth that is taken."""
    waiting: list[tuple[tuple[str, ...], object]] = [((), event)]
    while waiting:
        path, value = waiting.pop()
        if path:
            yield path, value
        if len(path) > MAX_EVENT_DEPTH:
            continue
        if isinstance(value, dict):
            waiting.extend(((*path, str(key)), inner) for key, inner in value.items())
        elif isinstance(value, list | tuple):
            waiting.extend(((*path, str(index)), inner) for index, inner in enumerate(value))


def _dotted(path: tuple[str | int, ...]) -> str:
    return excerpt(".".join(map(str, path)), 120)[1:-1] or "event"


def _reasons(error: ValidationError, most: int = 3) -> list[str]:
    found = [
        f"{_dotted(each['loc'])}: {_expectation(each['type'], each.get('ctx', {}), each['input'])}"
        for each in error.errors(include_url=False)
    ]
    return found if len(found) <= most else [*found[:most], f"and {len(found) - most} more"]


def _expectation(kind: str, context: dict[str, Any], value: object) -> str:
    match kind:
        case "missing":
            return "missing"
        case "string_type":
            return f"expected text, got {kind_of(value)}"
        case "string_too_short":
            return "must not be empty"
        case "string_too_long":
            return f"at most {context['max_length']} characters, got {len(str(value))}"
        case "string_pattern_mismatch":
            return f"must not hold {'control' if context['pattern'] == _NO_CONTROL else 'NUL'} characters"
        case "string_unicode":
            return "must be valid Unicode, without lone surrogates"
        case "int_type":
            return f"expected a whole number, got {excerpt(value)}"
        case "float_type":
            return f"expected a number, got {kind_of(value)}"
        case "greater_than_equal":
            return f"must be at least {context['ge']}, got {excerpt(value)}"
        case "less_than_equal":
            return f"must be at most {context['le']}, got {excerpt(value)}"
        case "model_type":
            return f"expected an object, got {kind_of(value)}"
        case "invalid_key":
            return "field names must be text"
        case "value_error":
            return str(context["error"])
    return f"not as expected ({kind})"
