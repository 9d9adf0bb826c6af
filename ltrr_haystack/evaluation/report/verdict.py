"""What a report comes to: the policy against the baseline in a sentence, and what to do next."""

from ltrr_haystack.evaluation.report.apart import LiveComparison
from ltrr_haystack.evaluation.report.over_time import saved
from ltrr_haystack.evaluation.report.reading import Reading
from ltrr_haystack.evaluation.report.values import ReportFigure, percent

LEAST_SHARE = 0.005
"""Smaller shares of the cost are not mentioned."""


def verdict(reading: Reading) -> tuple[str, str]:
    """
    Say what the policy is worth against the baseline.

    Only searches of mode `live` in which chance decided between the two are compared, so that both sides stand for the
    same searches.

    :param reading: The sums over the log.
    :returns: The verdict, and what to do next.
    """
    if not reading.blocks.searches and reading.beyond:
        return (
            f"Nothing is known yet: all {reading.beyond:,} searches are beyond their client's share.",
            "Let more people search, and let searches say whose they are: user, session or client.",
        )
    if not reading.blocks.searches:
        return (
            "Nothing is known yet: no search has settled.",
            "Let people search, send their clicks to /feedback/run, and wait for the reward wait to pass.",
        )
    compared = reading.apart.comparison("reward per search")
    if compared is None:
        return _not_compared(reading)
    sentence, following = _judged(compared)
    searches = f"{compared.searches:,} live searches and {compared.baseline_searches:,} of the baseline"
    return f"{sentence} Compared were {searches}, apart by chance. {_cost(reading)}".rstrip(), following


def _not_compared(reading: Reading) -> tuple[str, str]:
    total, share = reading.blocks.searches, reading.apart.baseline_share
    if share is not None:
        missing = reading.apart.missing
        each = round(1 / (share if missing == "the baseline" else 1 - share))
        return (
            f"Nothing can be compared yet: chance has chosen {missing} in none of the {total:,} searches so far; about "
            f"1 in {each:,} will be left to it.",
            "Go on collecting searches and clicks.",
        )
    if reading.modes["live"]:
        return (
            f"The policy decides on live searches, but in none of the {total:,} searches did chance choose between it "
            "and the baseline, so the two cannot be compared directly.",
            "Look at the off-policy estimates of ltrr report, or give the router a baseline share above 0.",
        )
    return (
        f"All {total:,} searches were made with the baseline or with an apprentice: what the policy is worth has not "
        "been tried on people.",
        "Let some searches be made in mode live; the safe start keeps to the baseline until the log speaks for more.",
    )


def _judged(compared: LiveComparison) -> tuple[str, str]:
    difference = compared.difference
    low, high = difference.low, difference.high
    if low is None or high is None:
        return (
            "Live searches cannot be told from those with the baseline yet: there are too few different queries.",
            "Go on collecting searches and clicks.",
        )
    worth = f"{abs(difference.value):.3f} reward a search{_share(difference, compared.baseline)}"
    interval = f"95 % interval {low:+.3f} to {high:+.3f}"
    if low > 0:
        return (
            f"The policy is worth more than the baseline: {worth} more ({interval}).",
            "Keep it live. Look below at the queries that nobody clicks on.",
        )
    if high < 0:
        return (
            f"The policy is worth less than the baseline: {worth} less ({interval}).",
            "Go back to an earlier policy with ltrr activate, and look below at when it began.",
        )
    return (
        f"The policy is neither shown to be better than the baseline nor to be worse: {difference.value:+.3f} reward a "
        f"search ({interval}).",
        "Go on: with more searches the interval gets narrower.",
    )


def _share(difference: ReportFigure, baseline: ReportFigure) -> str:
    if not baseline.value > 0:
        return ""
    return f", {abs(difference.value) / baseline.value:.0%}".replace("%", " %")


def _cost(reading: Reading) -> str:
    share = saved(reading.blocks.total(), "candidates").value
    if not abs(share) >= LEAST_SHARE:
        return ""
    told = percent(abs(share), 0).replace("%", " %")
    return (
        f"All searches together asked for {told} {'fewer' if share > 0 else 'more'} candidates than the baseline does."
    )
