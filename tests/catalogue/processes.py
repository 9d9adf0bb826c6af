"""
Two processes that index at once, run as a program: `DATABASE COUNT` forks before any store is open.

Each child hands every second of COUNT documents, one by one, to a `CatalogueWriter`. They begin at the same moment.
"""

import os
import sys

from haystack import Document
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack.utils import Secret

from ltrr_haystack.components.catalogue_writer import CatalogueWriter
from ltrr_haystack.store import LTRRStore


def write(database, numbers, begin):
    store = LTRRStore(Secret.from_token(f"sqlite:///{database}"))
    writer = CatalogueWriter(store, InMemoryDocumentStore())
    writer.warm_up()
    os.read(begin, 1)
    for number in numbers:
        writer.run([Document(id=f"d{number}", content=f"word{number} song")])
    writer.close()


def main(database, count):
    begin, say = os.pipe()
    children = []
    for number in range(2):
        child = os.fork()
        if child == 0:
            write(database, range(number, int(count), 2), begin)
            os._exit(0)
        children.append(child)
    os.write(say, b"go")
    sys.exit(any(os.waitpid(child, 0)[1] for child in children))


if __name__ == "__main__":
    main(*sys.argv[1:])
