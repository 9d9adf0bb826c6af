"""Environment variables that have to be set before Haystack and Hayhooks are imported."""

import os
from pathlib import Path

from threadpoolctl import threadpool_limits

from ltrr_haystack.errors import ConfigurationError

DEFAULT_HOME = ".ltrr"

DEFAULTS = {
    "HAYHOOKS_LOG_LEVEL": "ERROR",
    "HAYHOOKS_TRACING_ENABLED": "false",
    "HAYHOOKS_TRACING_INCLUDE_HAYSTACK_SPANS": "false",
    "HAYHOOKS_MONITORING_ENABLED": "false",
    "HAYHOOKS_CORS_ALLOW_ORIGINS": "[]",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
"""
Defaults for variables that Hayhooks and the embedders read on import. Hayhooks' own defaults log every request with its
payload, keep traces of requests in memory, and allow every web page to call the server.
"""


def prepare_environment(home: str | Path | None = None, *, create: bool = True) -> Path:
    """
    Find the home folder, and set the environment variables that are not set yet.

    :param home: Folder of the store and the caches; `LTRR_HOME`, or `.ltrr`, if left out.
    :param create: Whether to create the folder, rather than to leave it as it is.
    :returns: The home folder.
    :raises ConfigurationError: If it cannot be created.
    """
    folder = Path(home or os.environ.get("LTRR_HOME") or DEFAULT_HOME).expanduser().resolve()
    try:
        if create:
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"the home folder '{folder}' cannot be created ({error}); set another one with --home or LTRR_HOME"
        ) from error
    os.environ["LTRR_HOME"] = str(folder)
    os.environ.setdefault("LTRR_STORE_URL", f"sqlite:///{folder / 'ltrr.db'}")
    os.environ.setdefault("LTRR_INDEX", str(folder / "index"))
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    return folder


def disable_telemetry() -> None:
    """Disable Haystack's telemetry, whether or not Haystack is imported already."""
    os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"
    from haystack.telemetry import _telemetry

    _telemetry.telemetry = None


def limit_blas_threads() -> None:
    """
    Limit NumPy's linear algebra to one thread per call.

    Searches multiply small matrices in several threads already. Splitting each multiplication again cost half of the
    processor's time in threads that wait for each other in busy loops.
    """
    threadpool_limits(1, user_api="blas")
