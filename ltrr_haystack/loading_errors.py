"""Why a pipeline's YAML file cannot be loaded, in one paragraph with the place and the remedy."""

import logging
import pkgutil
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from types import ModuleType
from typing import Any

from haystack.core.component import component

from ltrr_haystack.errors import find_cause

EXTRAS = {
    "elasticsearch": "elasticsearch",
    "pgvector": "pgvector",
    "psycopg": "pgvector",
    "qdrant": "qdrant",
    "qdrant_client": "qdrant",
    "sentence_transformers": "sentence-transformers",
    "tantivy": "tantivy",
}
"""Part of a module's name → the extra of this package that brings the module."""

LONGEST_REASON = 600
"""Characters of what others say of a pipeline; some repeat all that they were given."""

LIKE = 0.8
"""From which similarity on another module is named in place of one that there is not."""

_COMPONENT = re.compile(r"component '(?P<a>[^']+)' of class '|\(name: '(?P<b>[^']+)'\) not imported")
_UNREGISTERED = re.compile(r"couldn't find '(?P<type>[^']+)' in the component registry")
_UNTRUSTED = re.compile(r"module '(?P<module>[^']+)': the module is not on the trusted-module allowlist")


@contextmanager
def imports_fail_quietly() -> Iterator[None]:
    """
    Keep this thread's failing imports out of the log, while a pipeline is loaded.

    Haystack logs the traceback of each, though the error that it raises says the same.
    """
    loading = threading.get_ident()
    imports = logging.getLogger("haystack.utils.type_serialization")

    def is_of_others(record: logging.LogRecord) -> bool:
        return record.thread != loading or record.exc_info is None

    imports.addFilter(is_of_others)
    try:
        yield
    finally:
        imports.removeFilter(is_of_others)


def why_no_yaml(error: Exception) -> str:
    """
    Tell what PyYAML found, and where; it writes this in several lines, with a piece of the file.

    :param error: What it raised.
    :returns: The problem with line and column.
    """
    found = [
        f"{what} in line {mark.line + 1}, column {mark.column + 1}"
        for what, mark in (
            (getattr(error, "problem", None), getattr(error, "problem_mark", None)),
            (getattr(error, "context", None), getattr(error, "context_mark", None)),
        )
        if what and mark
    ]
    return f"{', '.join(found)}; correct it there" if found else _paragraph(str(error))


def why_not_loaded(error: BaseException, definition: Any = None) -> str:
    """
    Tell why Haystack could not make a pipeline; it wraps what a constructor raises, and repeats all that it was given.

    :param error: What it raised.
    :param definition: The pipeline's definition, where it is at hand.
    :returns: The reason, with the name of the component that could not be made.
    """
    if ours := find_cause(error):
        return str(ours)
    chain = [error]
    while (cause := chain[-1].__cause__) is not None:
        chain.append(cause)
    name = next((found["a"] or found["b"] for each in chain if (found := _COMPONENT.search(str(each)))), None)
    untrusted = _UNTRUSTED.search(str(chain[-1]))
    if name is None and untrusted:
        name = _component_of(untrusted["module"], definition)
    # A KeyError says the key alone; what it led to says more.
    root = chain[-2] if isinstance(chain[-1], KeyError) and len(chain) > 1 else chain[-1]
    reason = _untrusted(untrusted["module"]) if untrusted else _reason(root)
    return reason if name is None else f"component '{name}': {reason}"


def _component_of(module: str, definition: Any) -> str | None:
    """The component that Haystack, which names the module alone, did not want to import."""
    parts = definition.get("components", {}) if isinstance(definition, dict) else {}
    return next((name for name, part in parts.items() if part["type"].rpartition(".")[0] == module), None)


def _reason(error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name:
        return _missing_module(error.name)
    if unregistered := _UNREGISTERED.search(str(error)):
        return _missing_class(unregistered["type"])
    if isinstance(error, AttributeError) and isinstance(error.obj, ModuleType):
        return _missing_class(f"{error.obj.__name__}.{error.name}")
    return _paragraph(str(error)) or type(error).__name__


def _untrusted(module: str) -> str:
    return (
        f"Haystack imports nothing from the module '{module}' unless it is told to trust it; if you do, set "
        f"HAYSTACK_DESERIALIZATION_ALLOWLIST={module} in the environment, else correct the type"
    )


def _missing_module(module: str) -> str:
    parent, _, last = module.rpartition(".")
    beside = [each.name for each in pkgutil.iter_modules(getattr(sys.modules.get(parent), "__path__", []))]
    if last not in beside and (near := get_close_matches(last, beside, 1, LIKE)):
        return f"there is no module '{module}'; did you mean '{parent}.{near[0]}'?"
    for part in module.split("."):
        if part in EXTRAS:
            return f"it needs '{module}'; install it with: pip install 'ltrr-haystack[{EXTRAS[part]}]'"
    package = f", such as {last.replace('_', '-')}-haystack," if module.startswith("haystack_integrations.") else ""
    return f"there is no module '{module}'; install the package{package} that brings it, or correct the type"


def _missing_class(path: str) -> str:
    name = path.rpartition(".")[2]
    near = _near(name, _classes(path.rpartition(".")[0]))
    hint = f"did you mean '{near}'?" if near else "correct the type"
    return f"there is no class '{path}'; {hint}"


def _classes(module: str) -> dict[str, str]:
    """Name → path of the components that are known, and of the classes of a module, which come before others."""
    known = {path.rpartition(".")[2]: path for path in component.registry}
    loaded = sys.modules.get(module)
    # Haystack's packages have their modules' classes, too, and import them when they are asked for.
    names = [name for name in dir(loaded) if not name.startswith("_")] if loaded else []
    inside = {name: getattr(loaded, name, None) for name in names}
    return known | {
        name: f"{each.__module__}.{each.__qualname__}" for name, each in inside.items() if isinstance(each, type)
    }


def _near(name: str, classes: dict[str, str]) -> str | None:
    found = get_close_matches(name, classes, 1)
    return classes[found[0]] if found else None


def _paragraph(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_REASON else f"{line[: LONGEST_REASON - 1]}…"
