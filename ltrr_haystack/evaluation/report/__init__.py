"""The report of a running system as one HTML file."""

from ltrr_haystack.evaluation.report.page import render
from ltrr_haystack.evaluation.report.report import gather, report
from ltrr_haystack.evaluation.report.values import ReportPage

__all__ = ["ReportPage", "gather", "render", "report"]
