"""How likely it is that a person looked at a position: the one curve by which position bias is reckoned."""

import math


def examination(ordinal: int, eta: float = 1.0) -> float:
    """
    Give the probability that a position was examined, relative to the first one.

    The position-based model: a click needs a look first, and looks depend on the position alone (Craswell, Zoeter,
    Taylor and Ramsey, "An experimental comparison of click position-bias models", WSDM 2008). The curve
    `1 / ordinal ** eta` is the one of Joachims, Swaminathan and Schnabel, "Unbiased learning-to-rank with biased
    feedback", WSDM 2017, section 5.1.

    :param ordinal: Position on the page, from 1.
    :param eta: How steeply the looks thin out; 0 means that every position is examined alike.
    :returns: A probability in (0, 1]; 1 for the first position.
    :raises ValueError: If `ordinal` is below 1 or `eta` is negative.
    """
    if ordinal < 1:
        raise ValueError(f"ordinal must be at least 1, since positions count from 1; got {ordinal}")
    if eta < 0:
        raise ValueError(f"eta must not be negative, got {eta}")
    return math.pow(ordinal, -eta)
