"""Starting the server."""

import importlib.util
import os
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from haystack import Document

from ltrr_haystack.errors import ConfigurationError, MissingExtraError
from ltrr_haystack.server.environment import prepare_environment

CATALOGUE = "catalogue.json"
"""In the home folder: which documents were indexed before the server answered."""

HOST = "127.0.0.1"
PORT = 1416


def serve(
    pipelines: str | Path | None = None,
    *,
    host: str = HOST,
    port: int = PORT,
    home: str | Path | None = None,
    learn: bool = True,
    learn_interval: float = 1.0,
    documents: Callable[[], Sequence[Document]] | None = None,
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """
    Serve a folder of pipelines until told to stop.

    :param pipelines: The folder; see `create_app`.
    :param host: The address to listen on.
    :param port: The port; 0 takes any that is free.
    :param home: The folder of the store and the caches; see `prepare_environment`.
    :param learn: Whether a thread of the server learns from feedback.
    :param learn_interval: Seconds between two passes of the learner.
    :param documents: Gives documents to be indexed before the server answers.
    :param on_ready: Called with the server's URL once it answers.
    :raises ConfigurationError: If the port is taken, or a pipeline cannot be deployed or warmed up.
    :raises MissingExtraError: If Hayhooks is not installed.
    """
    require_hayhooks()
    prepare_environment(home)
    listening = _listen(host, port)
    try:
        _serve(listening, _url(host, listening), pipelines, learn, learn_interval, documents, on_ready)
    finally:
        listening.close()


def require_hayhooks() -> None:
    """
    Make sure that there is something to serve with, before anything else is done.

    :raises MissingExtraError: If Hayhooks is not installed.
    """
    if importlib.util.find_spec("hayhooks") is None:
        raise MissingExtraError("serving needs hayhooks; install it with: pip install 'ltrr-haystack[demo]'")


def _serve(
    listening: socket.socket,
    url: str,
    pipelines: str | Path | None,
    learn: bool,
    learn_interval: float,
    documents: Callable[[], Sequence[Document]] | None,
    on_ready: Callable[[str], None] | None,
) -> None:
    from ltrr_haystack.server.app import create_app

    app = create_app(pipelines, learn=learn, learn_interval=learn_interval)
    if documents is not None:
        _index(app.state.pipelines, documents())

    import uvicorn

    class Announcing(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started and on_ready is not None:
                on_ready(url)

    config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=5)
    server = Announcing(config)
    with suppress(KeyboardInterrupt):
        server.run(sockets=[listening])
    if not server.started:
        raise app.state.failure or ConfigurationError("the server did not start; the log says why")


def _index(pipelines: object, documents: Sequence[Document]) -> None:
    from ltrr_haystack.embedded.indexing import PIPELINE, refresh

    if not isinstance(pipelines, dict) or PIPELINE not in pipelines:
        raise ConfigurationError(f"to index documents there must be a pipeline named '{PIPELINE}' among the pipelines")
    refresh(pipelines[PIPELINE], documents, Path(os.environ["LTRR_HOME"]) / CATALOGUE)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen()
    except (OSError, OverflowError) as error:
        listening.close()
        raise ConfigurationError(
            f"cannot listen on {host}, port {port} ({error}); choose others with --host and --port"
        ) from error
    return listening


def _url(host: str, listening: socket.socket) -> str:
    reachable = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{reachable}:{listening.getsockname()[1]}"
