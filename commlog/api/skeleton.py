"""Removal of long texts from a large body (up to 256 MB): a resend needs only its keys."""

import re

LONGEST = 40  # bytes of a text that stays: keys, times, names of fields
_QUOTE = b'"'
# Text by text: an expression for many at once needs possessive groups that can fail half-way, which Python
# before 3.11.5 gets wrong.
_TEXT = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)


class Skeleton:
    """Takes JSON text piece by piece and empties every string longer than LONGEST."""

    def __init__(self) -> None:
        self._kept = bytearray()
        # Of the text that a piece ended in, its beginning; None: it ended outside of texts.
        self._text: bytearray | None = None
        self._escape = b""  # a backslash at the end of a piece belongs to what follows

    def __len__(self) -> int:
        return len(self._kept)

    def __bytes__(self) -> bytes:
        return bytes(self._kept + (self._text or b""))

    def add(self, piece: bytes) -> None:
        piece, at = self._escape + piece, 0
        self._escape = b""
        while at < len(piece):
            at = self._outside(piece, at) if self._text is None else self._inside(piece, at, self._text)

    def _outside(self, piece: bytes, at: int) -> int:
        quote = piece.find(_QUOTE, at)
        end = len(piece) if quote < 0 else quote + 1
        self._kept += piece[at:end]
        self._text = None if quote < 0 else bytearray()
        return end

    def _inside(self, piece: bytes, at: int, text: bytearray) -> int:
        found = _TEXT.match(piece, at)
        assert found, "the pattern holds for nothing, too"
        end = found.end()
        text += piece[at : min(end, at + LONGEST + 1)]  # one byte more tells that it is too long
        if piece[end : end + 1] == _QUOTE:
            self._kept += (text if len(text) <= LONGEST else b"") + _QUOTE
            self._text = None
            return end + 1
        self._escape = piece[end:]
        return len(piece)
