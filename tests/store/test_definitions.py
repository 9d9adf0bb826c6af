import pytest
from haystack.utils import Secret

from ltrr_haystack.errors import InvalidInputError, StoreError
from ltrr_haystack.store import LTRRStore, definitions


def kinds(engines):
    with engines.reader.connect() as connection:
        rows = connection.exec_driver_sql("SELECT kind, count(*) FROM ltrr_definitions GROUP BY kind")
        return {kind: count for kind, count in rows}  # noqa: C416


class TestDefinitions:
    def test_what_searches_have_in_common_is_written_once(self, store, ranking, engines):
        for number in range(5):
            store.record_search(ranking(f"q{number}"))
        assert kinds(engines) == {"actions": 1, "settings": 1, "page": 1}

    def test_two_stores_write_it_once(self, url, store, ranking, engines):
        store.record_search(ranking("q1"))
        store.close()
        other = LTRRStore(Secret.from_token(url))
        other.record_search(ranking("q2"))
        assert kinds(engines) == {"actions": 1, "settings": 1, "page": 1}
        other.settle(before=1e9)
        assert len(other.settled(0, 10)) == 2
        other.close()

    def test_other_features_are_another_schema(self, store, ranking, engines):
        store.record_search(ranking("q1", objects=("a",)))
        store.record_search(ranking("q2", objects=("a",), features=({"other": 1.0},)))
        assert kinds(engines) == {"actions": 1, "settings": 1, "page": 2}

    def test_what_a_failed_transaction_wrote_is_written_again(self, store, ranking, engines, monkeypatch):
        """The first search fails after its definitions were written; nothing of it is left, and nobody relies on it."""
        store.warm_up()
        add = definitions.add

        def fails_afterwards(connection, wanted):
            add(connection, wanted)
            raise InvalidInputError("after the definitions")

        monkeypatch.setattr(definitions, "add", fails_afterwards)
        with pytest.raises(InvalidInputError, match="after the definitions"):
            store.record_search(ranking("q1"))
        monkeypatch.undo()
        assert kinds(engines) == {}
        store.record_search(ranking("q2"))
        store.settle(before=1e9)
        assert [each.decision.query_id for each in store.settled(0, 10)] == ["q2"]

    def test_a_search_whose_id_is_taken_leaves_the_others_their_definitions(self, store, ranking):
        store.record_search(ranking("q1"))
        with pytest.raises(StoreError, match="recorded already"):
            store.record_search(ranking("q1", features=tuple({"new": float(n)} for n in range(3))))
        store.record_search(ranking("q2", features=tuple({"new": float(n)} for n in range(3))))
        store.settle(before=1e9)
        assert [len(each.impressions[0].features) for each in store.settled(0, 10)] == [1, 1]

    def test_one_that_is_missing_is_a_fault_of_the_searches_that_name_it(self, store, ranking, engines):
        store.record_search(ranking("q1"))
        store.settle(before=1e9)
        with engines.writer.begin() as connection:
            connection.exec_driver_sql("DELETE FROM ltrr_definitions WHERE kind = 'actions'")
        fault = store.settled_batch(0, 10).faults[1]
        assert fault.startswith("it cannot be read: the definition ")
        assert fault.endswith(" is missing")
