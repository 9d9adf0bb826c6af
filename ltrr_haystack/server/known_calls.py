"""What is told of a call that there is not: the call that may have been meant."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

LIKE = 0.6
LONGEST = 100
"""Characters of a path that are compared and repeated."""

SEE = "all calls are listed at /docs"


def not_found(paths: Mapping[str, Any], path: str) -> str:
    """
    Say that there is nothing at a path.

    :param paths: Path → operations, as in the OpenAPI description.
    :param path: The path that was asked for.
    :returns: A sentence that names the most similar call, if any is similar.
    """
    asked = path[:LONGEST]
    near = [each for each in paths if asked.strip("/") and each.startswith(f"{asked.rstrip('/')}/")]
    near = near or get_close_matches(asked, paths, 1, LIKE)
    if not near:
        return f"there is no {asked!r}; {SEE}"
    return f"there is no {asked!r}; did you mean {' or '.join(_calls(paths, each) for each in near)}? {SEE}"


def not_allowed(paths: Mapping[str, Any], method: str, path: str) -> str:
    """
    Say that a path takes other methods.

    :param paths: Path → operations, as in the OpenAPI description.
    :param method: The method that was asked for.
    :param path: The path that was asked for.
    :returns: A sentence that names the possible calls.
    """
    asked = path[:LONGEST]
    if asked not in paths:
        return f"{asked!r} does not take {method[:LONGEST]}; {SEE}"
    return f"{asked!r} does not take {method[:LONGEST]}; possible is {_calls(paths, asked)}; {SEE}"


def _calls(paths: Mapping[str, Any], path: str) -> str:
    return " or ".join(f"{method.upper()} {path}" for method in paths[path])
