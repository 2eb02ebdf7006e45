"""How offsets are written: as Nakadi writes them.

A cursor names the last event that was read, so before the first it stands at -1.
"""

import re

BEGIN = "BEGIN"
_WRITTEN = re.compile(r"001-0001-(-?[0-9]{1,18})", re.ASCII)


def written(offset: int) -> str:
    """The offset as clients see it."""
    return f"001-0001-{offset:018d}"


def read(text: str) -> int:
    """The offset that a client sent. Raises ValueError where it is none."""
    if text == BEGIN:
        return -1
    found = _WRITTEN.fullmatch(text)
    if found is None or int(found[1]) < -1:
        raise ValueError(f"an offset is {BEGIN} or like {written(388)}")
    return int(found[1])
