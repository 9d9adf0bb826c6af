from dataclasses import replace

import numpy as np

from factories import judged_query
from ltrr_haystack.ranking.cross_fitting import CrossFitted
from ltrr_haystack.ranking.features import FeatureSchema
from ltrr_haystack.ranking.fitting import TrainingSettings
from ltrr_haystack.ranking.gate import by_union
from ltrr_haystack.types import evidence_key

SCHEMA = FeatureSchema(("good", "noise"))
QUICK = TrainingSettings(rounds=10, min_leaf=5, feature_fraction=1.0)


def queries(number=40):
    """`good` goes with what people want."""
    draw = np.random.default_rng(0)
    grades = draw.random((number, 8)).round(2)
    return [
        judged_query(f"query {row}", np.column_stack([of, draw.random(8)]), grades=of) for row, of in enumerate(grades)
    ]


class TestCrossFitted:
    def test_what_is_known_of_a_query_makes_no_difference_to_its_scores(self):
        known = queries()
        plain = CrossFitted(known, SCHEMA, QUICK, 0)
        for row in (0, 17, 39):
            turned = [*known[:row], replace(known[row], grades=known[row].grades[::-1].copy()), *known[row + 1 :]]
            found = CrossFitted(turned, SCHEMA, QUICK, 0).scores(turned[row])
            assert found.tolist() == plain.scores(known[row]).tolist()

    def test_what_is_known_of_a_query_with_other_filters_makes_none_either(self):
        """The words and the documents are the same."""
        known = queries()
        filtered = [
            replace(known[row], query_key=evidence_key(f"query {row}", {"value": value}))
            for row in (0, 17, 39)
            for value in range(5)
        ]
        plain = CrossFitted([*known, *filtered], SCHEMA, QUICK, 0)
        for row in (0, 17, 39):
            of_row = [each for each in filtered if each.normal_form == f"query {row}"]
            turned = [replace(each, grades=each.grades[::-1].copy()) for each in of_row]
            others = [each for each in filtered if each.normal_form != f"query {row}"]
            found = CrossFitted([*known, *turned, *others], SCHEMA, QUICK, 0).scores(known[row])
            assert found.tolist() == plain.scores(known[row]).tolist()

    def test_it_has_learned_from_the_others(self):
        known = queries()
        fitted = CrossFitted(known, SCHEMA, QUICK, 0)
        of = [np.corrcoef(fitted.scores(query) - by_union(query), query.grades)[0, 1] for query in known]
        assert np.mean(of) > 0.8

    def test_without_others_the_unions_order_is_left(self):
        (query,) = queries(1)
        assert CrossFitted([query], SCHEMA, QUICK, 0).scores(query).tolist() == by_union(query).tolist()
