"""Whether stored conditions ask what messages say, and so may tell it to whoever reads them."""

from collections.abc import Iterable, Sequence

from commlog.log.conditions import PARAMETER
from notifications.criteria import FIELDS

_BOX = "q"
_FIELDS = {key for key, field in FIELDS.items() if field.withheld}


def asks_content(pairs: Iterable[Sequence[str]]) -> bool:
    """Whether conditions as `writing.pairs` writes them ask for an address or a text, or search for one."""
    return any(
        name == _BOX or (name == PARAMETER and value.partition(".")[0] in _FIELDS) for name, value in pairs
    )
