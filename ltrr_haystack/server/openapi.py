"""Completes the OpenAPI description: the responses of each call, and the API key that it needs."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from ltrr_haystack.__about__ import __version__

if TYPE_CHECKING:
    from fastapi import FastAPI

SECURITY_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key: `Authorization: Bearer ltrr_…`"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "An API key"},
}

REFUSED = {
    "400": "The body cannot be read",
    "401": "The API key is missing or not valid",
    "403": "The API key lacks the scope; or there are no API keys and the caller is not on the server's machine",
    "408": "The body did not arrive in time",
    "413": "The request is too large",
    "429": "Too many requests from one API key or address",
    "500": "The request failed, and not because of what was sent",
    "503": "The store cannot be used, too many searches run at once, or another process is writing to the index",
}
"""Status → its meaning, for calls of pipelines; the response's `detail` says more."""

RETRIED = ("429", "503")


class Problem(BaseModel):
    """
    Why a request was refused or failed.

    :param detail: What is wrong and, where possible, how to correct it.
    """

    detail: str


class ValidationError(BaseModel):
    """
    An invalid field of a request, in FastAPI's form.

    :param loc: Where it is: `body`, followed by names and indices.
    :param msg: What is wrong.
    :param type: The kind of error.
    """

    loc: list[str | int]
    msg: str
    type: str


class HTTPValidationError(BaseModel):
    """
    The invalid fields of a request, in FastAPI's form.

    :param detail: The invalid fields.
    """

    detail: list[ValidationError]


def describe_api(
    app: "FastAPI", wrappers: Mapping[str, Any], scopes: Mapping[str, str], keys_needed: Callable[[], bool]
) -> None:
    """
    Complete the OpenAPI description of an application.

    Hayhooks does not know the form of a response that a wrapper makes itself, which the wrapper's `answer` describes,
    and does not know which requests are refused before they reach a wrapper.

    :param app: The application.
    :param wrappers: Name → wrapper of a pipeline.
    :param scopes: Path → the scope that it needs.
    :param keys_needed: Returns whether callers currently need an API key.
    """
    app.title, app.version, app.description = (
        "ltrr-haystack",
        __version__,
        "Search that learns from what people choose.",
    )
    original = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            _complete(original(), wrappers, scopes)
        schema = app.openapi_schema or {}
        for path, scope in scopes.items():
            keys = [{scheme: [scope]} for scheme in SECURITY_SCHEMES]
            for operation in schema["paths"].get(path, {}).values():
                operation["security"] = keys if keys_needed() else [*keys, {}]
        return schema

    app.openapi = openapi  # type: ignore[method-assign]


def refusals(statuses: Iterable[str], more: Mapping[str, str] | None = None) -> dict[int | str, dict[str, Any]]:
    """
    Describe how calls that are no pipelines' are refused.

    :param statuses: Statuses out of `REFUSED`.
    :param more: Further statuses with their meanings.
    :returns: Status → description, as FastAPI takes it.
    """
    meanings = {**{status: REFUSED[status] for status in statuses}, **(more or {})}
    return {status: {"model": Problem, "description": meaning} for status, meaning in meanings.items()}


def _complete(schema: dict[str, Any], wrappers: Mapping[str, Any], scopes: Mapping[str, str]) -> None:
    answers = {name: wrapper.answer for name, wrapper in wrappers.items() if hasattr(wrapper, "answer")}
    models = dict.fromkeys([*answers.values(), Problem, HTTPValidationError])
    keys, definitions = models_json_schema(
        [(model, "serialization") for model in models], ref_template="#/components/schemas/{model}"
    )
    components = schema.setdefault("components", {})
    components.setdefault("schemas", {}).update(definitions["$defs"])
    components["securitySchemes"] = SECURITY_SCHEMES
    problem, invalid = keys[Problem, "serialization"], keys[HTTPValidationError, "serialization"]
    for name in wrappers:
        path = f"/{name}/run"
        operation = schema["paths"][path]["post"]
        answer = keys.get((answers[name], "serialization")) if name in answers else None
        responses = operation["responses"]
        if answer is not None:
            responses["200"]["content"] = {"application/json": {"schema": answer}}
        refused = [invalid, problem, *([answer] if answer is not None else [])]
        responses["422"] = _response("The request is not valid", {"anyOf": refused})
        responses.update({status: _response(meaning, problem) for status, meaning in REFUSED.items()})
        for status in RETRIED:
            responses[status]["headers"] = {"Retry-After": {"schema": {"type": "integer", "minimum": 1}}}
        operation["responses"] = dict(sorted(responses.items()))
    for path, operations in schema["paths"].items():
        for operation in operations.values():
            if path not in scopes:
                _describe_public(path, operation["responses"], problem, invalid)


def _describe_public(path: str, responses: dict[str, Any], problem: dict[str, Any], invalid: dict[str, Any]) -> None:
    responses["403"] = _response("There are no API keys and the caller is not on the server's machine", problem)
    if "{" in path:
        responses["404"] = _response("There is no pipeline of that name", problem)
        responses["422"] = _response("The request is not valid", invalid)


def _response(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}
