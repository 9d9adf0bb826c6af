"""What the process must know before Haystack and Hayhooks are loaded."""

import os
from importlib import import_module
from pathlib import Path

from ltrr_haystack.errors import ConfigurationError

DEFAULT_HOME = ".ltrr"

QUIET = {
    "HAYHOOKS_LOG_LEVEL": "ERROR",
    "HAYHOOKS_TRACING_ENABLED": "false",
    "HAYHOOKS_TRACING_INCLUDE_HAYSTACK_SPANS": "false",
    "HAYHOOKS_MONITORING_ENABLED": "false",
    "HAYHOOKS_CORS_ALLOW_ORIGINS": "[]",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
"""
Defaults that Hayhooks and the embedders read when they are loaded. Hayhooks logs every request with all its payload at
its own default level, keeps the traces of requests in memory, and lets every web page of the world call the server.
"""


def prepare_environment(home: str | Path | None = None) -> Path:
    """
    Settle where state lies and what else is read from the environment; what is set there already stays.

    :param home: The folder of the store and the caches; `LTRR_HOME`, or `.ltrr`, if left out.
    :returns: The folder; it exists.
    :raises ConfigurationError: If it cannot be made.
    """
    folder = Path(home or os.environ.get("LTRR_HOME") or DEFAULT_HOME).expanduser().resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"the home folder '{folder}' cannot be made ({error}); name another with --home or LTRR_HOME"
        ) from error
    os.environ["LTRR_HOME"] = str(folder)
    os.environ.setdefault("LTRR_STORE_URL", f"sqlite:///{folder / 'ltrr.db'}")
    os.environ.setdefault("LTRR_INDEX", str(folder / "index"))
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    return folder


def disable_telemetry() -> None:
    """Keep Haystack from sending usage data, whether it is loaded already or not."""
    os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"
    from haystack.telemetry import _telemetry

    _telemetry.telemetry = None


def undivided_queries() -> None:
    """
    Keep NumPy's linear algebra from dividing its work among threads, where threadpoolctl is installed to say so.

    A search multiplies small matrices in several threads already. Dividing these again took half of the processor's
    time for threads that wait for each other in busy loops.
    """
    try:
        threadpoolctl = import_module("threadpoolctl")
    except ImportError:
        return
    threadpoolctl.threadpool_limits(1, user_api="blas")
