"""`python -m examples.music OUT_DIR [--seed S]`: write the music service as a BEIR folder."""

import argparse
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from .beir import write_beir
from .catalogue import generate


def main() -> None:
    """Write a catalogue and print a summary."""
    parser = argparse.ArgumentParser(prog="python -m examples.music", description="Generate a fictional music service.")
    parser.add_argument("out", type=Path, metavar="OUT_DIR", help="folder to write into")
    parser.add_argument("--seed", type=int, default=0, help="another seed gives another service (default: 0)")
    arguments = parser.parse_args()
    catalogue = generate(arguments.seed)
    folder = write_beir(catalogue, arguments.out)
    print(f"Written to {folder}")
    print("entities:", _counts(entity.type for entity in catalogue.entities))
    print("queries: ", _counts(query.kind for query in catalogue.queries))
    print("people:  ", len(catalogue.listeners), "listeners")


def _counts(names: Iterable[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in Counter(names).most_common())


if __name__ == "__main__":
    main()
