"""The page at `/docs`: Swagger UI from the package `fastapi-swagger`, with nothing from other sites."""

from importlib.resources import files
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from ltrr_haystack.server.pages.static_files import StaticFile, read_files

if TYPE_CHECKING:
    from fastapi import FastAPI

PATH = "/docs"
REPLACED = (PATH, "/docs/oauth2-redirect", "/redoc")
"""FastAPI's own pages: they load scripts from another site, in whatever version it has at the time."""


def add_api_docs(app: "FastAPI") -> None:
    """
    Replace FastAPI's pages on the API by one that loads nothing from other sites, with its files below `/docs/`.

    :param app: The application.
    """
    app.router.routes[:] = [route for route in app.router.routes if getattr(route, "path", None) not in REPLACED]
    found = {**read_files(files("fastapi_swagger.resources")), **read_files(files(__package__) / "docs")}
    _add(app, PATH, found.pop("docs.html"))
    for name, file in found.items():
        _add(app, f"{PATH}/{name}", file)


def _add(app: "FastAPI", path: str, file: StaticFile) -> None:
    async def answer(request: Request) -> Response:
        return file.answer(request)

    app.add_route(path, answer, methods=["GET", "HEAD"], include_in_schema=False)
