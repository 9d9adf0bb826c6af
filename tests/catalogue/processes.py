"""
Two processes that index at once, run as a program: `index DATABASE FOLDER COUNT` forks before anything is open.

Each child writes every second of COUNT documents, one by one, through a `CatalogueWriter` into the index of FOLDER.
"""

import os
import sys

from haystack import Document, Pipeline
from haystack.components.writers import DocumentWriter
from haystack.document_stores.types import DuplicatePolicy
from haystack.utils import Secret

from ltrr_haystack.components.catalogue_writer import CatalogueWriter
from ltrr_haystack.embedded.tantivy import TantivyDocumentStore
from ltrr_haystack.store import LTRRStore


def documents(count):
    return [Document(id=f"d{number}", content=f"word{number} song") for number in range(count)]


def index(database, folder, some):
    document_store = TantivyDocumentStore(folder)
    pipeline = Pipeline()
    store = LTRRStore(Secret.from_token(f"sqlite:///{database}"))
    pipeline.add_component("catalogue", CatalogueWriter(store, document_store))
    pipeline.add_component("writer", DocumentWriter(document_store, policy=DuplicatePolicy.OVERWRITE))
    pipeline.connect("catalogue.documents", "writer.documents")
    for each in some:
        pipeline.run({"catalogue": {"documents": [each]}})
    pipeline.close()


def main(database, folder, count):
    children = []
    for number in range(2):
        child = os.fork()
        if child == 0:
            index(database, folder, documents(int(count))[number::2])
            os._exit(0)
        children.append(child)
    ended = [os.waitpid(child, 0)[1] for child in children]
    sys.exit(any(ended))


if __name__ == "__main__":
    main(*sys.argv[1:])
