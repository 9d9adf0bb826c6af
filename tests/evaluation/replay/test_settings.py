from dataclasses import replace

import pytest

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.evaluation.replay.settings import Settings


class TestSettings:
    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            ({"impressions": 0}, "impressions must be at least 1"),
            ({"seeds": ()}, "seeds must be different numbers"),
            ({"seeds": (1, 1)}, "seeds must be different numbers"),
            ({"held_out": 1.0}, "held_out must lie between 0 and 1"),
            ({"delay": -1.0}, "delay and reward_wait must not be negative"),
            ({"noise": 1.0}, "noise must be a probability, at least 0 and below 1, got 1.0"),
            ({"click_model": "eager"}, "click_model must be one of position, cascade, .*, hard, got 'eager'"),
            ({"train_at": (0.0,)}, "train_at must be shares of the stream"),
            ({"late_documents": 1.0}, "late_documents must be a share .*, at least 0 and below 1, got 1.0"),
            ({"late_documents": -0.1}, "late_documents must be a share .*, got -0.1"),
            ({"late_documents": float("nan")}, "late_documents must be a share .*, got nan"),
        ],
    )
    def test_refuses_what_cannot_work(self, wrong, message):
        with pytest.raises(ConfigurationError, match=message):
            Settings(**wrong)

    def test_hard_readers_make_more_mistakes_where_nobody_says_how_many(self):
        assert [Settings(click_model=name).click_noise for name in ("mixed", "cascade", "hard")] == [0.05, 0.05, 0.2]
        assert Settings(click_model="hard", noise=0.0).click_noise == 0.0
        assert replace(Settings(), click_model="hard").click_noise == 0.2
        assert Settings(click_model="hard").to_dict()["noise"] == 0.2

    def test_half_way_is_the_first_search_of_the_second_half(self):
        assert [Settings(impressions=number).half_way for number in (1, 2, 9)] == [0, 1, 4]

    def test_the_mark_depends_on_all_but_the_number_of_seeds(self):
        mark = Settings().fingerprint("data")
        assert Settings(seeds=(5,)).fingerprint("data") == mark
        assert Settings(noise=0.1).fingerprint("data") != mark
        assert Settings(noise=0.05).fingerprint("data") == mark
        assert Settings(late_documents=0.1).fingerprint("data") != mark
        assert Settings().fingerprint("other data") != mark
