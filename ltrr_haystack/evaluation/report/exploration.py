"""The section on what chance puts on the page."""

from ltrr_haystack.evaluation.report.blocks import Block, curve
from ltrr_haystack.evaluation.report.reading import Reading
from ltrr_haystack.evaluation.report.values import CurveChart, Grid, Section, percent, share_of


def exploration(reading: Reading) -> Section:
    """
    How often lower places of the page were drawn by chance, and what came of it.

    :param reading: The sums over the log.
    :returns: The section.
    """
    blocks, total = reading.blocks.blocks(), reading.blocks.total()
    chart = CurveChart(
        "Share of the searches",
        (
            curve("lower places drawn by chance", blocks, lambda block: share_of(block["drawn"], block.searches)),
            curve(
                "with a document from below the page",
                blocks,
                lambda block: share_of(block["from below"], block.searches),
            ),
        ),
    )
    below, clicked = total["from below"], share_of(total["clicked below"], total["from below"])
    rows = (
        ("searches whose lower places were drawn by chance", f"{total['drawn']:,.0f}", _of(total["drawn"], total)),
        ("  with a document from below the page at one of them", f"{below:,.0f}", _of(below, total)),
        ("    which was clicked", f"{total['clicked below']:,.0f}", percent(clicked.value)),
    )
    return Section(
        "exploration",
        "How much is tried out?",
        "The share of the searches in which chance chose what stands at the lower places.",
        (chart,) if total["drawn"] else (),
        (Grid("", ("", "searches", "share"), rows),) if total["drawn"] else (Grid("Drawn by chance", ("",), ()),),
        more="In live searches the first places are in the order of expected click rates, and the lower ones are "
        "drawn by chance, so that what stands low is found out about. A document is from below the page if it was "
        "more likely not to be shown than to be shown. What is found out trains and judges rankers, and the "
        "examination curve is learned from what moves.",
    )


def _of(count: float, total: Block) -> str:
    return percent(share_of(count, total.searches).value)
