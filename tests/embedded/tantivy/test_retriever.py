import asyncio
import math
from concurrent.futures import ThreadPoolExecutor

import pytest
from haystack import Document, Pipeline
from haystack.document_stores.types import FilterPolicy
from haystack.errors import FilterError

from factories import ids

pytest.importorskip("tantivy")

from ltrr_haystack.components.retrieval_arm import RetrievalArm
from ltrr_haystack.embedded.tantivy import TantivyBM25Retriever, TantivyDocumentStore
from ltrr_haystack.errors import ConfigurationError, InvalidInputError
from ltrr_haystack.types import ArmRequest

POP, ROCK, EIGHTIES = (
    {"field": "meta.genre", "operator": "==", "value": "pop"},
    {"field": "meta.genre", "operator": "==", "value": "rock"},
    {"field": "meta.year", "operator": "<", "value": 1990},
)


def catalogue(**settings):
    fields = {"content": ["words", "trigrams"], "meta.title": ["words", "unstemmed"]}
    return TantivyDocumentStore(
        **{"text_fields": fields, "keyword_fields": ["meta.genre"], "number_fields": ["meta.year"], **settings}
    )


@pytest.fixture
def filled():
    made = catalogue()
    made.write_documents(
        [
            Document(id="a", content="rain", meta={"genre": "pop", "year": 1984, "title": "A"}, embedding=[0.5]),
            Document(id="b", content="rain", meta={"genre": "rock", "year": 1984, "title": "B"}),
            Document(id="c", content="rain", meta={"genre": "pop", "year": 2004, "title": "C"}),
            Document(id="d", content=None, meta={"title": "rain"}),
        ]
    )
    return made


class TestRun:
    def test_documents_are_whole_but_for_their_embeddings(self, filled):
        (first, *_) = TantivyBM25Retriever(filled, fields={"content": 1.0}).run("rain")["documents"]
        assert (first.id, first.content, first.embedding) == ("a", "rain", None)
        assert first.meta == {"genre": "pop", "year": 1984, "title": "A"}
        assert first.score > 0

    def test_all_words_are_searched_unless_fields_are_named(self, filled):
        assert sorted(ids(TantivyBM25Retriever(filled).run("rain"))) == ["a", "b", "c", "d"]
        assert ids(TantivyBM25Retriever(filled, fields={"meta.title": 1.0}).run("rain")) == ["d"]

    def test_an_empty_query_finds_what_its_filters_match_if_asked_to_browse(self, filled):
        browsing = TantivyBM25Retriever(filled, browse=True, boost={"field": "meta.year", "weight": 0.5})
        undeclared = {"field": "meta.title", "operator": "==", "value": "C"}
        assert ids(browsing.run("", filters=POP)) == ["c", "a"]
        assert ids(browsing.run(" ", filters=POP, top_k=1)) == ["c"]
        assert ids(browsing.run("", filters=undeclared)) == ["c"]
        assert ids(browsing.run("")) == ids(browsing.run("?!", filters=POP)) == []
        assert ids(TantivyBM25Retriever(filled).run("", filters=POP)) == []

    def test_a_store_without_words_is_searched_by_what_it_has(self):
        made = catalogue(text_fields={"content": "trigrams"})
        made.write_documents([Document(id="a", content="saxophone")])
        assert ids(TantivyBM25Retriever(made).run("saxofone")) == ["a"]

    def test_top_k_is_the_components_unless_one_is_given(self, filled):
        retriever = TantivyBM25Retriever(filled, top_k=1)
        assert [len(retriever.run("rain", top_k=top_k)["documents"]) for top_k in (None, 2, 100, 0)] == [1, 2, 4, 0]
        with pytest.raises(InvalidInputError, match="must not be negative, got -1"):
            retriever.run("rain", top_k=-1)

    def test_a_query_that_is_no_text_is_refused(self, filled):
        with pytest.raises(InvalidInputError, match="must be a text, got NoneType"):
            TantivyBM25Retriever(filled).run(None)

    def test_an_empty_store_has_nothing(self):
        assert TantivyBM25Retriever(catalogue(), fuzziness=2).run("rain") == {"documents": []}

    async def test_can_be_awaited_together(self, filled):
        retriever = TantivyBM25Retriever(filled)
        together = await asyncio.gather(*(retriever.run_async("rain", POP, 5) for _ in range(8)))
        assert [ids(each) for each in together] == [["a", "c"]] * 8
        await retriever.close_async()

    def test_many_threads_may_search_with_one(self, filled):
        retriever = TantivyBM25Retriever(filled, fuzziness=2, boost={"field": "meta.year", "weight": 0.1})
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda _: tuple(ids(retriever.run("rain riain"))), range(64)))
        assert len(set(found)) == 1
        assert sorted(found[0]) == ["a", "b", "c", "d"]

    def test_is_an_arm(self, filled):
        arm = RetrievalArm("bm25", TantivyBM25Retriever(filled), timeout=5.0)
        arm.warm_up()
        result = arm.run(ArmRequest("rain", 2, POP))["result"]
        assert result.error is None
        assert [document.id for document in result.documents] == ["a", "c"]
        arm.close()


