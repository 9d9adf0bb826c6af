"""Error responses: they say whether the caller or the server is at fault, and reveal nothing of the server's inside."""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

from fastapi import FastAPI, HTTPException
from fastapi.exception_handlers import http_exception_handler
from fastapi.exceptions import RequestValidationError
from haystack import logging
from haystack.core.errors import PipelineRuntimeError
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.requests import Request
from starlette.responses import Response

from ltrr_haystack.components.impression_writer import ImpressionWriter
from ltrr_haystack.components.retrieval_arm import RetrievalArm
from ltrr_haystack.components.union_joiner import UnionJoiner
from ltrr_haystack.errors import IndexLockedError, InvalidInputError, StoreError
from ltrr_haystack.server.asgi import retry_after, route
from ltrr_haystack.server.known_calls import not_allowed, not_found
from ltrr_haystack.server.validation_errors import validation_answer

logger = logging.getLogger(__name__)

TEMPORARY: Mapping[type[Exception], str] = {
    StoreError: "the store cannot be used at the moment; try again",
    IndexLockedError: "another process is writing to the index; try again when it has finished",
}
"""Errors that pass by themselves, and what callers are told of them."""

RETRY_SECONDS = 5.0
"""What callers are told to wait after one."""

FASTAPIS_UNREADABLE = "There was an error parsing the body"
UNREADABLE = (
    "the body cannot be read: send JSON as UTF-8, not compressed, not nested thousands of times and without numbers of "
    "thousands of digits"
)
"""What FastAPI says of a body that is neither JSON nor just broken JSON, and what callers are told instead."""

E = TypeVar("E", bound=Exception)


class Failure(HTTPException):
    """An error response whose detail may be shown to callers."""


@contextmanager
def http_errors() -> Iterator[None]:
    """
    Turn exceptions within a wrapper into error responses. Hayhooks by itself would send the message of any exception.

    An InvalidInputError is the caller's fault (422), the errors in `TEMPORARY` pass by themselves (503), and anything
    else is the server's fault (500).

    :raises Failure: In place of any exception.
    """
    try:
        yield
    except HTTPException:
        raise
    except Exception as error:
        raise http_error(error) from error


def http_error(error: BaseException) -> Failure:
    """
    Make the error response for an exception. Whatever is not the caller's fault is logged in full.

    :param error: The exception.
    :returns: The response.
    """
    invalid = _find_cause(error, InvalidInputError)
    if invalid is not None and not _is_about_documents(error):
        return Failure(422, str(invalid))
    error_id = secrets.token_hex(4)
    for kind, reason in TEMPORARY.items():
        if (failed := _find_cause(error, kind)) is not None:
            logger.warning("Request failed, error {id}: {error}", id=error_id, error=log_line(failed))
            return Failure(503, f"{reason} (error {error_id} in the server's log)", retry_after(RETRY_SECONDS))
    logger.error("Request failed, error {id}", id=error_id, exc_info=error)
    return Failure(500, f"the request failed, and not because of what you sent (error {error_id} in the server's log)")


def log_line(error: BaseException) -> str:
    """
    Write an error in one line for the server's log.

    :param error: The error.
    :returns: Its message, or its type if it has none, and its notes.
    """
    return "; ".join([str(error) or type(error).__name__, *getattr(error, "__notes__", [])])


def add_error_handlers(app: FastAPI) -> None:
    """
    Answer all errors of an application this way, including those of wrappers that do not use `http_errors`.

    :param app: The application.
    """

    async def invalid(_: Request, error: Exception) -> Response:
        if not isinstance(error, RequestValidationError):
            raise error
        return validation_answer(error)

    async def refused(request: Request, error: Exception) -> Response:
        if not isinstance(error, StarletteHTTPException):
            raise error
        if error.status_code == 500 and not isinstance(error, Failure):
            error = http_error(error)
        elif error.status_code == 400 and error.detail == FASTAPIS_UNREADABLE:
            error = Failure(400, UNREADABLE)
        elif "endpoint" not in request.scope and error.status_code == 404:
            error = Failure(404, not_found(request.app.openapi()["paths"], route(request.scope)))
        elif error.status_code == 405 and error.detail == "Method Not Allowed":
            told = not_allowed(request.app.openapi()["paths"], request.method, route(request.scope))
            error = Failure(405, told, error.headers)
        return await http_exception_handler(request, error)

    async def failed(request: Request, error: Exception) -> Response:
        return await http_exception_handler(request, http_error(error))

    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(StarletteHTTPException, refused)
    app.add_exception_handler(Exception, failed)


def _is_about_documents(error: BaseException) -> bool:
    """An error in or after the arms is about the documents that they found, which no caller can correct."""
    failed = _find_cause(error, PipelineRuntimeError)
    kind = None if failed is None else failed.component_type
    return kind is not None and issubclass(kind, RetrievalArm | UnionJoiner | ImpressionWriter)


def _find_cause(error: BaseException | None, kind: type[E]) -> E | None:
    """Find the error of a type among an error and its causes."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, kind):
            return error
        seen.add(id(error))
        error = error.__cause__
    return None
