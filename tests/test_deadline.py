import contextvars

import pytest

from ltrr_haystack.deadline import time_left, within


class TestDeadline:
    def test_there_is_none_unless_somebody_sets_one(self):
        assert time_left() is None
        with within(60):
            assert 59 < time_left() <= 60
        assert time_left() is None

    def test_an_earlier_one_stays(self):
        with within(1):
            with within(60):
                assert time_left() <= 1
            with within(0.5):
                assert time_left() <= 0.5
            assert time_left() > 0.5

    def test_is_there_for_whoever_gets_the_context(self):
        with within(60):
            context = contextvars.copy_context()
        assert context.run(time_left) > 59

    def test_ends_with_an_error_too(self):
        with pytest.raises(KeyError), within(60):
            raise KeyError
        assert time_left() is None
