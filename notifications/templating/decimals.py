"""Numbers as people and receivers write them: 1000, not 1E+3, whatever notation an event uses."""

import re
from decimal import Decimal, InvalidOperation

from notifications.faults import Fault, Malformed

# characters: any floating-point number fits (at most 309 digits before the point, and 324 or so after it)
LONGEST = 350
_SCIENTIFIC = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?[eE][+-]?[0-9]+", re.ASCII)
_PLAIN = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?", re.ASCII)


def plain(field: str, number: int | float | Decimal) -> str:
    """Return a number without an exponent, digits as given, zero unsigned.

    Raises Malformed if it is infinite, or over LONGEST.
    """
    value = Decimal(repr(number)) if isinstance(number, float) else Decimal(number)
    if not value.is_finite():
        raise Malformed(field, Fault.NOT_FINITE)
    if abs(value.adjusted()) + len(value.as_tuple().digits) > 2 * LONGEST:  # told before it is written out
        raise Malformed(field, Fault.TOO_LONG_A_NUMBER, most=LONGEST)
    text = format(value if value else abs(value), "f")
    if len(text) > LONGEST:
        raise Malformed(field, Fault.TOO_LONG_A_NUMBER, most=LONGEST)
    return text


def plain_text(field: str, text: str) -> str:
    """Return a number written with an exponent without it, any other text unchanged. See `plain`."""
    if not _SCIENTIFIC.fullmatch(text):
        return text
    try:
        value = Decimal(text)
    except InvalidOperation as error:  # an exponent of twenty digits
        raise Malformed(field, Fault.TOO_LONG_A_NUMBER, most=LONGEST) from error
    return plain(field, value)


def is_plain(text: str) -> bool:
    """Return whether the text is a JSON number without an exponent."""
    return len(text) <= LONGEST and _PLAIN.fullmatch(text) is not None
