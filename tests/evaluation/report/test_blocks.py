import math

from hypothesis import given
from hypothesis import strategies as st

from ltrr_haystack.evaluation.report.blocks import Blocks, curve
from ltrr_haystack.evaluation.report.values import ReportFigure


def spans(blocks):
    return [(block.first, block.last) for block in blocks]


def filled(searches, **settings):
    blocks = Blocks(**settings)
    for number in range(1, searches + 1):
        blocks.add(float(number), {"one": 1, "number": number})
    return blocks


def test_blocks_have_the_size_they_are_given():
    blocks = filled(8, most=4, least=2).blocks()
    assert spans(blocks) == [(1, 2), (3, 4), (5, 6), (7, 8)]
    assert [block["number"] for block in blocks] == [3, 7, 11, 15]
    assert [block.until for block in blocks] == [2, 4, 6, 8]
    assert blocks[0]["nothing"] == 0


def test_with_too_many_each_two_become_one():
    assert spans(filled(10, most=4, least=2).blocks()) == [(1, 4), (5, 8), (9, 10)]


def test_a_small_rest_goes_to_the_last_block():
    assert spans(filled(9, most=4, least=2).blocks()) == [(1, 4), (5, 9)]


def test_fewer_blocks_can_be_asked_for():
    assert spans(filled(8, most=4, least=2).blocks(2)) == [(1, 4), (5, 8)]
    assert spans(filled(8, most=4, least=2).blocks(3)) == [(1, 4), (5, 8)]


def test_nothing_was_searched():
    assert Blocks().blocks() == []
    assert Blocks().total().searches == 0


@given(st.integers(1, 700), st.integers(2, 9), st.integers(1, 5), st.integers(1, 12))
def test_every_search_is_in_one_block_and_they_stay_few(searches, most, least, at_most):
    made = filled(searches, most=most, least=least)
    for blocks in (made.blocks(), made.blocks(at_most)):
        assert len(blocks) <= most
        assert [block.first for block in blocks] == [1, *(block.last + 1 for block in blocks[:-1])]
        assert blocks[-1].last == searches
        for block in blocks:
            assert block["one"] == block.searches
            assert block["number"] == sum(range(block.first, block.last + 1))
    assert len(made.blocks(at_most)) <= at_most
    assert made.total()["number"] == searches * (searches + 1) / 2


def test_a_curve_has_no_points_where_nothing_is_known():
    blocks = filled(6, most=4, least=2).blocks()
    drawn = curve("number", blocks, lambda block: ReportFigure(math.nan if block.first == 3 else block["number"]))
    assert [(point.first, point.last, point.until, point.estimate.value) for point in drawn.points] == [
        (1, 2, 2.0, 3.0),
        (5, 6, 6.0, 11.0),
    ]
