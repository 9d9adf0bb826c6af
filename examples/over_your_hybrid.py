"""
A hybrid pipeline before and after: the same retrievers, then with a router, a memory index and a log.

    python examples/over_your_hybrid.py

It needs the extra `tantivy`: `pip install "ltrr-haystack[tantivy]"`. Thirty users click on the same song; the next
search shows it first.
"""

import tempfile
from pathlib import Path

from haystack import Document, Pipeline
from haystack.components.joiners import DocumentJoiner
from haystack.utils import Secret

from ltrr_haystack import FeedbackWriter, Learner, LTRRStore, MemoryIndexRetriever, VWPolicy, build_search_pipeline
from ltrr_haystack.embedded.tantivy import TantivyBM25Retriever, TantivyDocumentStore

SONGS = [
    "Rain over the harbour, a slow song for the evening",
    "Evening train, a song about leaving the harbour",
    "A slow waltz for two",
    "Two trains, a fast song",
    "The harbour in the rain, played on the piano",
    "Leaving, slowly",
]


def songs() -> TantivyDocumentStore:
    """Create the document store, with fields for words and for trigrams."""
    store = TantivyDocumentStore(text_fields={"content": ["words", "trigrams"]}, language="en")
    store.write_documents([Document(id=f"song-{number}", content=text) for number, text in enumerate(SONGS)])
    return store


def before(store: TantivyDocumentStore) -> Pipeline:
    """Build the pipeline of today, which runs every retriever for every query at full depth."""
    pipeline = Pipeline()
    pipeline.add_component("words", TantivyBM25Retriever(store, top_k=30))
    pipeline.add_component("trigrams", TantivyBM25Retriever(store, fields={"content:trigrams": 1.0}, top_k=30))
    pipeline.add_component("joiner", DocumentJoiner(join_mode="reciprocal_rank_fusion", top_k=10))
    pipeline.connect("words.documents", "joiner.documents")
    pipeline.connect("trigrams.documents", "joiner.documents")
    return pipeline


def after(store: TantivyDocumentStore, log: LTRRStore) -> Pipeline:
    """Build a pipeline with the same retrievers, which learns which of them to run and at which depth."""
    return build_search_pipeline(
        {
            "words": TantivyBM25Retriever(store),
            "trigrams": TantivyBM25Retriever(store, fields={"content:trigrams": 1.0}),
            "memory": MemoryIndexRetriever(log, store),
        },
        arms={
            "words": {"kind": "lexical", "levels": [0, 10, 30], "cost_per_call": 0.01},
            "trigrams": {"kind": "fuzzy", "levels": [0, 10, 30], "cost_per_call": 0.01},
            "memory": {"kind": "memory", "levels": [10]},
        },
        budget=70,
        baseline={"words": 30, "trigrams": 30},
        min_candidates=20,  # memory alone would fill no page
        store=log,
        # The learned policy is played at once and always here. Without `policy`, your hybrid is played until the log
        # shows that the policy is worth more, and in one search of twenty afterwards.
        policy=VWPolicy(safe_baseline_share=0.0, baseline_share=0.0),
        weights={"memory": 3.0},
    )


def show(heading: str, found: list[Document]) -> None:
    """Print a page."""
    print(heading)
    for position, document in enumerate(found, start=1):
        print(f"  {position}. {document.id}  {document.content}")


def main() -> None:
    """Search, click, learn, search again."""
    store, query = songs(), "slow song"
    today = before(store).run({"words": {"query": query}, "trigrams": {"query": query}})["joiner"]["documents"]
    show("Before:", today)
    wanted = today[-1].id

    with tempfile.TemporaryDirectory() as folder:
        log = LTRRStore(Secret.from_token(f"sqlite:///{Path(folder) / 'ltrr.db'}"))
        search = after(store, log)
        feedback = FeedbackWriter(log, learn="inline", learner=Learner(log, VWPolicy(), reward_wait=0.0))
        for number in range(30):
            person = {"user_id": f"person-{number}"}  # one user alone has little effect
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
        log.close()


if __name__ == "__main__":
    main()
