"""Responses to invalid requests."""

import json
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.responses import Response

SEND_JSON = "send JSON, with the header 'Content-Type: application/json'"


def validation_answer(error: RequestValidationError) -> Response:
    """
    Make the response that names every invalid field and what is wrong with it.

    FastAPI's own response repeats the input, and fails if that cannot be encoded: infinite numbers, lone surrogates,
    bytes.

    :param error: The errors that FastAPI found.
    :returns: A response of status 422 in FastAPI's form: `{"detail": [{"loc", "msg", "type"}]}`.
    """
    detail = [_field_error(each) for each in error.errors()]
    text = json.dumps({"detail": detail}, ensure_ascii=False)
    return Response(text.encode(errors="replace"), 422, media_type="application/json")


def _field_error(found: dict[str, Any]) -> dict[str, Any]:
    place = [part if isinstance(part, int) else str(part)[:100] for part in found["loc"]]
    return {"loc": place, "msg": _message(found), "type": found["type"]}


def _message(found: dict[str, Any]) -> str:
    if found["type"] == "json_invalid":
        return f"not JSON: {found.get('ctx', {}).get('error', 'it cannot be read')} at character {found['loc'][-1]}"
    if found["type"] in ("model_attributes_type", "model_type"):
        return _no_object(found.get("input"))
    if found["type"] == "string_unicode":
        return "must be valid Unicode, without lone surrogates"
    return str(found["msg"]).removeprefix("Value error, ")


def _no_object(value: Any) -> str:
    """FastAPI hands on the body as bytes where the header does not say that it is JSON."""
    if isinstance(value, bytes):
        return f"expected an object; {SEND_JSON}"
    kinds = {list: "a list", str: "text", bool: "a truth value", int: "a number", float: "a number", type(None): "null"}
    return f"expected an object, got {kinds.get(type(value), 'something else')}"
