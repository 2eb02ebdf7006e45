"""Masking of messages for readers who may know that they were sent, but not their content or destination.

All masking is here: each row of `MessageQuerySet.withheld()` passes through it.
"""

import re
from collections.abc import Iterable
from typing import Any

import phonenumbers

from notifications.content import COLUMNS, FACTS

_HIDDEN = "•••"
# By column what is left of what a message says and of what servers said about it.
_LEFT: dict[str, Any] = {
    **{column: "" for name, column in COLUMNS.items() if name not in FACTS | {"headers"}},
    "failure_cause": "",
    "destination_fold": "",
}
WITHHELD = frozenset({"destination", "headers", *_LEFT})
# What queries compute of a text, by the name that they give it.
_COMPUTED = ("excerpt",)
_ORIGIN = re.compile(r"(?P<scheme>https?)://(?:[^/?#@]*@)?(?P<host>[^/?#@\s]+)", re.IGNORECASE)
_SHORTEST = 3  # characters of the local part of an address of which the first is shown


class Withheld(Exception):
    """A query used columns that the reader may not know. `names`: the columns."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = sorted(names)
        super().__init__(f"withheld: {', '.join(self.names)}")


def masked(destination: str) -> str:
    """Return `+44 77•• ••• 945`, `a•••@example.org`, the host of a URL, and dots for anything else."""
    text = destination.strip()
    if url := _ORIGIN.match(text):
        return f"{url['scheme'].lower()}://{url['host']}/{_HIDDEN}"
    local, at, domain = text.rpartition("@")
    if at:
        local = local.rpartition("<")[2]
        return f"{local[:1] if len(local) >= _SHORTEST else ''}{_HIDDEN}@{domain.rstrip('> ')}"
    return (_number(text) or _HIDDEN) if text else ""


def _number(text: str) -> str:
    """Return the country code, the first two digits and the last three; every number has the same length."""
    try:
        number = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException:
        return ""
    digits = str(number.national_number)
    if len(digits) < len("7712345"):
        return f"+{number.country_code} {_HIDDEN}"
    return f"+{number.country_code} {digits[:2]}•• ••• {digits[-3:]}"


def withhold(message: Any) -> None:
    """Mask a row in memory. It can be shown, but neither stored nor sent again."""
    loaded = vars(message)
    loaded |= _LEFT | {"headers": {}, "destination": masked(loaded.get("destination", ""))}
    loaded |= {name: "" for name in _COMPUTED if name in loaded}
    message.masked = True
