"""Deploys the pipelines of a folder on Hayhooks, either all of them or none."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from haystack import Pipeline, logging

from ltrr_haystack.errors import ConfigurationError, with_notes
from ltrr_haystack.server.api_keys import ADMIN, SCOPES
from ltrr_haystack.server.closed_requests import closed

if TYPE_CHECKING:
    from fastapi import FastAPI

logger = logging.getLogger(__name__)

USUAL_SCOPES = {"search": "search", "feedback": "feedback", "indexing": "index"}
"""
Pipeline → the scope that its API key needs, if its wrapper declares no `scope`. A pipeline with another name needs
`admin`.
"""

WRAPPER = "pipeline_wrapper.py"
YAML = (".yml", ".yaml")


def deploy(app: "FastAPI", folder: Path) -> dict[str, Any]:
    """
    Deploy every subfolder with a `pipeline_wrapper.py` and every YAML file of a folder.

    Hayhooks by itself would only log a warning for a pipeline that cannot be deployed, and serve the others.

    :param app: The Hayhooks application.
    :param folder: The folder of pipelines.
    :returns: Name → wrapper.
    :raises ConfigurationError: If there are no pipelines, or any of them cannot be deployed. The message names each of
        these and the reason.
    """
    from hayhooks.server.pipelines import registry
    from hayhooks.server.utils.deploy_utils import (
        deploy_pipeline_files,
        deploy_pipeline_yaml,
        read_pipeline_files_from_dir,
    )

    sources = _sources(folder)
    failures: dict[str, str] = {}
    for name, source in sources.items():
        try:
            if source.is_dir():
                deploy_pipeline_files(name, read_pipeline_files_from_dir(source), app, save_files=False)
                _close_request(app, name)
            else:
                deploy_pipeline_yaml(name, source.read_text(encoding="utf-8"), app, options={"save_file": False})
            _check_served(app, name, source)
        except Exception as error:  # noqa: BLE001 (whatever a wrapper raises is reported with its pipeline's name)
            failures[name] = _reason(error)
    if failures:
        withdraw(list(sources))
        reasons = "\n".join(f"  pipeline '{name}': {reason}" for name, reason in failures.items())
        raise ConfigurationError(f"not all pipelines of {folder} can be deployed:\n{reasons}")
    return {name: registry.get(name) for name in sources}


def withdraw(names: list[str]) -> None:
    """
    Remove pipelines from Hayhooks, so that the process can deploy others under the same names.

    :param names: The pipelines' names; unknown names are ignored.
    """
    from hayhooks.server.pipelines import registry
    from hayhooks.server.utils.module_loader import unload_pipeline_modules

    for name in names:
        registry.remove(name)
        unload_pipeline_modules(name)


def scopes_of(wrappers: Mapping[str, Any]) -> dict[str, str]:
    """
    Get the scope that each pipeline needs.

    :param wrappers: Name → wrapper, as returned by `deploy`.
    :returns: Path → scope.
    """
    return {f"/{name}/run": _scope(name, wrapper) for name, wrapper in wrappers.items()}


def pipelines_of(wrappers: Mapping[str, Any]) -> dict[str, Pipeline]:
    """
    Get the Haystack pipelines of wrappers.

    :param wrappers: Name → wrapper, as returned by `deploy`.
    :returns: Name → pipeline, for the wrappers that have one.
    """
    return {name: wrapper.pipeline for name, wrapper in wrappers.items() if isinstance(wrapper.pipeline, Pipeline)}


async def warm_up(pipelines: Mapping[str, Pipeline]) -> None:
    """
    Warm up pipelines.

    :param pipelines: Name → pipeline.
    :raises ConfigurationError: If one cannot be warmed up. The message names it and the reason.
    """
    for name, pipeline in pipelines.items():
        try:
            await pipeline.warm_up_async()
        except Exception as error:
            raise ConfigurationError(f"pipeline '{name}' cannot be warmed up: {_reason(error)}") from error


async def close(pipelines: Mapping[str, Pipeline]) -> None:
    """
    Close pipelines. A failure is logged, and the other pipelines are closed nevertheless.

    :param pipelines: Name → pipeline.
    """
    closing = (pipeline.close_async() for pipeline in pipelines.values())
    for name, outcome in zip(pipelines, await asyncio.gather(*closing, return_exceptions=True), strict=True):
        if isinstance(outcome, BaseException):
            logger.warning("Pipeline '{pipeline}' did not close: {error}", pipeline=name, error=_reason(outcome))


def _sources(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise ConfigurationError(f"there is no folder of pipelines at {folder}; name another one with --pipelines")
    inside = sorted(folder.iterdir())
    found = {path.stem: path for path in inside if path.suffix in YAML}
    for path in inside:
        if (path / WRAPPER).is_file():
            found[path.name] = path
        elif path.is_dir() and (pipelines := sorted(each.name for each in path.iterdir() if each.suffix in YAML)):
            raise ConfigurationError(
                f"{path} has {', '.join(pipelines)} but no {WRAPPER}, so it would not be served: add one (for example "
                f"a copy of the project's pipelines/search/{WRAPPER}), or move the folder elsewhere"
            )
    if not found:
        raise ConfigurationError(
            f"{folder} has no pipelines: it contains neither a folder with a {WRAPPER} nor a YAML file"
        )
    return found


def _close_request(app: "FastAPI", name: str) -> None:
    """Hayhooks passes over unknown fields, and with them a typing error in an optional one such as `user_id`."""
    from hayhooks.server.pipelines import registry
    from hayhooks.server.utils.deploy_utils import add_pipeline_api_route

    model = (registry.get_metadata(name) or {}).get("request_model")
    if model is not None:
        registry.update_metadata(name, {"request_model": closed(model)})
        add_pipeline_api_route(app, name, registry.get(name))


def _check_served(app: "FastAPI", name: str, source: Path) -> None:
    """Hayhooks deploys a wrapper that cannot be called, and only logs it."""
    from hayhooks.server.pipelines import registry

    wrapper = registry.get(name)
    if wrapper is None:
        raise ConfigurationError("Hayhooks did not deploy it")
    if (scope := _scope(name, wrapper)) not in SCOPES:
        raise ConfigurationError(f"its wrapper declares the scope {scope!r}; expected one of {', '.join(SCOPES)}")
    if f"/{name}/run" not in {getattr(route, "path", None) for route in app.routes}:
        raise ConfigurationError(f"{source / WRAPPER} has neither run_api nor run_api_async, so nothing can call it")


def _scope(name: str, wrapper: Any) -> str:
    return getattr(wrapper, "scope", None) or USUAL_SCOPES.get(name, ADMIN)


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {with_notes(error).strip() or 'no message'}"
