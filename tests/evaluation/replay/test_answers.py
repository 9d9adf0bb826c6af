import pytest

from ltrr_haystack.errors import InvalidInputError
from ltrr_haystack.evaluation.datasets import Query
from ltrr_haystack.evaluation.people import Search
from ltrr_haystack.evaluation.replay.answers import Answer, click_events
from ltrr_haystack.feedback.ubi import UBIEvent

SEARCH = Search(0, Query("q1", "love", "ambiguous"), "ann", "s1")
ANSWER = Answer("id-1", ("d1", "d2", "d3"), {"bm25": 10}, "live")


class TestClickEvents:
    def test_are_ubi_events_of_the_clicked_documents(self):
        events = click_events(SEARCH, ANSWER, [1, 3])
        assert [event["event_attributes"]["object"]["object_id"] for event in events] == ["d1", "d3"]
        assert [event["event_attributes"]["position"]["ordinal"] for event in events] == [1, 3]
        read = UBIEvent.model_validate(events[1])
        assert (read.action_name, read.query_id, read.user_id, read.session_id) == ("click", "id-1", "ann", "s1")

    def test_refuses_a_position_beyond_the_page(self):
        with pytest.raises(InvalidInputError, match=r"positions \[4\] are not all on a page of 3 documents"):
            click_events(SEARCH, ANSWER, [4])
