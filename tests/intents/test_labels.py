import json

import pytest

from ltrr_haystack.errors import InvalidInputError
from ltrr_haystack.intents.labels import FEWEST_QUERIES, MOST_CATEGORIES, IntentLabels, read_labels


@pytest.fixture
def write(tmp_path):
    def writing(text):
        path = tmp_path / "labels.tsv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return writing


def lines(category="song", count=FEWEST_QUERIES):
    return "".join(f"query{number}\t{category}\n" for number in range(count))


class TestReadLabels:
    def test_queries_are_read_in_their_normal_form(self, write):
        labels = read_labels(write(lines() + "Sad  SONGS!\tsong\n"))
        assert labels.shares["sad songs"] == {"song": 1.0}
        assert (labels.source, labels.categories) == ("labels", ("song",))

    def test_a_query_is_after_each_category_by_as_much_as_it_has_lines(self, write):
        labels = read_labels(write(lines("song") + lines("album") + "Query0\talbum\nquery0\talbum\n"))
        assert labels.shares["query0"] == {"album": 0.75, "song": 0.25}

    def test_json_lines_say_the_same(self, write):
        rows = [{"query": f"query{number}", "category": "song", "by": "ann"} for number in range(FEWEST_QUERIES)]
        written = "\n".join(map(json.dumps, rows))
        assert read_labels(write(f"\n{written}\r\n")).shares == read_labels(write(lines())).shares

    def test_a_query_may_hold_what_other_programs_take_for_the_end_of_a_line(self, write):
        assert "sad songs" in read_labels(write(lines() + "sad\u2028songs\tsong\n\n  \n")).shares

    def test_a_byte_order_mark_is_no_part_of_the_first_query(self, write):
        assert "query0" in read_labels(write(b"\xef\xbb\xbf" + lines().encode())).shares

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("love\tsong\nrain song\n", "line 2 of .*: it has 0 tabs, expected query<TAB>category"),
            ("love\tsong\n\na\tb\tc\n", "line 3 of .*: it has 2 tabs"),
            ("love\t \n", "line 1 of .*: its category has 0 characters, expected 1 to 100"),
            (f"love\t{'x' * 101}\n", "line 1 of .*: its category has 101 characters"),
            ("\u200b\tsong\n", "line 1 of .*: its query has no visible character"),
            ('{"query": "love", "category": "song"}\n{"query": "love"\n', "line 2 of .*and it is no JSON"),
            ('{"query": "love", "category": 3}\n', "line 1 of .*with texts for both"),
            ('{"query": "love"}\n', "line 1 of .*with texts for both"),
            ('{"query": "a", "category": "b"}\n[]\n', "line 2 of .*with texts for both"),
            (f'{{"query": "a", "category": "b"}}\n{"[" * 100_000}\n', "line 2 of .*it is no JSON"),
            ('{"query": "a", "category": "\\ud800"}\n', "line 1 of .*cannot be written in UTF-8"),
            ("\n", "has no labels; expected lines like"),
            (b"love\xff\tsong\n", "cannot be read: .*expected text in UTF-8"),
        ],
    )
    def test_what_is_no_label_is_named_with_its_line(self, write, text, message):
        with pytest.raises(InvalidInputError, match=message):
            read_labels(write(text))

    def test_a_file_that_is_not_there_is_named(self, tmp_path):
        with pytest.raises(InvalidInputError, match=r"the labels '.*absent.tsv' cannot be read"):
            read_labels(tmp_path / "absent.tsv")


class TestOfWeights:
    def test_shares_of_a_query_sum_to_1(self):
        weights = {f"q{number}": {"song": 3.0, "album": 1.0} for number in range(FEWEST_QUERIES)}
        assert set(map(tuple, map(dict.items, IntentLabels.of_weights(weights).shares.values()))) == {
            (("album", 0.25), ("song", 0.75))
        }

    def test_a_rare_category_is_left_out_and_the_rest_of_its_queries_stays(self):
        weights = {f"q{number}": {"song": 1.0} for number in range(FEWEST_QUERIES)}
        weights |= {"q0": {"song": 1.0, "tape": 1.0}, "only tapes": {"tape": 1.0}}
        labels = IntentLabels.of_weights(weights)
        assert labels.shares["q0"] == {"song": 1.0}
        assert "only tapes" not in labels.shares
        assert labels.left_out == {
            "categories of fewer than 5 queries or beyond 100": 1,
            "queries of no other category": 1,
        }

    def test_of_too_many_categories_the_most_frequent_are_kept(self):
        weights = {
            f"q{number}": {f"category {category}": 1.0 for category in range(MOST_CATEGORIES + 5)}
            for number in range(FEWEST_QUERIES)
        }
        weights["more"] = {f"category {MOST_CATEGORIES + 4}": 1.0}
        labels = IntentLabels.of_weights(weights, source="clicks")
        assert len(labels.categories) == MOST_CATEGORIES
        assert f"category {MOST_CATEGORIES + 4}" in labels.categories
