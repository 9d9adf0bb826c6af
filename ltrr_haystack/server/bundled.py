"""What comes with the project beside the package: its pipelines, and the generator of the fictional music service."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import ltrr_haystack
from ltrr_haystack.errors import ConfigurationError

PLACES = (Path(ltrr_haystack.__file__).parent / "bundled", Path(ltrr_haystack.__file__).parents[1])
"""Where it lies: in an installed package, or in the project's folder."""


def provided(name: str) -> Path:
    """
    Find a folder that comes with the project.

    :param name: `pipelines`, `benchmarks/hybrid` or `examples/music`.
    :returns: The folder.
    :raises ConfigurationError: If it is not there.
    """
    for place in PLACES:
        if (place / name).is_dir():
            return place / name
    raise ConfigurationError(
        f"'{name}' is not part of this installation: run this from a clone of the project, or name your own data and "
        "pipelines"
    )


def music(home: Path, *, seed: int = 0) -> Path:
    """
    Write the fictional music service.

    :param home: The folder to write into.
    :param seed: Another seed gives another service.
    :returns: A BEIR folder.
    :raises ConfigurationError: If its generator is not there.
    """
    generator = _load("ltrr_music", provided("examples/music"))
    folder: Path = generator.write_beir(generator.generate(seed), home / "music")
    return folder


def _load(name: str, folder: Path) -> ModuleType:
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise ConfigurationError(f"{folder} is not a Python package")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
