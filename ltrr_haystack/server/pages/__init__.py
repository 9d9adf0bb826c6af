"""The pages: search at `/`, what was learned at `/learning`, and their files."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from ltrr_haystack.server.answers import JSONAnswer
from ltrr_haystack.server.pages.static_files import HEADERS, read_static_files

if TYPE_CHECKING:
    from fastapi import FastAPI

PAGES = {"/": "search.html", "/learning": "learning.html"}
"""Path → the file that is shown there."""


class PageSettings(BaseModel):
    """
    What the pages need to know of the server.

    :param keys_needed: Whether callers need an API key.
    :param tour: Whether simulated people can be let search.
    :param users: Ids of users to choose from.
    """

    keys_needed: bool
    tour: bool
    users: list[str]


def add_pages(
    app: "FastAPI", *, keys_needed: Callable[[], bool], tour: bool = False, users: Sequence[str] = ()
) -> None:
    """
    Add the pages, their files below `/static/`, and `GET /pages/settings`.

    :param app: The application.
    :param keys_needed: Returns whether callers currently need an API key.
    :param tour: Whether simulated people can be let search.
    :param users: Ids of users to choose from on the search page.
    """
    static = read_static_files()

    def page(name: str) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            return static[name].answer(request)

        return answer

    async def file(request: Request) -> Response:
        found = static.get(request.path_params["path"])
        return Response(status_code=404, headers=HEADERS) if found is None else found.answer(request)

    async def settings() -> Response:
        return JSONAnswer(PageSettings(keys_needed=keys_needed(), tour=tour, users=list(users)))

    for path, name in PAGES.items():
        app.add_route(path, page(name), methods=["GET", "HEAD"], include_in_schema=False)
    app.add_route("/static/{path:path}", file, methods=["GET", "HEAD"], include_in_schema=False)
    app.add_api_route(
        "/pages/settings",
        settings,
        methods=["GET"],
        tags=["pages"],
        response_model=PageSettings,
        summary="What the pages need to know of the server",
    )
