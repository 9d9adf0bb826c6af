"""A search as rows of the log, and back."""

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, from_json

from ltrr_haystack.errors import InvalidInputError
from ltrr_haystack.store.checks import LONGEST_ID, finite, folded, storable
from ltrr_haystack.store.definitions import Definition
from ltrr_haystack.store.orderings import Ordering, ReadOrdering, unpack_ordering
from ltrr_haystack.store.packing import pack_ids, pack_text, unpack_ids, unpack_text
from ltrr_haystack.store.pages import PageSchema, Shown, pack_page, unpack_page
from ltrr_haystack.types import ActionSet, ArmReport, Decision, Ranking

Row = dict[str, Any]

_SHARES = ("baseline_share", "memory_share", "floor")
_SETTINGS = ("mode", "policy", "safe_start", *_SHARES)
_ELSEWHERE = {"query_id", "decided_at", "actions", *_SETTINGS}
"""Fields of a decision that are not in its own text: they have columns, or definitions."""

_PACKED = {"__all__": {"found", "scales"}}
"""Fields of reports that are among the numbers of the page."""

_DECISION = TypeAdapter(Decision)
_REPORTS = TypeAdapter(tuple[ArmReport, ...])


class SearchRows(NamedTuple):
    """
    A search as it goes into the tables.

    :param decision: The decision's row.
    :param page: What was found and shown, packed.
    :param ordering: How the page got its order, packed; empty if that is not known.
    :param definitions: What the row refers to.
    """

    decision: Row
    page: bytes
    ordering: bytes
    definitions: tuple[Definition, ...]


class ReadSearch(NamedTuple):
    """
    A search as it was logged.

    :param decision: The decision.
    :param reports: How the arms fared.
    :param ordering: What was shown, by position, and how the page got its order.
    """

    decision: Decision
    reports: tuple[ArmReport, ...]
    ordering: ReadOrdering


def search_rows(ranking: Ranking) -> SearchRows:
    """
    Write a search as rows; done in the caller's thread, so that the writer only writes.

    :param ranking: What was decided and will be shown.
    :returns: The rows.
    :raises InvalidInputError: If the store could not hold it, or not give it back.
    """
    return rows_of(
        ranking.decision,
        ranking.candidates,
        ranking.features,
        ranking.reports,
        ranking.ranker_version,
        Ordering.of(ranking),
    )


def rows_of(
    decision: Decision,
    shown: Sequence[Shown],
    features: Sequence[Mapping[str, float]],
    reports: Sequence[ArmReport],
    ranker_version: int,
    ordering: Ordering,
) -> SearchRows:
    """
    Write the parts of a search as rows.

    :param decision: The decision.
    :param shown: What is shown, in order.
    :param features: The ranking features of each.
    :param reports: How the arms fared.
    :param ranker_version: Version of the model that ordered the page.
    :param ordering: How the page got its order.
    :returns: The rows.
    :raises InvalidInputError: If the store could not hold it, or not give it back.
    """
    for name, value in (("user_id", decision.user_id), ("session_id", decision.session_id)):
        if value is not None:
            storable(name, value, LONGEST_ID)
    folded(decision.evidence_key)
    ranked, known = [*shown, *ordering.unshown], [*features, *ordering.unshown_features]
    schema = PageSchema.of(decision.actions.names, ranked, known)
    actions = Definition.of("actions", decision.actions.to_json())
    shares = [finite(name, getattr(decision, name)) for name in _SHARES]
    settings = _settings_of((decision.mode, decision.policy, bool(decision.safe_start), *shares))
    page = _page_of(schema)
    row = {
        "query_id": storable("query_id", decision.query_id, LONGEST_ID),
        "decided_at": finite("decided_at", decision.decided_at),
        "ranker_version": ranker_version,
        "actions": actions.fingerprint,
        "settings": settings.fingerprint,
        "page_schema": page.fingerprint,
        "impressions": len(shown),
        "shown": pack_ids([storable("object_id", each.object_id, LONGEST_ID) for each in shown]),
        "payload": pack_text(_readable_text(decision, reports, actions, settings)),
    }
    packed = pack_page(schema, shown, features, reports)
    return SearchRows(row, packed, ordering.pack(schema), (actions, settings, page))


