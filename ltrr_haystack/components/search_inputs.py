"""What a search is given beside its query, checked before anything is decided."""

import json
from collections.abc import Mapping
from typing import Any

from haystack.errors import FilterError

from ltrr_haystack.errors import InvalidInputError
from ltrr_haystack.filtering import compiled
from ltrr_haystack.store.checks import LONGEST_ID, storable


def check_ids(ids: Mapping[str, Any]) -> None:
    """
    Refuse ids that the log cannot hold.

    :param ids: Name of an input → the id; `None` where it is not known.
    :raises InvalidInputError: If an id is no text, has more bytes than an id may have, or holds what no database keeps.
    """
    for name, value in ids.items():
        if value is None:
            continue
        if not isinstance(value, str):
            given = f"{type(value).__name__} {value!r:.80}"
            hint = f"; pass str({value!r:.80})" if type(value) is int else ""
            raise InvalidInputError(f"{name}: expected a string, got {given}{hint}")
        storable(name, value, LONGEST_ID)


def check_context(context: Any) -> None:
    """
    Refuse a context that says nothing by name.

    :param context: Name → text or number; `None` for none.
    :raises InvalidInputError: If it is no mapping.
    """
    if context is not None and not isinstance(context, Mapping):
        raise InvalidInputError(
            f"context: expected a mapping such as {{'device': 'phone'}}, got {type(context).__name__} {context!r:.80}"
        )


def check_filters(filters: Any) -> None:
    """
    Refuse filters that no arm could apply: as an arm's failure does not fail the search, the page would be empty.

    :param filters: Haystack filters; empty or `None` for none.
    :raises InvalidInputError: If they are no mapping, no valid filters, or hold what the log cannot (numbers that are
        not finite, lone surrogates …); dates and the like are logged as text.
    """
    if filters is None:
        return
    if not isinstance(filters, Mapping):
        raise InvalidInputError(
            "filters: expected a mapping such as {'field': 'meta.genre', 'operator': '==', 'value': 'jazz'}, "
            f"got {type(filters).__name__} {filters!r:.80}"
        )
    if filters:
        try:
            compiled(filters)
        except FilterError as error:
            raise InvalidInputError(f"filters: {error}") from error
        try:
            json.dumps(filters, default=str, ensure_ascii=False, allow_nan=False).encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidInputError(f"filters: expected what the log can hold as JSON: {error}") from error
