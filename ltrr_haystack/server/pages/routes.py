"""Serves the pages and the files that they are made of, under a policy that lets them load and run nothing else."""

from collections.abc import Callable, Sequence
from hashlib import blake2b
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

if TYPE_CHECKING:
    from fastapi import FastAPI

PAGES = {"/": "search.html", "/learning": "learning.html"}
"""Path → the page that is shown there."""

SETTINGS = "/pages/settings"
STATIC = "/static/"

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
"""Sent with every page and file."""

MEDIA_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
"""Ending → media type of what is served; files with other endings are not."""


class PageSettings(BaseModel):
    """
    What the pages need to know before anybody has shown an API key.

    :param keys_needed: Whether searches and feedback need an API key.
    :param tour: Whether simulated people can be let in: this is a demo.
    :param users: Ids of users to search as, for a demo.
    """

    keys_needed: bool
    tour: bool
    users: list[str]


def add_pages(
    app: "FastAPI", *, keys_needed: Callable[[], bool], tour: bool = False, users: Sequence[str] = ()
) -> None:
    """
    Add the search page at `/`, the dashboard at `/learning`, their files below `/static/`, and `/pages/settings`.

    :param app: The application.
    :param keys_needed: Says whether callers need an API key.
    :param tour: Whether this is a demo that can let simulated people in.
    :param users: Ids of users to search as, for a demo.
    """
    served = dict(_files())

    def respond(request: Request, name: str) -> Response:
        found = served.get(name)
        if found is None:
            return Response("There is no such file.", 404, HEADERS, "text/plain")
        body, media_type, tag = found
        headers = {**HEADERS, "ETag": tag}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(body, headers=headers, media_type=media_type)

    def page(name: str) -> Callable[[Request], Response]:
        def show(request: Request) -> Response:
            return respond(request, name)

        return show

    def file(request: Request) -> Response:
        return respond(request, request.path_params["name"])

    async def settings() -> PageSettings:
        return PageSettings(keys_needed=keys_needed(), tour=tour, users=list(users))

    for path, name in PAGES.items():
        app.router.add_route(path, page(name), methods=["GET", "HEAD"], include_in_schema=False)
    app.router.add_route(f"{STATIC}{{name:path}}", file, methods=["GET", "HEAD"], include_in_schema=False)
    app.add_api_route(
        SETTINGS,
        settings,
        methods=["GET"],
        tags=["status"],
        response_model=PageSettings,
        summary="What the search page and the dashboard need to know before anybody has shown an API key",
    )


def is_page(path: str) -> bool:
    """
    Check whether a path belongs to the pages: they hold nothing that an API key would protect.

    :param path: The path of a request.
    :returns: Whether it is a page, a file of one, or their settings.
    """
    return path in PAGES or path == SETTINGS or path.startswith(STATIC)


def _files(folder: Traversable | None = None, within: str = "") -> list[tuple[str, tuple[bytes, str, str]]]:
    """The files below `static`: path → content, media type, and a tag that changes with the content."""
    found = []
    for entry in sorted((folder or files(__package__) / "static").iterdir(), key=lambda entry: entry.name):
        name = f"{within}{entry.name}"
        if entry.is_dir():
            found += _files(entry, f"{name}/")
        elif (ending := f".{name.rpartition('.')[2]}") in MEDIA_TYPES:
            body = entry.read_bytes()
            tag = f'"{blake2b(body, digest_size=12).hexdigest()}"'
            found.append((name, (body, f"{MEDIA_TYPES[ending]}; charset=utf-8", tag)))
    return found
