from ltrr_haystack.reasons import MEMORY_REASON, READING_REASON, REASONS, RELATED_REASON, with_reasons


def test_reasons_stand_beside_the_metadata_of_the_document():
    own = {"reading": "easy", "related": ["b"], "memory": "8 GB"}
    told = with_reasons(own, {READING_REASON: {"slots": {}}})
    assert told == {**own, "ltrr_reading": {"slots": {}}}
    assert own == {"reading": "easy", "related": ["b"], "memory": "8 GB"}


def test_reasons_of_an_earlier_search_are_left_out():
    indexed_as_found = {"title": "Halo", **dict.fromkeys(REASONS, "of then")}
    assert with_reasons(indexed_as_found, {RELATED_REASON: "of now"}) == {"title": "Halo", RELATED_REASON: "of now"}
    assert with_reasons(indexed_as_found, {}) == {"title": "Halo"}
    assert MEMORY_REASON in REASONS
