"""Keys: 32 hexadecimal characters in any case, or a UUID with dashes. We write them without dashes."""

import re
from uuid import UUID

from notifications.faults import Fault, Malformed

PATTERN = "[0-9a-fA-F]{32}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_KEY = re.compile(PATTERN)


def key_in(text: str) -> UUID | None:
    """Return the key that the text is, or None if it is none."""
    return UUID(text) if _KEY.fullmatch(text) else None


def read(field: str, value: object) -> UUID:
    """Return the key given in a field. Raises Malformed."""
    found = key_in(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise Malformed(field, Fault.NOT_A_KEY)
    return found
