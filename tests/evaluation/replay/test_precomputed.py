from dataclasses import replace

import pytest
from haystack.utils import Secret

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.evaluation.datasets import Query
from ltrr_haystack.evaluation.replay.texts import Texts
from ltrr_haystack.store import LTRRStore
from ltrr_haystack.understanding import normal_form


class TestSplit:
    def test_parts_all_queries_and_another_seed_parts_otherwise(self, precomputed):
        seen, held_out = precomputed.split(0, 0.25)
        assert (len(seen), len(held_out)) == (9, 3)
        assert {query.id for query in seen} | {query.id for query in held_out} == {f"q{number}" for number in range(12)}
        assert precomputed.split(0, 0.25) == (seen, held_out)
        assert any(precomputed.split(seed, 0.25)[1] != held_out for seed in range(1, 5))

    def test_queries_that_mean_the_same_letters_stay_together(self, precomputed):
        queries = [Query(f"q{number}", f"{'Same ' * (number % 2)}query", "topical") for number in range(12)]
        both = replace(precomputed, data=replace(precomputed.data, queries=queries))
        seen, held_out = both.split(0, 0.5)
        forms = [{normal_form(query.text) for query in part} for part in (seen, held_out)]
        assert not forms[0] & forms[1]
        assert len(seen) == len(held_out) == 6

    def test_refuses_to_hold_out_nothing(self, precomputed):
        with pytest.raises(ConfigurationError, match="12 queries of 'tiny' are too few to hold out 1%"):
            precomputed.split(0, 0.01)


class TestBench:
    def test_needs_the_results_of_every_arm(self, precomputed):
        with pytest.raises(ConfigurationError, match=r"there are none of \['bad'\]"):
            replace(precomputed, found={"good": precomputed.found["good"]})

    def test_a_memory_has_the_settings_of_the_pipeline_and_knows_what_arms_found(self, precomputed, tmp_path):
        memory = precomputed.memory("memory", LTRRStore(Secret.from_token(f"sqlite:///{tmp_path}/s.db")))
        assert memory.min_successes == 2.0
        assert memory.document_store.storage["q3-w"].content == "q3-w"

    def test_the_mark_changes_with_whatever_the_results_depend_on(self, precomputed):
        other = [
            replace(precomputed, baseline={"good": 2, "bad": 4}),
            replace(precomputed, weights={}),
            replace(precomputed, data=replace(precomputed.data, qrels={**precomputed.data.qrels, "q0": {"q0-a": 1}})),
            replace(precomputed, found={**precomputed.found, "bad": precomputed.found["good"]}),
            replace(precomputed, ranking={"rerank": 10}),
            replace(precomputed, ranking={"explore": False}),
            replace(precomputed, rrf_k=20),
            replace(precomputed, texts=Texts(("content",), "en")),
        ]
        assert len({precomputed.fingerprint, *(one.fingerprint for one in other)}) == 9
        assert replace(precomputed).fingerprint == precomputed.fingerprint


class TestParaphrased:
    def test_queries_come_in_other_words_with_their_ids(self, precomputed):
        some = precomputed.data.queries[:3]
        written = precomputed.paraphrased(some, 0)
        assert [query.id for query in written] == ["q0", "q1", "q2"]
        assert not {query.text for query in written} & {query.text for query in precomputed.data.queries}
        assert written == [precomputed.paraphrased([query], 0)[0] for query in some]

    def test_data_without_any_is_refused(self, precomputed):
        numbers = [Query(query.id, query.id[1:], "topical") for query in precomputed.data.queries]
        data = replace(precomputed.data, queries=numbers)
        with pytest.raises(ConfigurationError, match="none of the 12 queries of 'tiny' has a paraphrase"):
            replace(precomputed, data=data).paraphrased(numbers, 0)

    def test_what_is_found_for_those_of_a_seed_marks_that_seed_alone(self, precomputed):
        text = precomputed.text(precomputed.paraphrased(precomputed.data.queries[:1], 1)[0])
        good = {**precomputed.found["good"], text: []}
        other = replace(precomputed, found={**precomputed.found, "good": good})
        assert other.fingerprint == precomputed.fingerprint
        assert other.found_for_paraphrases(0) == precomputed.found_for_paraphrases(0)
        assert other.found_for_paraphrases(1) != precomputed.found_for_paraphrases(1)


class TestWithout:
    def test_no_arm_finds_what_is_gone_and_the_next_move_up(self, precomputed):
        less = precomputed.without({"q0-a", "q0-x"})
        text = precomputed.data.queries[0].text
        assert [document.id for document in less.found["good"][text]] == ["q0-y", "q0-b"]
        assert [document.id for document in less.found["bad"][text]] == ["q0-u", "q0-v", "q0-w"]
        assert not {"q0-a", "q0-x"} & {document.id for document in less.data.documents}

    def test_only_what_is_there_is_judged_and_every_query_keeps_its_place(self, precomputed):
        assert precomputed.without({"q0-a"}).data.qrels["q0"] == {"q0-b": 1}
        assert precomputed.without({"q0-a", "q0-b"}).data.qrels["q0"] == {}
        assert precomputed.without({"q0-a"}).data.qrels["q1"] == precomputed.data.qrels["q1"]

    def test_the_bench_itself_stays_as_it_is(self, precomputed):
        before = precomputed.fingerprint
        assert precomputed.without({"q0-a"}).fingerprint != before
        assert replace(precomputed).fingerprint == before
        assert precomputed.without(()).fingerprint == before
