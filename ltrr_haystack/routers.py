"""Pipelines, and the router of a search pipeline alone, loaded from YAML files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from haystack import Pipeline
from haystack.marshal import YamlMarshaller

from ltrr_haystack.components.bandit_router import BanditRouter
from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.loading_errors import imports_fail_quietly, why_no_yaml, why_not_loaded

ALLOWED = ["ltrr_haystack"]
ROUTER = f"{BanditRouter.__module__}.{BanditRouter.__name__}"


def load_pipeline(file: Path) -> Pipeline:
    """
    Load a pipeline of Haystack's components and ours.

    What may be imported is checked by Haystack, and for this call only: the process-wide allowlist stays as it is.

    :param file: The pipeline's YAML file.
    :returns: The pipeline, with nothing opened yet.
    :raises ConfigurationError: If the file cannot be read, or a component in it cannot be made.
    """
    definition = _read(file)
    _require_pipeline(file, definition)
    try:
        with imports_fail_quietly():
            return Pipeline.from_dict(definition, allowed_modules=ALLOWED)
    except Exception as error:
        raise ConfigurationError(
            f"the pipeline '{file}' cannot be loaded: {why_not_loaded(error, definition)}"
        ) from error


def load_router(path: str | Path) -> BanditRouter:
    """
    Load the router of a search pipeline: arms, policy and store, and nothing else of it.

    Whoever learns, or asks the log about a policy, needs neither retrievers nor an embedder: they are neither made nor
    imported, and need not be installed.

    ### Usage example

    ```python
    from ltrr_haystack.routers import load_router

    router = load_router("pipelines")
    print(router.actions, router.store)
    ```

    :param path: The pipeline's YAML file, or a folder in which one of them has a BanditRouter.
    :returns: The router, with nothing opened yet.
    :raises ConfigurationError: If a file cannot be read, the router in it cannot be made, or there is not just one.
    """
    file, node = _found(Path(path))
    try:
        # A pipeline of this one component, so that what may be imported is checked by Haystack, and for this call only.
        with imports_fail_quietly():
            alone = Pipeline.from_dict({"components": {"router": node}}, allowed_modules=ALLOWED)
        router = alone.get_component("router")
    except Exception as error:
        raise ConfigurationError(f"the BanditRouter of {file} cannot be loaded: {why_not_loaded(error)}") from error
    if not isinstance(router, BanditRouter):
        raise ConfigurationError(f"the BanditRouter of {file} became a {type(router).__name__}")
    return router


def load_search_pipeline(path: str | Path) -> Pipeline:
    """
    Load the search pipeline of a folder: the one with a router.

    :param path: The pipeline's YAML file, or a folder in which one of them has a BanditRouter.
    :returns: The pipeline, with nothing opened yet.
    :raises ConfigurationError: If a file cannot be read, a component in it cannot be made, or there is not just one
        router.
    """
    return load_pipeline(_found(Path(path))[0])


def _found(path: Path) -> tuple[Path, dict[str, Any]]:
    """The one router, and the file that has it."""
    found = [(file, node) for file in _files(path) for node in _routers(_read(file))]
    if not found:
        raise ConfigurationError(f"no YAML file of {path} has a BanditRouter; name the search pipeline, or its folder")
    if len(found) > 1:
        files = ", ".join(sorted({str(file) for file, _ in found}))
        raise ConfigurationError(
            f"there are {len(found)} BanditRouters in {files}, and it takes one to know policy and store: name the "
            "YAML file of one search pipeline, or keep them in folders of their own"
        )
    return found[0]


def _files(path: Path) -> list[Path]:
    return sorted(path.glob("**/*.y*ml")) if path.is_dir() else [path]


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except IsADirectoryError as error:
        inside = sorted(str(each) for pattern in ("*.y*ml", "*/*.y*ml") for each in file.glob(pattern))
        example = f", such as '{inside[0]}'" if inside else ""
        raise ConfigurationError(f"'{file}' is a folder; name the YAML file of one pipeline{example}") from error
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigurationError(f"{file} cannot be read: {reason}; name a pipeline's YAML file") from error


def _read(file: Path) -> Any:
    text = _text(file)
    try:
        return YamlMarshaller().unmarshal(text)
    except Exception as error:
        raise ConfigurationError(f"{file} is no YAML: {why_no_yaml(error)}") from error


def _require_pipeline(file: Path, definition: Any) -> None:
    """Haystack would fail on it with an error about Python's own types."""
    expected = "a pipeline has 'components', each a name with its 'type' and 'init_parameters', and 'connections'"
    if not isinstance(definition, dict):
        raise ConfigurationError(f"'{file}' is no pipeline: {expected}, and this is {_kind(definition)}")
    parts = definition.get("components")
    if not isinstance(parts, dict):
        raise ConfigurationError(f"'{file}' is no pipeline: {expected}; its 'components' are {_kind(parts)}")
    for name, part in parts.items():
        if not isinstance(name, str):
            raise ConfigurationError(f"component {name} of the pipeline '{file}' needs a text for a name; {expected}")
        if not isinstance(part, dict) or "." not in str(part.get("type")):
            raise ConfigurationError(
                f"component '{name}' of the pipeline '{file}' has no 'type' with module and class; {expected}"
            )


def _kind(value: Any) -> str:
    return {dict: "a mapping", list: "a list", str: "text", type(None): "empty"}.get(type(value), "a single value")


def _routers(node: Any) -> Iterator[dict[str, Any]]:
    """The routers of a pipeline, and of the pipelines within it."""
    if isinstance(node, dict):
        if node.get("type") == ROUTER:
            yield node
        else:
            yield from (router for inner in node.values() for router in _routers(inner))
    elif isinstance(node, list):
        yield from (router for inner in node for router in _routers(inner))
