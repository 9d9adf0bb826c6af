"""On which source files results depend: those of a module and of all modules that it imports."""

import ast
from collections.abc import Iterator
from functools import cache
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path

PACKAGE = __name__.partition(".")[0]


@cache
def source_fingerprint(module: str) -> str:
    """
    Give a fingerprint of the source of a module and of the package's modules that it imports, directly or not.

    A package's own `__init__.py` counts where something is imported from it, not where one of its modules is imported.

    :param module: The module's full name.
    :returns: Sixteen hexadecimal digits that are others when one of these files is.
    """
    digest = blake2b(digest_size=8)
    for _, path in sorted(imported_sources(module).items()):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def imported_sources(module: str) -> dict[str, Path]:
    """
    Find the source files on which a module depends.

    :param module: The module's full name.
    :returns: Module → file, the module itself included; modules of other packages are left out.
    """
    found: dict[str, Path] = {}
    names = [module]
    while names:
        name = names.pop()
        if name not in found and (path := _source(name)) is not None:
            found[name] = path
            names += _imports(path)
    return found


def _source(name: str) -> Path | None:
    """The file of a module; `None` for the names of other packages and for what a module defines."""
    try:
        spec = find_spec(name) if name.partition(".")[0] == PACKAGE else None
    except ModuleNotFoundError:  # the parent is a module, and no package
        return None
    return Path(spec.origin) if spec is not None and spec.origin is not None else None


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
