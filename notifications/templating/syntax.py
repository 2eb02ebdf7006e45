"""Placeholders to text. There is no template engine: a placeholder is a name in braces, and nothing but its value takes its place.

What a value holds is never looked at again, so a client who is called {CLIENT_EMAIL} or {0.__class__} is written to by that name.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from notifications.templating.spots import PLACEHOLDER, Place, names_in, standings
from notifications.templating.writing import WRITTEN
from notifications.text.gate import NOT_IN_A_LINE

__all__ = ["PLACEHOLDER", "Place", "fill", "names_in"]

_CONTROL = re.compile(f"{NOT_IN_A_LINE}+")


@dataclass(frozen=True, slots=True)
class _Piece:
    """A literal text, and the placeholder that follows it."""

    literal: str
    name: str
    write: Callable[[str], str]
    quotes: str  # around the value


def fill(text: str, values: Mapping[str, str], place: Place = Place.TEXT) -> str:
    """The text with the values in place of their names; a missing value is empty."""
    pieces, rest = _pieces(text, place)
    made = "".join(f"{each.literal}{each.quotes}{each.write(values.get(each.name, ''))}{each.quotes}" for each in pieces) + rest
    return _CONTROL.sub(" ", made).strip() if place is Place.LINE else made


@lru_cache(maxsize=512)
def _pieces(text: str, place: Place) -> tuple[tuple[_Piece, ...], str]:
    pieces, start = [], 0
    for each in standings(text, place):
        pieces.append(_Piece(text[start : each.start], each.name, WRITTEN[each.spot], '"' if each.wrap else ""))
        start = each.end
    return tuple(pieces), text[start:]
