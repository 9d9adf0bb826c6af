"""Marks on curves, and their swatches in a legend."""

from ltrr_haystack.evaluation.report.svg import element, text

LOOKS = 8
"""Colours of `charts.css`, told apart by the colour-blind, too (Okabe & Ito, "Color Universal Design", 2008)."""

SHAPES = 4


def mark(look: int, x: float, y: float, saying: str, *, large: bool = False) -> str:
    """
    Mark a point.

    :param look: Number of its colour and shape, from 0.
    :param x: Its place from the left.
    :param y: Its place from the top.
    :param saying: What it says when it is pointed at.
    :param large: Whether it stands alone, without a curve.
    :returns: Markup.
    """
    size = 4.5 if large else 2.8
    return _shape(look, x, y, size, element("title", text(saying)))


def swatch(look: int, *, line: bool) -> str:
    """
    Show what a curve looks like.

    :param look: Number of its colour, dash and shape.
    :param line: Whether it has a line.
    :returns: A small drawing that screen readers pass over.
    """
    drawn = element("line", x1=0, y1=6, x2=28, y2=6, class_=line_class(look)) if line else ""
    return element(
        "svg", drawn, _shape(look, 14.0, 6.0, 3.6, ""), viewBox="0 0 28 12", class_="swatch", aria_hidden="true"
    )


def line_class(look: int) -> str:
    """
    Name the classes of a curve's line.

    :param look: Number of its colour and dash.
    :returns: The classes.
    """
    return f"line k{look % LOOKS} d{(look + look // LOOKS) % SHAPES}"


def _shape(look: int, x: float, y: float, size: float, title: str) -> str:
    kind = f"mark k{look % LOOKS}"
    corners = {
        1: ((0, -1.3), (1.3, 0), (0, 1.3), (-1.3, 0)),
        2: ((-1, -1), (1, -1), (1, 1), (-1, 1)),
        3: ((0, -1.3), (1.2, 0.9), (-1.2, 0.9)),
    }.get((look + look // LOOKS) % SHAPES)
    if corners is None:
        return element("circle", title, cx=x, cy=y, r=size, class_=kind)
    points = " ".join(f"{x + size * across:.1f},{y + size * down:.1f}" for across, down in corners)
    return element("polygon", title, points=points, class_=kind)