class TestFilters:
    def test_of_a_query_replace_those_of_the_component(self, filled):
        retriever = TantivyBM25Retriever(filled, filters=POP)
        assert ids(retriever.run("rain")) == ["a", "c"]
        assert ids(retriever.run("rain", filters=ROCK)) == ["b"]

    @pytest.mark.parametrize("policy", ["merge", FilterPolicy.MERGE])
    def test_or_join_them(self, filled, policy):
        retriever = TantivyBM25Retriever(filled, filters=POP, filter_policy=policy)
        assert ids(retriever.run("rain", filters=EIGHTIES)) == ["a"]

    def test_do_not_change_scores(self, filled):
        scores = {each.id: each.score for each in TantivyBM25Retriever(filled).run("rain")["documents"]}
        for filters in (POP, EIGHTIES, {"field": "meta.title", "operator": "==", "value": "B"}):
            for found in TantivyBM25Retriever(filled).run("rain", filters=filters)["documents"]:
                assert found.score == pytest.approx(scores[found.id])

    def test_that_are_not_valid_are_refused(self, filled):
        with pytest.raises(FilterError, match="Unknown comparison operator"):
            TantivyBM25Retriever(filled).run("rain", filters={**POP, "operator": "~"})
        with pytest.raises(FilterError):
            TantivyBM25Retriever(filled).run("rain", filters={"operator": "AND"}, top_k=0)

    def test_hold_for_what_follows_fuzzily_too(self, filled):
        filled.write_documents([Document(id="e", content="rait", meta={"genre": "rock"})])
        assert ids(TantivyBM25Retriever(filled, fuzziness=1).run("rain", filters=ROCK)) == ["b", "e"]
        assert ids(TantivyBM25Retriever(filled, fuzziness=1).run("rain", filters=POP)) == ["a", "c"]


class TestSettings:
    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            (
                {"fields": {"meta.titel": 1.0}},
                "'meta.titel' is not one of the store's text fields: content:trigrams, content, meta",
            ),
            ({"fields": {}}, "must have at least one field"),
            ({"fields": {"content": 0}}, "the weight of 'content' must be a number above 0, got 0"),
            ({"fields": {"content": math.inf}}, "the weight of 'content' must be a number above 0, got inf"),
            ({"fields": {"content": True}}, "the weight of 'content' must be a number above 0, got True"),
            ({"fuzziness": 3}, "fuzziness of TantivyBM25Retriever must be 0, 1 or 2, got 3"),
            ({"operator": "xor"}, "must be 'or' or 'and', got 'xor'"),
            ({"top_k": 0}, "top_k of TantivyBM25Retriever must be at least 1, got 0"),
            ({"boost": {"field": "meta.year"}}, r"boost .* must be \{'field': …, 'weight': …\}, got \['field'\]"),
            ({"boost": {"field": "meta.plays", "weight": 1}}, "'meta.plays' is not one of the store's number_fields"),
            ({"boost": {"field": "meta.year", "weight": -1}}, "the weight must be a number above 0, got -1"),
        ],
    )
    def test_that_cannot_work_are_named(self, settings, message):
        with pytest.raises(ConfigurationError, match=message):
            TantivyBM25Retriever(catalogue(), **settings)

    def test_a_prefix_of_a_stem_is_refused_with_the_way_out(self):
        with pytest.raises(ConfigurationError, match=r"'content' is stemmed; add 'unstemmed' .*'content:unstemmed'"):
            TantivyBM25Retriever(catalogue(language="en"), prefix_last=True)
        TantivyBM25Retriever(catalogue(language="en"), fields={"meta.title:unstemmed": 1.0}, prefix_last=True)
        TantivyBM25Retriever(catalogue(), prefix_last=True)

    def test_survive_yaml(self, tmp_path):
        retriever = TantivyBM25Retriever(
            catalogue(path=str(tmp_path / "index")),
            fields={"content:trigrams": 0.5, "meta.title": 2},
            fuzziness=2,
            prefix_last=True,
            operator="and",
            boost={"field": "meta.year", "weight": 0.5},
            filters=POP,
            filter_policy=FilterPolicy.MERGE,
            top_k=7,
        )
        pipeline = Pipeline()
        pipeline.add_component("words", retriever)
        text = pipeline.dumps()
        again = Pipeline.loads(text)
        assert again.dumps() == text
        assert again.get_component("words").to_dict() == retriever.to_dict()
        assert list(tmp_path.iterdir()) == []

    def test_warming_up_opens_the_index(self, tmp_path):
        retriever = TantivyBM25Retriever(catalogue(path=str(tmp_path / "index")))
        retriever.warm_up()
        assert (tmp_path / "index" / "meta.json").exists()
        retriever.close()
