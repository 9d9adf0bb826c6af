"""Files that come with the project beside the package: pipelines, and the generator of the fictional music service."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import ltrr_haystack
from ltrr_haystack.errors import ConfigurationError

PLACES = (Path(ltrr_haystack.__file__).parent / "bundled", Path(ltrr_haystack.__file__).parents[1])
"""Where the files are: inside an installed package, or in a clone of the project."""


def bundled_folder(name: str) -> Path:
    """
    Find a folder that comes with the project.

    :param name: `pipelines`, `benchmarks/hybrid` or `examples/music`.
    :returns: The folder.
    :raises ConfigurationError: If it is missing.
    """
    for place in PLACES:
        if (place / name).is_dir():
            return place / name
    raise ConfigurationError(
        f"'{name}' is not part of this installation: run this from a clone of the project, or pass your own data and "
        "pipelines"
    )


def music(home: Path, *, seed: int = 0) -> Path:
    """
    Write the catalogue of the fictional music service.

    :param home: The folder to write into.
    :param seed: Seed of the generator; each seed gives another catalogue.
    :returns: A BEIR folder.
    :raises ConfigurationError: If the generator is missing.
    """
    generator = _load("ltrr_music", bundled_folder("examples/music"))
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
