"""
A hybrid pipeline before and after: the same retrievers, now with a router, a memory and a log.

    python examples/over_your_hybrid.py

It needs nothing but the package itself. Thirty people click the same song; the next search finds it first.
"""

import tempfile
from pathlib import Path
from typing import Literal

from haystack import Document, Pipeline
from haystack.components.joiners import DocumentJoiner
from haystack.components.retrievers import InMemoryBM25Retriever
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack.utils import Secret

from ltrr_haystack import FeedbackWriter, Learner, LTRRStore, MemoryIndexRetriever, VWPolicy, build_search_pipeline

SONGS = [
    "Rain over the harbour, a slow song for the evening",
    "Evening train, a song about leaving the harbour",
    "A slow waltz for two",
    "Two trains, a fast song",
    "The harbour in the rain, played on the piano",
    "Leaving, slowly",
]


def before(titles: InMemoryDocumentStore, words: InMemoryDocumentStore) -> Pipeline:
    """The pipeline as it is today: every retriever for every query, at full depth."""
    pipeline = Pipeline()
    pipeline.add_component("titles", InMemoryBM25Retriever(titles, top_k=30))
    pipeline.add_component("words", InMemoryBM25Retriever(words, top_k=30))
    pipeline.add_component("joiner", DocumentJoiner(join_mode="reciprocal_rank_fusion", top_k=10))
    pipeline.connect("titles.documents", "joiner.documents")
    pipeline.connect("words.documents", "joiner.documents")
    return pipeline


def after(titles: InMemoryDocumentStore, words: InMemoryDocumentStore, store: LTRRStore) -> Pipeline:
    """The same retrievers in a pipeline that learns which of them to ask, and how deep."""
    return build_search_pipeline(
        {
            "titles": InMemoryBM25Retriever(titles),
            "words": InMemoryBM25Retriever(words),
            "memory": MemoryIndexRetriever(store, words),
        },
        arms={
            "titles": {"kind": "lexical", "levels": [0, 10, 30], "cost_per_call": 0.01},
            "words": {"kind": "lexical", "levels": [0, 10, 30], "cost_per_call": 0.01},
            "memory": {"kind": "memory", "levels": [10]},
        },
        budget=70,
        baseline={"titles": 30, "words": 30},
        store=store,
        # What was learned is played at once here. Leave `policy` out, and your hybrid is played until the log shows
        # that the policy does better.
        policy=VWPolicy(safe_baseline_share=0.0),
        weights={"memory": 3.0},
    )


def documents(algorithm: Literal["BM25Okapi", "BM25L", "BM25Plus"]) -> InMemoryDocumentStore:
    """The songs in a store of their own."""
    store = InMemoryDocumentStore(bm25_algorithm=algorithm)
    store.write_documents([Document(id=f"song-{number}", content=text) for number, text in enumerate(SONGS)])
    return store


def show(heading: str, found: list[Document]) -> None:
    """Print a page."""
    print(heading)
    for position, document in enumerate(found, start=1):
        print(f"  {position}. {document.id}  {document.content}")


def main() -> None:
    """Search, click, learn, search again."""
    titles, words = documents("BM25Plus"), documents("BM25Okapi")
    query = "slow song"
    both = {"titles": {"query": query}, "words": {"query": query}}
    show("Before:", before(titles, words).run(both)["joiner"]["documents"])

    with tempfile.TemporaryDirectory() as folder:
        store = LTRRStore(Secret.from_token(f"sqlite:///{Path(folder) / 'ltrr.db'}"))
        search = after(titles, words, store)
        feedback = FeedbackWriter(store, learn="inline", learner=Learner(store, VWPolicy(), reward_wait=0.0))
        wanted = search.run({"understanding": {"query": query}})["impressions"]["documents"][-1].id
        for number in range(30):
            person = {"user_id": f"person-{number}"}  # one person alone moves little
            page = search.run({"understanding": {"query": query}, "router": person})["impressions"]
            feedback.run(
                [
                    {
                        "action_name": "click",
                        "query_id": page["query_id"],
                        "event_attributes": {"object": {"object_id": wanted}},
                    }
                ]
            )
        page = search.run({"understanding": {"query": query}})["impressions"]
        show(f"After thirty clicks on {wanted}:", page["documents"])
        store.close()


if __name__ == "__main__":
    main()
