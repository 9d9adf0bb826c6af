"""What a caller is told who sent something else than was agreed."""

import json
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.responses import Response

SEND_JSON = "send JSON, with the header 'Content-Type: application/json'"


def mistakes_answer(error: RequestValidationError) -> Response:
    """
    Name each field that is wrong, and how.

    FastAPI's own answer repeats what was sent, and fails over what cannot be written again: infinite numbers, halves
    of surrogate pairs, bytes.

    :param error: What FastAPI found.
    :returns: An answer of status 422 in FastAPI's form: `{"detail": [{"loc", "msg", "type"}]}`.
    """
    detail = [_mistake(each) for each in error.errors()]
    text = json.dumps({"detail": detail}, ensure_ascii=False)
    return Response(text.encode(errors="replace"), 422, media_type="application/json")


def _mistake(found: dict[str, Any]) -> dict[str, Any]:
    place = [part if isinstance(part, int) else str(part)[:100] for part in found["loc"]]
    return {"loc": place, "msg": _message(found), "type": found["type"]}


def _message(found: dict[str, Any]) -> str:
    if found["type"] == "json_invalid":
        return f"not JSON: {found.get('ctx', {}).get('error', 'it cannot be read')} at character {found['loc'][-1]}"
    if found["type"] == "model_attributes_type":
        return f"expected an object; {SEND_JSON}"
    if found["type"] == "string_unicode":
        return "must be valid Unicode, without lone surrogates"
    return str(found["msg"]).removeprefix("Value error, ")