def read_search(row: Any, definitions: Mapping[bytes, str]) -> ReadSearch:
    """
    Read a search from its row.

    :param row: A row of decisions with its page.
    :param definitions: Fingerprint → JSON text, of what the row refers to.
    :returns: The search.
    :raises ValueError: If it cannot be read.
    """
    decision, reports = _read(row, definitions)
    schema = _schema(_definition(definitions, row.page_schema))
    if row.page is None:
        raise ValueError("its page is missing")
    impressions, reports = unpack_page(row.page, schema, unpack_ids(row.shown), reports)
    return ReadSearch(decision, reports, unpack_ordering(row.ordering, schema, impressions))


def read_decision(row: Any, definitions: Mapping[bytes, str]) -> Decision:
    """
    Read a decision from its row.

    :param row: A row of decisions.
    :param definitions: Fingerprint → JSON text, of what the row refers to.
    :returns: The decision.
    :raises ValueError: If it cannot be read.
    """
    return _read(row, definitions)[0]


def fingerprints(rows: Iterable[Any]) -> set[bytes]:
    """
    Tell what rows refer to.

    :param rows: Rows of decisions.
    :returns: The fingerprints of their definitions.
    """
    return {name for row in rows for name in (row.actions, row.settings, row.page_schema)}


@lru_cache(maxsize=512)
def ordinals(shown: bytes) -> Mapping[str, int]:
    """
    Tell where what was shown stood.

    :param shown: As the row has it.
    :returns: Object id → the first position it was shown at, from 1; none if that cannot be read.
    """
    places: dict[str, int] = {}
    with suppress(ValueError):
        for ordinal, object_id in enumerate(unpack_ids(shown), start=1):
            places.setdefault(object_id, ordinal)
    return MappingProxyType(places)


def _readable_text(decision: Decision, reports: Sequence[ArmReport], actions: Definition, settings: Definition) -> str:
    """What is left of a decision and its reports, as JSON that was seen to be read again."""
    name = f"The decision '{decision.query_id}'"
    try:
        own = _DECISION.dump_json(decision, exclude=_ELSEWHERE).decode()
        fared = _REPORTS.dump_json(tuple(reports), exclude=_PACKED).decode()
        text = f'{{"decision":{own},"reports":{fared}}}'
        elsewhere = {"query_id": decision.query_id, "decided_at": decision.decided_at}
        _parsed(text, elsewhere, actions.payload, settings.payload)
    except PydanticSerializationError as error:
        msg = f"{name} cannot be written as JSON: {error}."
        raise InvalidInputError(msg) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"]))
        msg = f"{name} could not be read again: {field}: {first['msg']}. Numbers in it must be finite."
        raise InvalidInputError(msg) from error
    return text


def _read(row: Any, definitions: Mapping[bytes, str]) -> tuple[Decision, tuple[ArmReport, ...]]:
    return _parsed(
        unpack_text(row.payload),
        {"query_id": row.query_id, "decided_at": row.decided_at},
        _definition(definitions, row.actions),
        _definition(definitions, row.settings),
    )


def _parsed(
    text: str, elsewhere: Mapping[str, Any], actions: str, settings: str
) -> tuple[Decision, tuple[ArmReport, ...]]:
    data = from_json(text)
    decision = {**data["decision"], **elsewhere, **_settings(settings), "actions": _actions(actions)}
    return _DECISION.validate_python(decision), _REPORTS.validate_python(data["reports"])


@lru_cache(maxsize=64)
def _settings_of(values: tuple[Any, ...]) -> Definition:
    return Definition.of("settings", json.dumps(dict(zip(_SETTINGS, values, strict=True))))


@lru_cache(maxsize=64)
def _page_of(schema: PageSchema) -> Definition:
    return Definition.of("page", schema.to_json())


def _definition(definitions: Mapping[bytes, str], fingerprint: bytes) -> str:
    try:
        return definitions[bytes(fingerprint)]
    except KeyError:
        raise ValueError(f"the definition {bytes(fingerprint).hex()} is missing") from None


@lru_cache(maxsize=64)
def _actions(payload: str) -> ActionSet:
    return ActionSet.from_json(payload)


@lru_cache(maxsize=64)
def _settings(payload: str) -> Mapping[str, Any]:
    settings: Mapping[str, Any] = from_json(payload)
    return settings


@lru_cache(maxsize=64)
def _schema(payload: str) -> PageSchema:
    return PageSchema.from_json(payload)
