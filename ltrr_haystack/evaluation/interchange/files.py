"""Files that are there whole or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from ltrr_haystack.errors import ConfigurationError


@contextmanager
def replacing(out: Path, mode: str = "w") -> Iterator[IO[Any]]:
    """
    Write a file beside its final place and put it there when it is whole.

    :param out: Where it shall be; what is there is replaced.
    :param mode: `w` for text in UTF-8, `wb` for bytes.
    :returns: A context manager that gives the open file.
    :raises ConfigurationError: If it cannot be written.
    """
    part = out.with_name(f"{out.name}.part")
    try:
        with part.open(mode, encoding=None if "b" in mode else "utf-8", newline=None if "b" in mode else "\n") as file:
            yield file
        part.replace(out)
    except OSError as error:
        part.unlink(missing_ok=True)
        msg = f"'{out}' cannot be written: {error}. Choose a file in a folder that exists and can be written to."
        raise ConfigurationError(msg) from error
    except BaseException:
        part.unlink(missing_ok=True)
        raise
