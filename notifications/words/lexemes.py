"""Splitting of texts into words, the same for the index and for questions.

Words are folded like names (notifications.text.spelling), in Python, so that both databases hold the same.
Letters, marks and digits make words; an emoji, a currency sign and % are words of one character. Scripts
written without spaces between words (Chinese, Japanese, Thai, Lao, Khmer, Burmese) are split into overlapping
pairs of characters, and the last character alone: any part of such a run is found.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from notifications import channels
from notifications.secrets.urls import shortened
from notifications.text.spelling import WITHOUT_SPACES, fold

VERSION = 2  # of what this module makes of a text; another one has every message filled in anew
LONGEST_WORD = 200  # characters; more cannot be asked for
BREAK = "#"  # stands between the parts of a message, and before a number that is written backwards
NATIONAL = "$"  # stands before a number without what may be its country's code
_CODES = (1, 2, 3)  # how long such codes are
# What an index of PostgreSQL holds of a message: places up to 16,383, and 255 of one word.
_MOST_WORDS, _MOST_OF_ONE, _LONGEST = 16_000, 255, 200_000
_PLAIN = re.compile(r"[a-z0-9]+|[%$]")
_CACHED, _LONGEST_CACHED = 100_000, 40
# The places of lexemes, as they are written; none of those that are too many.
_WRITTEN = [*(str(at) for at in range(1, _MOST_WORDS + 1)), *[""] * _LONGEST]
_WORD, _RUN, _SIGN = "word", "run", "sign"


class Piece(NamedTuple):
    """A part of what stands between two spaces."""

    kind: str
    text: str


class Parts(NamedTuple):
    """The searchable parts of a message."""

    type: str
    subject: str
    recipient_name: str
    destination: str
    content: str


@lru_cache(maxsize=20_000)
def _kind(character: str) -> str:
    category = unicodedata.category(character)
    if category[0] in "LMN":
        code = ord(character)
        return _RUN if any(first <= code <= last for first, last in WITHOUT_SPACES) else _WORD
    return _SIGN if category in ("Sc", "So") or character == "%" else ""


def pieces(word: str) -> list[Piece]:
    """Return the pieces of a word between two spaces."""
    folded = fold.__wrapped__(word)
    if folded.isascii() and folded.isalnum():
        return [Piece(_WORD, folded[:LONGEST_WORD])]
    found: list[Piece] = []
    before = ""
    for character in folded:
        kind = _kind(character)
        if kind == before and kind in (_WORD, _RUN):
            found[-1] = Piece(kind, found[-1].text + character)
        elif kind:
            found.append(Piece(kind, character))
        before = kind
    return [Piece(each.kind, each.text[:LONGEST_WORD]) if each.kind == _WORD else each for each in found]


def of_piece(piece: Piece, *, open_ended: bool = False) -> list[str]:
    """Return the lexemes of a piece. `open_ended`: of a run that may continue."""
    if piece.kind != _RUN:
        return [piece.text]
    pairs = [first + second for first, second in zip(piece.text, piece.text[1:], strict=False)]
    return pairs if open_ended and pairs else [*pairs, piece.text[-1]]


def _of_word(word: str) -> tuple[str, ...]:
    if word.isascii():  # the same, in a tenth of the time
        return tuple(each[:LONGEST_WORD] for each in _PLAIN.findall(fold.__wrapped__(word)))
    return tuple(lexeme for piece in pieces(word) for lexeme in of_piece(piece))


_cached = lru_cache(maxsize=_CACHED)(_of_word)


def lexemes(text: str) -> list[str]:
    """Return the lexemes of a text, in order."""
    found: list[str] = []
    for word in text.split():
        found += _cached(word) if len(word) <= _LONGEST_CACHED else _of_word(word)
    return found


def of_message(parts: Parts) -> list[str] | None:
    """Return the lexemes of a message; None if its text is too long to be split.

    A BREAK between its parts keeps phrases from crossing them. A telephone number is added as one word, also
    without its first digits, since a national spelling names no country, and backwards: so its beginning is
    found in both spellings, and its end.
    """
    if len(parts.content) + len(parts.subject) > _LONGEST:
        return None
    channel = channels.of(parts.type)
    shown = shortened(parts.destination) if channel.secret_destination else parts.destination
    found = [*lexemes(parts.subject), BREAK, *lexemes(parts.recipient_name), BREAK, *lexemes(shown), BREAK]
    if parts.type in channels.BY_NUMBER:
        digits = "".join(each for each in fold.__wrapped__(shown) if each.isdecimal())
        if digits:
            found += [digits, BREAK, BREAK + digits[::-1], BREAK]
            found += [each for code in _CODES for each in (NATIONAL + digits[code:], BREAK)]
    found += lexemes(parts.content)
    return found


def places(found: Iterable[str]) -> tuple[dict[str, list[str]], bool]:
    """Return the positions of each of a message's lexemes, and whether the index has room for all of them."""
    by_lexeme: dict[str, list[str]] = {}
    fits = True
    for lexeme, at in zip(found, _WRITTEN, strict=False):
        if lexeme not in by_lexeme:
            by_lexeme[lexeme] = [at] if at else []
        elif at and len(by_lexeme[lexeme]) < _MOST_OF_ONE:
            by_lexeme[lexeme].append(at)
        elif lexeme != BREAK:
            fits = False
    by_lexeme.pop(BREAK, None)
    return by_lexeme, fits and not (by_lexeme and not all(by_lexeme.values()))
