"""Documents that appear late: drawn, absent in the first half of a stream, there in the second."""

from collections import Counter
from dataclasses import asdict

import pytest
from haystack import Document

from ltrr_haystack.evaluation.replay.catalogue import Catalogue, drawn
from ltrr_haystack.evaluation.replay.fixed import ORACLE, RRF_FULL, depths_of, fixed_names
from ltrr_haystack.evaluation.replay.outcomes import SPLITS
from ltrr_haystack.evaluation.replay.parts import replay_fixed, replay_learning
from ltrr_haystack.evaluation.replay.settings import Settings
from ltrr_haystack.evaluation.replay.systems import PipelineSystem
from ltrr_haystack.evaluation.replay.variants import OURS, VARIANTS

HALF = 60
SETTINGS = Settings(
    impressions=2 * HALF,
    seeds=(0,),
    learn_every=5,
    reward_wait=5,
    delay=2.0,
    train_at=(0.5, 1.0),
    late_documents=0.4,
    exponent=0.5,
)
NOBODY = 1e-12
"""A share so small that nothing is drawn."""


@pytest.fixture(scope="module")
def late(precomputed):
    return drawn(precomputed.data.documents, SETTINGS.late_documents, 0)


@pytest.fixture(scope="module")
def met(precomputed, tmp_path_factory):
    """What `ours` answered in its stream, and the parts of the systems."""
    answered = []
    search = PipelineSystem.search

    def watched(system, one):
        answered.append((one.query.id, search(system, one)))
        return answered[-1][1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PipelineSystem, "search", watched)
        file = tmp_path_factory.mktemp("late") / "s.db"
        ours = replay_learning(precomputed, SETTINGS, OURS, VARIANTS[OURS], 0, file=file, fingerprint="")
    fixed = {system: fixed_part(precomputed, SETTINGS, system) for system in fixed_names(precomputed)}
    return answered, {OURS: ours, **fixed}


def fixed_part(precomputed, settings, system):
    return replay_fixed(
        precomputed, settings, system, dict.fromkeys(SPLITS, depths_of(precomputed, system)), 0, fingerprint=""
    )


def relevant(precomputed, query):
    return set(precomputed.data.qrels[query])


class TestDrawn:
    DOCUMENTS = tuple(Document(id=f"d{number}", content="") for number in range(4000))

    def test_about_the_share_is_drawn_whatever_the_order(self):
        late = drawn(self.DOCUMENTS, 0.3, 0)
        assert 0.27 < len(late) / 4000 < 0.33
        assert drawn(reversed(self.DOCUMENTS), 0.3, 0) == late

    def test_a_larger_share_draws_more_and_another_seed_others(self):
        assert drawn(self.DOCUMENTS, 0.3, 0) < drawn(self.DOCUMENTS, 0.5, 0)
        both = drawn(self.DOCUMENTS, 0.3, 0) & drawn(self.DOCUMENTS, 0.3, 1)
        assert 0.07 < len(both) / 4000 < 0.11

    def test_a_share_of_nothing_draws_nothing(self):
        assert drawn(self.DOCUMENTS, 0.0, 0) == frozenset()


class TestCatalogue:
    def test_grows_half_way(self, precomputed, late):
        catalogue = Catalogue.of(precomputed, SETTINGS, 0)
        assert catalogue.at(HALF) is catalogue.at(2 * HALF - 1) is precomputed
        assert catalogue.at(0) is catalogue.at(HALF - 1) is catalogue.early
        there = {document.id for document in catalogue.early.data.documents}
        assert there == {document.id for document in precomputed.data.documents} - late

    def test_parts_a_stream_there(self, precomputed):
        catalogue = Catalogue.of(precomputed, SETTINGS, 0)
        assert catalogue.stretches(range(2 * HALF)) == [
            (catalogue.early, range(HALF)),
            (precomputed, range(HALF, 2 * HALF)),
        ]

    def test_with_nothing_late_or_nothing_before_half_way_it_is_the_whole(self, precomputed):
        for settings in (Settings(), Settings(impressions=1, late_documents=0.5)):
            catalogue = Catalogue.of(precomputed, settings, 0)
            assert catalogue.at(0) is precomputed
            assert catalogue.stretches([1, 2]) == [(precomputed, [1, 2])]


