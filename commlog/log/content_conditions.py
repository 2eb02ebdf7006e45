"""Detection of stored conditions on content, which would reveal it to their readers."""

from collections.abc import Iterable, Sequence

from commlog.log.conditions import PARAMETER
from notifications.criteria import FIELDS

_BOX = "q"
_FIELDS = {key for key, field in FIELDS.items() if field.withheld}


def asks_content(pairs: Iterable[Sequence[str]]) -> bool:
    """Return whether conditions written by `writing.pairs` ask about an address or a text."""
    return any(
        name == _BOX or (name == PARAMETER and value.partition(".")[0] in _FIELDS) for name, value in pairs
    )
