"""Axes: from figures to places on the drawing, with round numbers at the ticks."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

LARGEST = 1e12
"""Figures beyond it, and those that are not finite, are not drawn."""

SMALLEST = 1e-9
"""Figures closer to 0 are drawn at 0."""

LEAST_SPAN = 1e-9
"""An axis spans at least this share of its largest figure: a float tells no more apart."""

_NICE = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Scale:
    """
    A linear axis.

    :param low: The figure at `start`.
    :param high: The figure at `end`, above `low`.
    :param start: Place of the lowest figure, in units of the drawing.
    :param end: Place of the highest figure.
    :param step: Distance of two ticks.
    """

    low: float
    high: float
    start: float
    end: float
    step: float

    def __call__(self, value: float) -> float:
        """
        Place a figure.

        :param value: The figure; what lies outside the axis is put at its end.
        :returns: The place.
        """
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    @property
    def ticks(self) -> list[float]:
        """The round numbers of the axis, in ascending order."""
        first, last = math.ceil(self.low / self.step - 1e-6), math.floor(self.high / self.step + 1e-6)
        return [place * self.step for place in range(first, last + 1)]

    def label(self, tick: float, *, percent: bool = False) -> str:
        """
        Write a tick.

        :param tick: One of `ticks`.
        :param percent: Whether figures are shares.
        :returns: The text, with as many digits as tell the ticks apart.
        """
        factor = 100.0 if percent else 1.0
        step = self.step * factor
        digits = next((n for n in range(10) if abs(round(step, n) - step) <= step * 1e-6), 10)
        text = f"{tick * factor:,.{digits}f}"
        text = text.removeprefix("-") if float(text.replace(",", "")) == 0 else text
        return f"{text}%" if percent else text


def scale(values: Iterable[float], start: float, end: float, *, zero: bool = False, whole: bool = False) -> Scale:
    """
    Make an axis for figures.

    ```python
    from ltrr_haystack.evaluation.report.scales import scale

    scale([0.12, 0.43], 0, 100, zero=True).ticks  # [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]
    ```

    :param values: The figures; those that cannot be drawn are passed over.
    :param start: Place of the axis' beginning.
    :param end: Place of its end.
    :param zero: Whether 0 is on the axis.
    :param whole: Whether figures are counts: the axis ends with the last of them, and ticks are whole numbers.
    :returns: The axis. Without figures it goes from 0 to 1.
    """
    drawn = [value if abs(value) >= SMALLEST else 0.0 for value in values if drawable(value)]
    low, high = (min(drawn), max(drawn)) if drawn else (0.0, 1.0)
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    if high - low <= LEAST_SPAN * max(abs(low), abs(high)) or high == low:
        pad = abs(high) * 0.1 or 1.0
        low, high = (low, high + 1.0) if whole else (low if zero and low == 0 else low - pad, high + pad)
    step = _round_step((high - low) / 5)
    if whole:
        return Scale(low, high, start, end, max(1.0, step if step == int(step) else math.ceil(step)))
    return Scale(math.floor(low / step + 1e-6) * step, math.ceil(high / step - 1e-6) * step, start, end, step)


def drawable(value: float | None) -> bool:
    """
    Check whether a figure can be drawn.

    :param value: The figure.
    :returns: Whether it is finite and of a size that an axis can show.
    """
    return value is not None and math.isfinite(value) and abs(value) <= LARGEST


def _round_step(least: float) -> float:
    """The smallest of 1, 2, 2.5, 5 times a power of ten that is not below `least`."""
    power = 10.0 ** math.floor(math.log10(max(least, 1e-300)))
    return next(nice * power for nice in _NICE if nice * power >= least * (1 - 1e-9))
