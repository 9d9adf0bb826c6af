"""Resolves the path of an index."""

import os
import re
from pathlib import Path

from ltrr_haystack.errors import ConfigurationError

_VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::-(?P<default>[^}]*))?\}")


def resolve_folder(path: str) -> Path:
    """
    Resolve the path of a folder.

    :param path: A path in which `${NAME}` stands for an environment variable, and `${NAME:-default}` for `default` if
        the variable is not set or empty, as in a shell; `~` is the home directory.
    :returns: The absolute path without symbolic links. The folder need not exist.
    :raises ConfigurationError: If a variable is not set, or the path is empty.
    """

    def value(variable: re.Match[str]) -> str:
        name, default = variable["name"], variable["default"]
        found = os.environ.get(name) or default
        if found is None:
            raise ConfigurationError(
                f"path '{path}' uses the environment variable {name}, which is not set; set it, or give a default as "
                f"${{{name}:-folder}}"
            )
        return found

    expanded = _VARIABLE.sub(value, path)
    if not expanded.strip():
        raise ConfigurationError(f"path '{path}' is empty; leave it out for an index in memory")
    return Path(expanded).expanduser().resolve()
