"""Starts the server."""

import importlib.util
import os
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

from haystack import Document

from ltrr_haystack.errors import ConfigurationError, MissingExtraError
from ltrr_haystack.server.environment import prepare_environment
from ltrr_haystack.server.keyring import configured_keyring
from ltrr_haystack.server.settings import ServerSettings
from ltrr_haystack.server.summary import ServerSummary, summarize

if TYPE_CHECKING:
    from fastapi import FastAPI

    from ltrr_haystack.evaluation.datasets import DataSet

CATALOGUE = "catalogue.json"
"""File in the home folder with the ids of the documents that were indexed before the server started."""

HOST = "127.0.0.1"
PORT = 1416
USERS = 5
"""How many users of a demo's data set the search page offers to search as."""

BACKLOG = 2048
"""Connections that the system queues until they are accepted; uvicorn's default."""


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
    policy: Mapping[str, Any] | None = None,
    documents: Callable[[], Sequence[Document]] | None = None,
    data: "DataSet | None" = None,
    on_ready: Callable[[ServerSummary], None] | None = None,
    users: Sequence[str] = (),
) -> None:
    """
    Serve a folder of pipelines until the process is interrupted.

    The server accepts no connections before it is ready; earlier ones are refused at once.

    :param pipelines: The folder; see `create_app`.
    :param host: Address to listen on. An address that other machines can reach needs API keys, or `settings.everybody`.
    :param port: Port to listen on; 0 for any free port.
    :param home: Folder of the store and the caches; see `prepare_environment`.
    :param settings: Access and limits; from the environment if left out.
    :param learn: Whether a thread of the server learns from feedback.
    :param learn_interval: Seconds between two passes of the learner.
    :param reward_wait: Seconds that a decision waits for feedback; see `configured_reward_wait` if left out.
    :param safe_start: Whether the baseline is played until the log shows that the policy is worth more.
    :param policy: Settings of a `VWPolicy` that replace those of the pipelines, in a demo.
    :param documents: Returns documents to index before the server is ready.
    :param data: The data set of a demo: its queries are suggested to everybody, and its people, simulated, can search.
    :param on_ready: Called with the server's summary once it is ready.
    :param users: Ids of users to choose from on the search page; the first of the data set's if left out.
    :raises ConfigurationError: If the port is in use, other machines could reach a server without API keys, or a
        pipeline cannot be deployed or warmed up.
    :raises MissingExtraError: If Hayhooks is not installed.
    :raises StoreError: If the API keys cannot be read.
    """
    require_hayhooks()
    prepare_environment(home)
    settings = settings or ServerSettings.from_environment()
    bound = _bind(host, port)
    try:
        keyring = configured_keyring()
        public = not ip_address(bound.getsockname()[0]).is_loopback
        if public and not (keyring.needed or settings.everybody):
            raise ConfigurationError(
                f"other machines can reach {host}, but there are no API keys: add one with 'ltrr keys add NAME --scope "
                "search' or LTRR_API_KEYS, listen on 127.0.0.1, or allow access without keys with --open"
            )

        from ltrr_haystack.server.app import create_app
        from ltrr_haystack.server.tour import Tour

        url = _url(host, bound)
        app = create_app(
            pipelines,
            keyring=keyring,
            settings=settings,
            learn=learn,
            learn_interval=learn_interval,
            reward_wait=reward_wait,
            safe_start=safe_start,
            policy=policy,
            host=host,
            first_suggestions=[] if data is None else [query.text for query in data.queries],
            tour=Tour(data, url) if data is not None and data.answerable() else None,
            users=users or ([] if data is None else sorted(data.tastes)[:USERS]),
        )
        if documents is not None:
            index_catalogue(app.state.pipelines, documents())
        _run(app, bound, settings, lambda: on_ready and on_ready(summarize(app, url, settings, public=public)))
    finally:
        bound.close()


def require_hayhooks() -> None:
    """
    Check that Hayhooks is installed.

    :raises MissingExtraError: If it is not.
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
    """Listen on the socket after start-up; uvloop would not report that a socket cannot listen."""
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


def index_catalogue(pipelines: object, documents: Sequence[Document]) -> None:
    """
    Index a catalogue in the place of the one that was indexed before.

    :param pipelines: The pipelines of the server, by name.
    :param documents: The catalogue.
    :raises ConfigurationError: If none of the pipelines indexes documents.
    """
    from ltrr_haystack.embedded.indexing import PIPELINE, refresh

    if not isinstance(pipelines, dict) or PIPELINE not in pipelines:
        raise ConfigurationError(f"indexing documents needs a pipeline named '{PIPELINE}' in the folder of pipelines")
    refresh(pipelines[PIPELINE], documents, Path(os.environ["LTRR_HOME"]) / CATALOGUE)


def _bind(host: str, port: int) -> socket.socket:
    """Bind the port without listening: a port in use is reported at once, and early connections are refused."""
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


def _url(host: str, bound: socket.socket) -> str:
    reachable = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{reachable}:{bound.getsockname()[1]}"