class TestStream:
    def test_no_late_document_is_a_candidate_before_half_way_and_then_they_are(self, met, late):
        answered, _ = met
        before, after = answered[:HALF], answered[HALF:]
        assert not any(late & {*answer.shown, *answer.candidates} for _, answer in before)
        assert any(answer.allocation["memory"] == 2 for _, answer in before)
        assert any(late & {*answer.shown} for _, answer in after)
        deep = [(query, answer) for query, answer in after if answer.allocation["good"] == 4]
        assert deep
        for query, answer in deep:
            assert {f"{query}-{name}" for name in "xayb"} <= {*answer.candidates}

    def test_late_answers_are_found_once_they_appeared(self, met, precomputed, late):
        answered, _ = met
        asked = {query for query, _ in answered[HALF:] if relevant(precomputed, query) & late}
        assert asked
        for query in asked:
            pages = [set(answer.shown) for of, answer in answered[HALF:] if of == query]
            assert relevant(precomputed, query) & late <= set.union(*pages)

    def test_what_people_chose_after_it_appeared_is_remembered(self, precomputed, late, tmp_path):
        """Without a safe start, so that a hundred searches are enough for memory to order pages."""
        name = f"{OURS}-bandit"
        part = replay_learning(precomputed, SETTINGS, name, VARIANTS[name], 0, file=tmp_path / "s.db", fingerprint="")
        typed = Counter(part.splits["stream"].queries[HALF:])
        best = {query: f"{query}-a" for query, times in typed.items() if times >= 5 and f"{query}-a" in late}
        assert best
        # `good` has it at rank 2, fusion at 3: only what is remembered brings it to the top.
        seen = part.splits["seen"]
        first = {query: page[0] for query, page in zip(seen.queries, seen.pages, strict=True) if query in best}
        assert set(first.values()) & set(best.values())

    def test_fixed_systems_have_no_late_documents_either(self, met, precomputed, late):
        _, parts = met
        for system in (RRF_FULL, "arm:good"):
            stream = parts[system].splits["stream"]
            recalls = dict(zip(stream.queries[:HALF], stream.scores["candidate_recall"][:HALF], strict=True))
            # judged by what is there: all that is left of the answers, 0 if nothing is
            assert recalls == {query: float(bool(relevant(precomputed, query) - late)) for query in recalls}

    def test_the_oracle_is_perfect_by_what_is_there(self, met, precomputed, late):
        _, parts = met
        oracle = parts[ORACLE].splits["stream"]
        wanted = [float(bool(relevant(precomputed, query) - late)) for query in oracle.queries[:HALF]] + [1.0] * HALF
        assert 0.0 in wanted[:HALF]
        assert any(
            relevant(precomputed, query) & late and relevant(precomputed, query) - late
            for query in oracle.queries[:HALF]
        )
        assert oracle.scores["nDCG@10"] == pytest.approx(wanted)

    def test_nobody_is_better_than_the_oracle_and_what_nothing_answers_is_0_for_all(self, met):
        _, parts = met
        best = parts[ORACLE].splits["stream"].scores["nDCG@10"]
        for part in parts.values():
            scores = part.splits["stream"].scores["nDCG@10"]
            assert all(score <= perfect + 1e-9 for score, perfect in zip(scores, best, strict=True))

    def test_all_documents_are_there_in_the_end(self, met, precomputed):
        _, parts = met
        for split in ("seen", "heldout"):
            for system in (ORACLE, RRF_FULL):
                assert set(parts[system].splits[split].scores["candidate_recall"]) == {1.0}
            assert parts[ORACLE].splits[split].scores["nDCG@10"] == pytest.approx(
                [1.0] * len(parts[ORACLE].splits[split].queries)
            )

    def test_a_stream_that_nothing_answers_counts_0(self, precomputed):
        nothing = Settings(impressions=6, late_documents=0.999999)
        stream = fixed_part(precomputed, nothing, ORACLE).splits["stream"]
        assert stream.scores["nDCG@10"] == [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]
        assert stream.scores["candidate_recall"] == [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]


class TestNothingLate:
    """Parted at half way or not, a stream comes to the same if nothing is late."""

    @staticmethod
    def outcomes(part):
        splits = {split: {**asdict(outcomes), "seconds": None} for split, outcomes in part.splits.items()}
        return splits, {**part.notes, "impressions_per_s": None}

    def test_ours(self, precomputed, tmp_path):
        parts = [
            replay_learning(
                precomputed,
                Settings(impressions=60, learn_every=10, reward_wait=10, train_at=(0.5, 1.0), late_documents=share),
                OURS,
                VARIANTS[OURS],
                0,
                file=tmp_path / "s.db",
                fingerprint="",
            )
            for share in (0.0, NOBODY)
        ]
        assert self.outcomes(parts[0]) == self.outcomes(parts[1])

    @pytest.mark.parametrize("system", [RRF_FULL, ORACLE])
    def test_fixed(self, precomputed, system):
        parts = [
            fixed_part(precomputed, Settings(impressions=60, late_documents=share), system) for share in (0.0, NOBODY)
        ]
        assert parts[0] == parts[1]
