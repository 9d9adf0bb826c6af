"""Imports go downwards only."""

import ast
from collections import defaultdict
from pathlib import Path

import pytest

import ltrr_haystack

PACKAGE = Path(ltrr_haystack.__file__).parent
FLOORS = [
    {"__about__", "frozen_value", "types", "errors", "deadline", "filtering", "fusion", "loading_errors", "reasons"},
    {"store"},
    {"feedback", "understanding"},
    {"catalogue"},
    {"memory", "policy", "readings", "structured"},
    {"embedded"},
    {"ranking"},
    {"learning"},
    {"intents"},
    {"components"},
    {"builder", "routers"},
    {"evaluation"},
    {"server"},
    {"cli"},
]
FLOOR = {part: number for number, parts in enumerate(FLOORS) for part in parts}


def part_of(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0].removesuffix(".py")


def imported_parts(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
        elif isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
    return {name.split(".")[1] for name in names if name.startswith("ltrr_haystack.")}


SOURCES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_nothing_from_a_higher_floor(path):
    floor = FLOOR[part_of(path)]
    assert {part for part in imported_parts(path) if FLOOR[part] > floor} == set()


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_one_module_talks_to_vowpal_wabbit(path):
    imports = "vowpalwabbit" in path.read_text()
    assert imports == (path.name == "vw_workspace.py")


def test_no_two_classes_have_the_same_name():
    places = defaultdict(list)
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(f"{path.relative_to(PACKAGE)}:{node.lineno}")
    assert {name: found for name, found in places.items() if len(found) > 1} == {}
