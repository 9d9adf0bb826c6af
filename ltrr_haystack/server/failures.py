"""What a caller is told when a request fails: whose fault it was, and nothing of what is inside."""

import secrets
from collections.abc import Iterator
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
from ltrr_haystack.errors import InvalidInputError, StoreError
from ltrr_haystack.server.asgi import retry_after
from ltrr_haystack.server.mistakes import mistakes_answer

logger = logging.getLogger(__name__)

STORE_RETRY_SECONDS = 5.0

E = TypeVar("E", bound=Exception)


class Failure(HTTPException):
    """An answer that was made here, fit to be sent."""


@contextmanager
def failures_answered() -> Iterator[None]:
    """
    Turn what fails within a wrapper into an answer. Hayhooks by itself sends every exception's message to the caller.

    An InvalidInputError is the caller's fault (422), a StoreError passes by itself (503); whatever else is ours (500).

    :raises Failure: If anything fails.
    """
    try:
        yield
    except HTTPException:
        raise
    except Exception as error:
        raise failure_of(error) from error


def failure_of(error: BaseException) -> Failure:
    """
    Say what a caller is told of an error; what is not the caller's fault is logged in full.

    :param error: What was raised.
    :returns: The answer.
    """
    mistake = _beneath(error, InvalidInputError)
    if mistake is not None and not _is_over_documents(error):
        return Failure(422, str(mistake))
    ticket = secrets.token_hex(4)
    if (failed := _beneath(error, StoreError)) is not None:
        logger.warning(
            "The store failed a request, told as {ticket}: {error}", ticket=ticket, error=for_the_log(failed)
        )
        detail = f"the store cannot be used at the moment; try again (the server's log has it as {ticket})"
        return Failure(503, detail, retry_after(STORE_RETRY_SECONDS))
    logger.error("A request failed, told as {ticket}", ticket=ticket, exc_info=error)
    return Failure(500, f"this failed for a reason that is no fault of yours; the server's log has it as {ticket}")


def for_the_log(error: BaseException) -> str:
    """
    Write an error in one line for those who run the server.

    :param error: The error.
    :returns: Its message and its notes, or what sort of error it is if it has no message.
    """
    return "; ".join([str(error) or type(error).__name__, *getattr(error, "__notes__", [])])


def answer_failures(app: FastAPI) -> None:
    """
    Have all failures of an application answered so, those of other people's wrappers included.

    :param app: The application.
    """

    async def mistakes(_: Request, error: Exception) -> Response:
        if not isinstance(error, RequestValidationError):
            raise error
        return mistakes_answer(error)

    async def refused(request: Request, error: Exception) -> Response:
        if not isinstance(error, StarletteHTTPException):
            raise error
        if error.status_code == 500 and not isinstance(error, Failure):
            error = failure_of(error)
        return await http_exception_handler(request, error)

    async def failed(request: Request, error: Exception) -> Response:
        return await http_exception_handler(request, failure_of(error))

    app.add_exception_handler(RequestValidationError, mistakes)
    app.add_exception_handler(StarletteHTTPException, refused)
    app.add_exception_handler(Exception, failed)


def _is_over_documents(error: BaseException) -> bool:
    """What is wrong behind the arms came with their documents, and no caller can mend it."""
    failed = _beneath(error, PipelineRuntimeError)
    kind = None if failed is None else failed.component_type
    return kind is not None and issubclass(kind, RetrievalArm | UnionJoiner | ImpressionWriter)


def _beneath(error: BaseException | None, kind: type[E]) -> E | None:
    """The error of a kind that led to another one, such as Haystack's PipelineRuntimeError."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, kind):
            return error
        seen.add(id(error))
        error = error.__cause__
    return None
