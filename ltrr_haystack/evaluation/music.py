"""Finds the generator of the music service: beside the package in a checkout, within it once installed."""

import sys
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from ltrr_haystack.errors import MissingExtraError

INSTALLED = "ltrr_haystack.examples_music"
"""The name under which a wheel carries `examples/music`."""

CHECKOUT = Path(__file__).resolve().parents[2] / "examples" / "music"
"""Where a checkout has it."""


def write_music(folder: Path | str, *, seed: int = 0) -> Path:
    """
    Write the music service as a BEIR folder, for `load_beir`.

    :param folder: Where to; made if it does not exist.
    :param seed: Another seed gives another service.
    :returns: The folder.
    :raises MissingExtraError: If the generator is neither in the package nor in a checkout around it.
    """
    generator = _generator()
    written: Path = generator.write_beir(generator.generate(seed), folder)
    return written


def _generator() -> ModuleType:
    if INSTALLED in sys.modules:
        return sys.modules[INSTALLED]
    source = CHECKOUT / "__init__.py"
    if source.exists():
        return _loaded(source)
    try:
        return import_module(INSTALLED)
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"the music service's generator is neither in {CHECKOUT} nor in this package as {INSTALLED}: install a "
            f"wheel of ltrr-haystack, or bring a BEIR folder of your own"
        ) from error


def _loaded(source: Path) -> ModuleType:
    spec = spec_from_file_location(INSTALLED, source, submodule_search_locations=[str(source.parent)])
    if spec is None or spec.loader is None:
        raise MissingExtraError(f"{source} cannot be loaded as a module")
    module = module_from_spec(spec)
    sys.modules[INSTALLED] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[INSTALLED]
        raise
    return module
