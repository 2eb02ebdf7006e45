"""Offsets in Nakadi's notation.

A cursor names the last event that was read, so before the first event it is -1.
"""

import re

BEGIN = "BEGIN"
_WRITTEN = re.compile(r"001-0001-(-?[0-9]{1,18})", re.ASCII)


def written(offset: int) -> str:
    """Return the offset as clients see it."""
    return f"001-0001-{offset:018d}"


def read(text: str) -> int:
    """Return the offset that a client sent. Raises ValueError if it is none."""
    if text == BEGIN:
        return -1
    found = _WRITTEN.fullmatch(text)
    if found is None or int(found[1]) < -1:
        raise ValueError(f"an offset is {BEGIN} or like {written(388)}")
    return int(found[1])
