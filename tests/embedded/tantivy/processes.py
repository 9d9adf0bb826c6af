"""
Processes for the tests that need several, run as a program: it forks before any index is open.

`kill FOLDER ROUNDS SEED` writes batches in child after child, each of which is killed at a random moment; prints, as
JSON, for each of them which batch was acknowledged last, and what another child then found. `write FOLDER ID` writes a
document, says so, and keeps the index open until its input ends; `hold FOLDER ID` does not end the write before. `fork
FOLDER` writes a document and forks; prints what the child then wrote and found.
"""

import json
import os
import random
import select
import signal
import sys
import time

from haystack import Document
from haystack.document_stores.types import DuplicatePolicy

from ltrr_haystack.embedded.tantivy import TantivyBM25Retriever, TantivyDocumentStore

BATCH = 20
SETTINGS = {"keyword_fields": ["meta.batch"], "number_fields": ["meta.number"]}


def opened(folder):
    return TantivyDocumentStore(folder, **SETTINGS)


def batch(number):
    """The first document of a batch is written anew by the next one."""
    fresh = [
        Document(id=f"{number}-{each}", content=f"batch {number}", meta={"batch": number}) for each in range(1, BATCH)
    ]
    return [Document(id="last", content=f"last {number}", meta={"batch": number}), *fresh]


def in_child(work):
    """Runs `work` in a child and gives the child with the end of a pipe that it writes lines to."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        status = 1
        try:
            work(lambda said: os.write(writing, f"{json.dumps(said)}\n".encode()))
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    return child, reading


def rest(reading):
    with os.fdopen(reading, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.endswith("\n")]


def kill(folder, rounds, seed):
    rng, report, first = random.Random(seed), [], 0
    for _ in range(rounds):

        def write(say, first=first):
            store = opened(folder)
            for number in range(first, first + 100_000):
                store.write_documents(batch(number), DuplicatePolicy.OVERWRITE)
                say(number)

        def look(say):
            store = opened(folder)
            counts = {}
            for document in store.filter_documents():
                counts[document.meta["batch"]] = counts.get(document.meta["batch"], 0) + 1
            last = [document.content for document in TantivyBM25Retriever(store).run("last")["documents"]]
            say({"counts": sorted(counts.items()), "last": last, "count": store.count_documents()})

        child, reading = in_child(write)
        select.select([reading], [], [], 60)
        time.sleep(rng.uniform(0.0, 0.2))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        acknowledged = rest(reading)
        child, reading = in_child(look)
        (found,) = rest(reading)
        os.waitpid(child, 0)
        report.append({"acknowledged": acknowledged[-1], **found})
        first = max(number for number, _ in found["counts"]) + 1
    sys.stdout.write(json.dumps(report))


def wait():
    sys.stdout.write("written\n")
    sys.stdout.flush()
    sys.stdin.read()


def write(folder, document_id):
    store = opened(folder)
    store.write_documents([Document(id=document_id, content="of another process")])
    wait()


def hold(folder, document_id):
    with opened(folder).shared_index().write_batch() as writing:
        writing.delete(document_id)
        wait()


def fork(folder):
    store = opened(folder)
    store.write_documents([Document(id="mine", content="rain")])
    time.sleep(1.0)  # tantivy's own threads have come to rest

    def use(say):
        written = store.write_documents([Document(id="theirs", content="rain")])
        say({"written": written, "found": [found.id for found in TantivyBM25Retriever(store).run("rain")["documents"]]})

    child, reading = in_child(use)
    sys.stdout.write(json.dumps(rest(reading)))
    os.waitpid(child, 0)


if __name__ == "__main__":
    name, folder, *arguments = sys.argv[1:]
    {"kill": kill, "write": write, "hold": hold, "fork": fork}[name](
        folder, *(int(each) if each.isdecimal() else each for each in arguments)
    )
