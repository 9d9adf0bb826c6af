"""The API's description: what each call answers, whatever becomes of it, and which key it needs."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

if TYPE_CHECKING:
    from fastapi import FastAPI

SECURITY_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key: `Authorization: Bearer ltrr_…`"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "An API key"},
}

REFUSED = {
    "400": "The body cannot be read",
    "401": "No API key, or one that is not good",
    "403": "The API key lacks the scope; or, without any keys, the caller is not on the server's machine",
    "408": "The body did not arrive in time",
    "413": "Too much for one request",
    "429": "Too many requests from one key or address",
    "500": "It failed for a reason that is no fault of the caller",
    "503": "The store cannot be used, or too many searches run at once",
}
"""Status → what it means, for calls of pipelines; `detail` says more."""

RETRIED = ("429", "503")


class Problem(BaseModel):
    """
    Why a request was not handled.

    :param detail: What is wrong, and where it helps what would be right.
    """

    detail: str


class Mistake(BaseModel):
    """
    What is wrong with a field of a request.

    :param loc: Where it is: `body`, then names and numbers.
    :param msg: What is wrong.
    :param type: The kind of mistake.
    """

    loc: list[str | int]
    msg: str
    type: str


class Mistakes(BaseModel):
    """
    What is wrong with a request.

    :param detail: Each mistake.
    """

    detail: list[Mistake]


def document(
    app: "FastAPI", wrappers: Mapping[str, Any], scopes: Mapping[str, str], keys_needed: Callable[[], bool]
) -> None:
    """
    Complete the description of the API.

    Hayhooks knows nothing of what a wrapper's own response holds: the wrapper's `answer` says it. Nor does it know of
    what is refused before a wrapper is asked.

    :param app: The application.
    :param wrappers: Name → wrapper of a pipeline.
    :param scopes: Path → the scope that it needs.
    :param keys_needed: Says whether callers need a key at the moment.
    """
    original = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            _complete(original(), wrappers, scopes)
        schema = app.openapi_schema or {}
        for path, scope in scopes.items():
            keys = [{scheme: [scope]} for scheme in SECURITY_SCHEMES]
            schema["paths"][path]["post"]["security"] = keys if keys_needed() else [*keys, {}]
        return schema

    app.openapi = openapi  # type: ignore[method-assign]


def _complete(schema: dict[str, Any], wrappers: Mapping[str, Any], scopes: Mapping[str, str]) -> None:
    answers = {name: wrapper.answer for name, wrapper in wrappers.items() if hasattr(wrapper, "answer")}
    models = dict.fromkeys([*answers.values(), Problem, Mistakes])
    keys, definitions = models_json_schema(
        [(model, "serialization") for model in models], ref_template="#/components/schemas/{model}"
    )
    components = schema.setdefault("components", {})
    components.setdefault("schemas", {}).update(definitions["$defs"])
    for unused in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(unused, None)
    components["securitySchemes"] = SECURITY_SCHEMES
    problem, mistakes = keys[Problem, "serialization"], keys[Mistakes, "serialization"]
    for name in wrappers:
        path = f"/{name}/run"
        operation = schema["paths"][path]["post"]
        answer = keys.get((answers[name], "serialization")) if name in answers else None
        responses = operation["responses"]
        if answer is not None:
            responses["200"]["content"] = {"application/json": {"schema": answer}}
        refused = [mistakes, problem, *([answer] if answer is not None else [])]
        responses["422"] = _response("What was sent is not what was agreed", {"anyOf": refused})
        responses.update({status: _response(meaning, problem) for status, meaning in REFUSED.items()})
        for status in RETRIED:
            responses[status]["headers"] = {"Retry-After": {"schema": {"type": "integer", "minimum": 1}}}
        operation["responses"] = dict(sorted(responses.items()))
    for path, operations in schema["paths"].items():
        for operation in operations.values():
            if path not in scopes:
                _free(path, operation["responses"], problem, mistakes)


def _free(path: str, responses: dict[str, Any], problem: dict[str, Any], mistakes: dict[str, Any]) -> None:
    responses["403"] = _response("Without any keys, the caller is not on the server's machine", problem)
    if "{" in path:
        responses["404"] = _response("There is none of that name", problem)
        responses["422"] = _response("What was sent is not what was agreed", mistakes)


def _response(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}
