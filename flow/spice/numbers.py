"""Numbers with SPICE suffixes, turned into floats in one place and exactly once."""

from __future__ import annotations

import math
import re

# Longest suffix first: "meg" and "mil" begin with the "m" of milli.
_POWERS = {"meg": 6, "t": 12, "g": 9, "k": 3, "m": -3, "u": -6, "n": -9, "p": -12, "f": -15, "a": -18}
_MIL_METRES = 25.4e-6

_NUMBER = re.compile(
    r"(?P<mantissa>[+-]?(?:\d{1,40}(?:\.\d{0,40})?|\.\d{1,40}))(?:e(?P<exponent>[+-]?\d{1,4}))?"
    r"(?P<letters>(?!e)[a-z]{0,16})\Z",
    re.IGNORECASE | re.ASCII,
)


def spice_number(text: str) -> float:
    """The value of a SPICE number such as "0.85", "30n", "1.5Meg" or "10pF".

    Suffixes t g meg k m u n p f a and mil (25.4e-6) in any case; letters after the suffix are a unit and
    mean nothing, so "1F" is a femto-something, as in ngspice. A unit may not begin with e, as an exponent
    does. The result is the float nearest to the decimal number. Raises ValueError for anything else and
    for numbers beyond the range of a float.
    """
    match = _NUMBER.match(text)
    if match is None:
        raise ValueError(f"{text[:40]!r} is not a number")
    mantissa, letters = match["mantissa"], match["letters"].lower()
    exponent = int(match["exponent"] or 0)
    if letters.startswith("mil"):
        value = float(f"{mantissa}e{exponent}") * _MIL_METRES
    else:
        suffix = next((name for name in _POWERS if letters.startswith(name)), None)
        value = float(f"{mantissa}e{exponent + (0 if suffix is None else _POWERS[suffix])}")
    if not math.isfinite(value):
        raise ValueError(f"{text[:40]!r} is out of range")
    return value
