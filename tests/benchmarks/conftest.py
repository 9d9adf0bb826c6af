"""The programs of `benchmarks/`, each as a module."""

import importlib.util
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


def program(name):
    @pytest.fixture(scope="module", name=name)
    def load():
        spec = importlib.util.spec_from_file_location(f"benchmark_{name}", FOLDER / f"{name}.py")
        module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        yield module
        del sys.modules[spec.name]

    return load


coverage, engine, ingest = program("coverage"), program("engine"), program("ingest")
gate, one_click, readings = program("gate"), program("one_click"), program("readings")
understanding, expected_readings = program("understanding"), program("expected_readings")
