"""Folders as settings name them."""

import os
import re
from pathlib import Path

from ltrr_haystack.errors import ConfigurationError

_VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::-(?P<default>[^}]*))?\}")


def folder_of(path: str) -> Path:
    """
    Find the folder that a setting names.

    :param path: A path, in which `${NAME}` stands for an environment variable, and `${NAME:-this}` for `this` where it
        is not set or empty, as in a shell; `~` is the person's own folder.
    :returns: The folder, which need not exist, without links and dots.
    :raises ConfigurationError: If a variable is not set, or nothing is left of the path.
    """

    def value(variable: re.Match[str]) -> str:
        name, default = variable["name"], variable["default"]
        found = os.environ.get(name) or default
        if found is None:
            raise ConfigurationError(
                f"path '{path}' names the environment variable {name}, which is not set; set it, or write "
                f"${{{name}:-folder}} to say what else is meant"
            )
        return found

    expanded = _VARIABLE.sub(value, path)
    if not expanded.strip():
        raise ConfigurationError(f"path '{path}' names no folder; leave it out for an index in memory")
    return Path(expanded).expanduser().resolve()
