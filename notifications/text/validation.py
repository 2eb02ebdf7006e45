"""The check of text from outside: what no database, mail or page can hold is refused."""

import re

from notifications.faults import Fault, Malformed

# What a text of one line holds nowhere: control characters, and what some reader takes for the end of a line.
NOT_IN_A_LINE = r"[\x00-\x1f\x7f-\x9f\u2028\u2029]"
LINE = rf"^[^{NOT_IN_A_LINE[1:]}*$"  # a text of one line, as schemas say it


def is_one_line(text: str) -> bool:
    """Return whether the text is one line, without control characters."""
    return re.search(NOT_IN_A_LINE, text) is None


def clean(field: str, value: object, *, most: int | None = None) -> str:
    """Return the text if it can be stored. Raises Malformed: NUL, lone surrogates, over `most` characters."""
    if not isinstance(value, str):
        raise Malformed(field, Fault.NOT_TEXT)
    if "\0" in value:
        raise Malformed(field, Fault.HOLDS_NUL)
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise Malformed(field, Fault.HALF_OF_A_SURROGATE, position=error.start) from error
    if most is not None and len(value) > most:
        raise Malformed(field, Fault.TOO_LONG, count=len(value), most=most)
    return value
