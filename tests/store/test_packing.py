import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltrr_haystack.store.packing import pack_ids, pack_numbers, pack_text, unpack_ids, unpack_numbers, unpack_text

IDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


def bits(numbers):
    return struct.pack(f"{len(numbers)}d", *numbers)


class TestText:
    @given(st.text(st.characters(exclude_categories=["Cs"])))
    def test_comes_back(self, text):
        assert unpack_text(pack_text(text)) == text

    def test_what_all_have_in_common_takes_no_room(self):
        assert len(pack_text('"language":"und","query_type":"topical","has_digits":false')) < 16


class TestIds:
    @given(st.lists(IDS))
    def test_come_back(self, ids):
        assert unpack_ids(pack_ids(ids)) == ids

    @given(st.integers(1, 70).flatmap(lambda size: st.lists(st.text("0123456789abcdef", min_size=size, max_size=size))))
    def test_hexadecimal_ones_come_back(self, ids):
        assert unpack_ids(pack_ids(ids)) == ids

    def test_ten_of_haystack_take_half_a_byte_for_each_digit(self):
        ids = [f"{number:064x}" for number in range(2**255, 2**255 + 10)]
        assert len(pack_ids(ids)) == 2 + 10 * 32

    @pytest.mark.parametrize("ids", [["AB", "CD"], ["a b", "c d"], ["abc", "def"], ["ab", "abcd"], [""], ["", ""]])
    def test_what_is_only_like_hexadecimal_digits_comes_back(self, ids):
        assert unpack_ids(pack_ids(ids)) == ids


class TestNumbers:
    @given(st.lists(st.integers(0, 2**64 - 1)), st.lists(st.floats()))
    def test_come_back_to_the_bit(self, integers, numbers):
        got_integers, got_numbers = unpack_numbers(pack_numbers(integers, numbers))
        assert got_integers == integers
        assert [math.isnan(number) for number in got_numbers] == [math.isnan(number) for number in numbers]
        real = [number for number in numbers if not math.isnan(number)]
        assert bits([number for number in got_numbers if not math.isnan(number)]) == bits(real)

    def test_small_whole_numbers_take_a_byte(self):
        ranks = [(7 * rank) % 251 for rank in range(250)]
        assert len(pack_numbers(ranks, [])) < 270


class TestDamage:
    @pytest.mark.parametrize("unpack", [unpack_text, unpack_ids, unpack_numbers])
    @pytest.mark.parametrize("packed", [b"", b'{"query_id": 1}', b"\x01", b"\x01nonsense", b"\x02", b"\x03x"])
    def test_is_a_value_error(self, unpack, packed):
        with pytest.raises(ValueError, match=r"^packed "):
            unpack(packed)

    @pytest.mark.parametrize("unpack", [unpack_text, unpack_numbers])
    def test_what_is_cut_off_is_said_to_be(self, unpack):
        packed = pack_text("a text that goes on") if unpack is unpack_text else pack_numbers([1, 2], [0.5])
        with pytest.raises(ValueError, match="cut off"):
            unpack(packed[:-4])

    def test_whole_numbers_that_are_not_there(self):
        with pytest.raises(ValueError, match="packed numbers are damaged"):
            unpack_numbers(pack_text("B"))
