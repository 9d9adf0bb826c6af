"""The files of the pages: read once from the package, sent with headers that let nothing of others run in them."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from importlib.resources import files
from importlib.resources.abc import Traversable

from starlette.requests import Request
from starlette.responses import Response

MEDIA_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
"""Suffix → media type; files with other suffixes are not served."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
"""Headers of every page and static file."""


@dataclass(frozen=True, slots=True)
class StaticFile:
    """
    A file, ready to be sent.

    :param content: Its bytes.
    :param media_type: Its media type.
    :param etag: Identifies its content, in quotation marks.
    """

    content: bytes
    media_type: str
    etag: str

    def answer(self, request: Request) -> Response:
        """
        Answer a request for it.

        :param request: A GET or HEAD request.
        :returns: The file; status 304 without it if the caller has it.
        """
        headers = {**HEADERS, "ETag": self.etag}
        known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
        if self.etag in known or "*" in known:
            return Response(status_code=304, headers=headers)
        return Response(self.content, headers={**headers, "Content-Type": self.media_type})


def read_static_files() -> Mapping[str, StaticFile]:
    """
    Read all files of the pages.

    :returns: Path below `static`, such as `shared/dom.js` → the file. What is not in it is not served.
    """
    return read_files(files(__package__) / "static")


def read_files(folder: Traversable) -> Mapping[str, StaticFile]:
    """
    Read all files of a folder that are parts of pages.

    :param folder: The folder.
    :returns: Path below it → the file.
    """
    found: dict[str, StaticFile] = {}
    _collect(folder, "", found)
    return found


def _collect(folder: Traversable, path: str, found: dict[str, StaticFile]) -> None:
    for each in folder.iterdir():
        if each.is_dir():
            _collect(each, f"{path}{each.name}/", found)
        elif (media_type := MEDIA_TYPES.get(each.name.rpartition(".")[2])) is not None:
            content = each.read_bytes()
            etag = f'"{blake2b(content, digest_size=16).hexdigest()}"'
            found[path + each.name] = StaticFile(content, media_type, etag)
