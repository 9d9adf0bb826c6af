from ltrr_haystack.evaluation.replay.outcomes import Outcomes, joined


def stretch(queries, scores):
    return Outcomes(
        queries=queries,
        kinds=["topical"] * len(queries),
        scores={"nDCG@10": scores},
        depths={"good": [4] * len(queries), "bad": [0] * len(queries)},
        safe_start=[True] * len(queries),
    )


class TestJoined:
    def test_every_column_goes_on(self):
        assert joined([stretch(["q1", "q2"], [0.5, 1.0]), stretch(["q1"], [0.25])]) == stretch(
            ["q1", "q2", "q1"], [0.5, 1.0, 0.25]
        )

    def test_one_stretch_is_what_it_was(self):
        assert joined([stretch(["q1"], [0.5])]) == stretch(["q1"], [0.5])
