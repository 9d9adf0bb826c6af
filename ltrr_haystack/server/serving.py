"""Starting the server."""

import importlib.util
import os
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

from haystack import Document

from ltrr_haystack.errors import ConfigurationError, MissingExtraError
from ltrr_haystack.server.announcement import Serving, serving_of
from ltrr_haystack.server.environment import prepare_environment
from ltrr_haystack.server.keyring import configured_keyring
from ltrr_haystack.server.settings import ServerSettings

if TYPE_CHECKING:
    from fastapi import FastAPI

CATALOGUE = "catalogue.json"
"""In the home folder: which documents were indexed before the server answered."""

HOST = "127.0.0.1"
PORT = 1416
BACKLOG = 2048
"""Connections that the system keeps until they are taken, as uvicorn has it."""


def serve(
    pipelines: str | Path | None = None,
    *,
    host: str = HOST,
    port: int = PORT,
    home: str | Path | None = None,
    settings: ServerSettings | None = None,
    learn: bool = True,
    learn_interval: float = 1.0,
    reward_wait: float | None = None,
    safe_start: bool = True,
    documents: Callable[[], Sequence[Document]] | None = None,
    on_ready: Callable[[Serving], None] | None = None,
) -> None:
    """
    Serve a folder of pipelines until told to stop.

    Until it is ready the server takes no connections: whoever calls too early is refused at once.

    :param pipelines: The folder; see `create_app`.
    :param host: The address to listen on. One that others can reach needs API keys, or `settings.everybody`.
    :param port: The port; 0 takes any that is free.
    :param home: The folder of the store and the caches; see `prepare_environment`.
    :param settings: Who may call, how often, and how slowly; from the environment if left out.
    :param learn: Whether a thread of the server learns from feedback.
    :param learn_interval: Seconds between two passes of the learner.
    :param reward_wait: Seconds that a decision waits for feedback; see `configured_reward_wait` if left out.
    :param safe_start: Whether the baseline is played until the log shows that the policy is worth more.
    :param documents: Gives documents to be indexed before the server answers.
    :param on_ready: Called once the server answers, with what is served.
    :raises ConfigurationError: If the port is taken, others could reach a server without keys, or a pipeline cannot be
        deployed or warmed up.
    :raises MissingExtraError: If Hayhooks is not installed.
    :raises StoreError: If the keys cannot be read.
    """
    require_hayhooks()
    prepare_environment(home)
    settings = settings or ServerSettings.from_environment()
    bound = _bind(host, port)
    try:
        keyring = configured_keyring()
        if not (keyring.needed or settings.everybody or _is_loopback(bound)):
            raise ConfigurationError(
                f"others can reach {host}, and there are no API keys: make one with 'ltrr keys add NAME --scope "
                "search', or name some in LTRR_API_KEYS; listen on 127.0.0.1; or say --open to let everybody in"
            )

        from ltrr_haystack.server.app import create_app

        app = create_app(
            pipelines,
            keyring=keyring,
            settings=settings,
            learn=learn,
            learn_interval=learn_interval,
            reward_wait=reward_wait,
            safe_start=safe_start,
            host=host,
        )
        if documents is not None:
            _index(app.state.pipelines, documents())
        _run(app, bound, settings, lambda: on_ready and on_ready(serving_of(app, _url(host, bound), settings)))
    finally:
        bound.close()


def require_hayhooks() -> None:
    """
    Make sure that there is something to serve with, before anything else is done.

    :raises MissingExtraError: If Hayhooks is not installed.
    """
    if importlib.util.find_spec("hayhooks") is None:
        raise MissingExtraError("serving needs hayhooks; install it with: pip install 'ltrr-haystack[demo]'")


def _run(app: "FastAPI", bound: socket.socket, settings: ServerSettings, on_ready: Callable[[], object]) -> None:
    import uvicorn

    from ltrr_haystack.server.protocol import bounded_protocol

    class Announcing(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                on_ready()

    config = uvicorn.Config(
        app,
        http=bounded_protocol(settings.head_seconds, settings.stall_seconds),
        ws="none",
        proxy_headers=False,
        server_header=False,
        log_config=None,
        access_log=False,
        timeout_keep_alive=settings.keep_alive_seconds,
        timeout_graceful_shutdown=5,
    )
    _listen_when_ready(app, bound)
    server = Announcing(config)
    try:
        server.run(sockets=[bound])
    except KeyboardInterrupt:
        pass
    except SystemExit:
        if server.started:
            raise
    if not server.started:
        raise app.state.failure or ConfigurationError("the server did not start; the log says why")


def _listen_when_ready(app: "FastAPI", bound: socket.socket) -> None:
    """uvloop does not tell that a socket cannot listen: it serves nothing and says nothing."""
    of_app = app.router.lifespan_context
    address = bound.getsockname()

    @asynccontextmanager
    async def lifespan(app: "FastAPI") -> AsyncIterator[Any]:
        async with of_app(app) as state:
            try:
                bound.listen(BACKLOG)
            except OSError as error:
                app.state.failure = _cannot_listen(address, error)
                raise app.state.failure from error
            yield state

    app.router.lifespan_context = lifespan


def _index(pipelines: object, documents: Sequence[Document]) -> None:
    from ltrr_haystack.embedded.indexing import PIPELINE, refresh

    if not isinstance(pipelines, dict) or PIPELINE not in pipelines:
        raise ConfigurationError(f"to index documents there must be a pipeline named '{PIPELINE}' among the pipelines")
    refresh(pipelines[PIPELINE], documents, Path(os.environ["LTRR_HOME"]) / CATALOGUE)


def _bind(host: str, port: int) -> socket.socket:
    """Take a port without listening on it: that it is taken already is told at once, and who calls now is refused."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except (OSError, OverflowError) as error:
        bound.close()
        raise _cannot_listen((host, port), error) from error
    return bound


def _cannot_listen(address: tuple[object, ...], error: Exception) -> ConfigurationError:
    host, port, *_ = address
    return ConfigurationError(f"cannot listen on {host}, port {port} ({error}); choose others with --host and --port")


def _is_loopback(bound: socket.socket) -> bool:
    return ip_address(bound.getsockname()[0]).is_loopback


def _url(host: str, bound: socket.socket) -> str:
    reachable = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{reachable}:{bound.getsockname()[1]}"
