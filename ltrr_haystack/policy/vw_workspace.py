"""
The one module that talks to Vowpal Wabbit.

VW trusts its input: a newline in a name adds examples and labels, a space, tab, `|` or `:` adds or changes features, a
bare number is taken for a place in the table of weights, an infinite label turns the model into NaN, and a truncated
model file loads without a word. Everything that goes in is therefore escaped and checked here.
"""

import math
import tempfile
import threading
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from vowpalwabbit import pyvw

from ltrr_haystack.errors import LTRRError, SnapshotError

MAGNITUDE_LIMIT = 1e4
"""Numbers beyond it are cut: a single one could drown all that was learned."""


@lru_cache(maxsize=8192)
def escaped(text: str) -> str:
    """
    Make any text safe as part of a feature's name.

    :param text: Any text, lone surrogates and control characters included.
    :returns: Letters, digits and `_.-~%` only; different texts stay different, but for lone surrogates.
    """
    return quote(text, safe="", errors="replace")


def category(key: str, value: str) -> str:
    """
    Write a feature that is one of several.

    :param key: What it is a value of.
    :param value: The value.
    :returns: `key=value`, escaped.
    """
    return f"{escaped(key)}={escaped(value)}"


def magnitude(key: str, value: float) -> str:
    """
    Write a feature with a number.

    :param key: What is measured.
    :param value: A finite number.
    :returns: `key^:value`, escaped, so that no key can be taken for a bare number or for a category.
    """
    return f"{escaped(key)}^:{bounded(value):.6g}"


def features_text(features: Mapping[str, str | float]) -> str:
    """
    Write features; a text is a category, a number a magnitude. What is neither, or not finite, is left out.

    :param features: Key → value.
    :returns: The features, separated by spaces.
    """
    parts = []
    for key, value in features.items():
        if isinstance(value, str):
            parts.append(category(key, value))
        elif is_finite(value):
            parts.append(magnitude(key, value))
    return " ".join(parts)


def is_finite(value: Any) -> bool:
    """
    Say whether a value is a number that VW can take.

    :param value: Any value.
    :returns: Whether it is a number, neither infinite nor NaN.
    """
    return isinstance(value, int | float) and -math.inf < value < math.inf


def bounded(value: float) -> float:
    """
    Cut a number to what VW can take.

    :param value: A finite number.
    :returns: The number between ±`MAGNITUDE_LIMIT`.
    """
    return float(max(-MAGNITUDE_LIMIT, min(MAGNITUDE_LIMIT, value)))


class VowpalWorkspace:
    """
    A VW model that scores the lines of an example and learns the cost of a line. Safe to share between threads.

    It opens at first use, or when it is restored: 2 ms, and 4 MB for 18 bits.
    """

    def __init__(self, arguments: Sequence[str], model: bytes | None = None) -> None:
        """
        Describe a workspace.

        :param arguments: VW's command line.
        :param model: What `to_bytes` gave, to go on from there.
        """
        self._arguments = list(arguments)
        self._model = model
        self._lock = threading.Lock()
        self._opened: pyvw.Workspace | None = None

    def predict(self, shared: str, lines: Sequence[str]) -> list[float]:
        """
        Score the lines of one example.

        :param shared: The shared line.
        :param lines: The other lines.
        :returns: A score for each line; the lower, the better.
        """
        with self._lock:
            workspace = self._workspace()
            examples = self._parsed(workspace, shared, lines)
            try:
                scores: list[float] = workspace.predict(examples)
            finally:
                workspace.finish_example(examples)
        return scores

    def learn(self, shared: str, line: str, cost: float) -> None:
        """
        Learn what a line cost.

        :param shared: The shared line.
        :param line: The line.
        :param cost: Its cost; not learned from if it is not finite.
        """
        if not is_finite(cost):
            return
        with self._lock:
            workspace = self._workspace()
            examples = self._parsed(workspace, shared, (f"0:{bounded(cost):.9g}:1.0 {line}",))
            try:
                workspace.learn(examples)
            finally:
                workspace.finish_example(examples)

    def to_bytes(self, probe: Sequence[str]) -> tuple[bytes, list[float]]:
        """
        Give the model, and what it says to an example.

        VW's own counters (how many examples it has seen since it was loaded, their loss) are left at zero by loading
        and saving once more, so that equal models are equal bytes however often they were saved in between.

        :param probe: The example: the shared line and the others.
        :returns: VW's model file, and the scores of the probe. They come from a copy, since VW counts predictions in
            the model.
        """
        with self._lock:
            saved = _saved(self._workspace())
        copy = type(self)(self._arguments, saved)
        model = _saved(copy._workspace())
        scores = copy.predict(probe[0], probe[1:])
        copy.close()
        return model, scores

    def close(self) -> None:
        """Release VW's memory; a later call opens the workspace as it was described."""
        with self._lock:
            if self._opened is not None:
                self._opened.finish()
                self._opened = None

    @classmethod
    def restored(cls, arguments: Sequence[str], model: bytes, probe: Sequence[str], scores: Sequence[float]) -> Self:
        """
        Open a model and see that it still says what it said. From then on it needs no file: VW reads models from files
        alone, and a search must not fail because the disk does.

        :param arguments: VW's command line, as it was when the model was made.
        :param model: What `to_bytes` gave.
        :param probe: An example: the shared line and the others.
        :param scores: What the model scored the probe when it was saved.
        :returns: The workspace, open and unused; the probe goes through a copy.
        :raises SnapshotError: If VW does not load the model, or it says something else.
        """
        restored, copy = cls(arguments, model), cls(arguments, model)
        try:
            found = copy.predict(probe[0], probe[1:])
            restored._workspace()
        except Exception as error:
            raise SnapshotError(f"Vowpal Wabbit does not load the snapshot's model: {error}") from error
        finally:
            copy.close()
        if len(found) != len(scores) or not all(map(_close, found, scores)):
            raise SnapshotError(
                f"the snapshot's model scores {found} where it scored {list(scores)} when it was saved; "
                "it was made by another version of Vowpal Wabbit, or is damaged"
            )
        return restored

    def _workspace(self) -> pyvw.Workspace:
        if self._opened is None:
            if self._model is None:
                self._opened = pyvw.Workspace(arg_list=[*self._arguments, "--quiet"])
            else:
                self._opened = _loaded(self._model, self._arguments)
        return self._opened

    def _parsed(self, workspace: pyvw.Workspace, shared: str, lines: Sequence[str]) -> list[Any]:
        examples: list[Any] = workspace.parse("\n".join((shared, *lines)))
        if len(examples) != len(lines) + 1:
            workspace.finish_example(examples)
            raise LTRRError(f"{len(lines) + 1} lines became {len(examples)} examples: a feature was not escaped")
        return examples


def _close(found: float, expected: float) -> bool:
    return math.isclose(found, expected, rel_tol=1e-4, abs_tol=1e-6)


def _saved(workspace: pyvw.Workspace) -> bytes:
    with tempfile.TemporaryDirectory(prefix="ltrr-vw-") as folder:
        path = Path(folder, "model")
        workspace.save(path)
        return path.read_bytes()


def _loaded(model: bytes, arguments: Sequence[str]) -> pyvw.Workspace:
    with tempfile.TemporaryDirectory(prefix="ltrr-vw-") as folder:
        path = Path(folder, "model")
        path.write_bytes(model)
        return pyvw.Workspace(arg_list=["--initial_regressor", str(path), *arguments, "--quiet"])
