"""Questions to the index of words: all of these words, the last of them as a prefix, and phrases."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from notifications.text.numbers import asked
from notifications.words.lexemes import BREAK, NATIONAL, Piece, of_piece, pieces

_TERM = re.compile(r"[\"“”„«](?P<phrase>[^\"“”„«»]*)[\"“”»]|(?P<word>[^\s\"“”„«»]+)")
_ENDS = "*"


@dataclass(frozen=True, slots=True)
class Term:
    """Lexemes that follow each other; the last may be a prefix. `raw`: the text as typed."""

    lexemes: tuple[str, ...]
    prefix: bool
    raw: str

    def is_in(self, found: Sequence[str]) -> bool:
        """Return whether the term occurs in a message's lexemes."""
        *whole, last = self.lexemes
        for at in range(len(found) - len(whole)):
            end = found[at + len(whole)]
            if [*found[at : at + len(whole)]] == whole and (
                end.startswith(last) if self.prefix else end == last
            ):
                return True
        return False


@dataclass(frozen=True, slots=True)
class Question:
    """Terms that must all occur, or the number that they spell.

    `numbers`: prefixes of a lexeme, one of which must occur. `raw`: the text as typed.
    """

    terms: tuple[Term, ...]
    numbers: tuple[str, ...] = ()
    raw: str = ""

    def __bool__(self) -> bool:
        return bool(self.terms or self.numbers)

    @property
    def has_phrase(self) -> bool:
        """Whether the order of lexemes matters."""
        return any(len(term.lexemes) > 1 for term in self.terms)

    def loosely(self) -> "Question":
        """Return a question for the same lexemes, wherever they stand."""
        terms = [
            Term((lexeme,), term.prefix and at == len(term.lexemes) - 1, term.raw)
            for term in self.terms
            for at, lexeme in enumerate(term.lexemes)
        ]
        return replace(self, terms=tuple(terms))

    def is_in(self, found: Sequence[str]) -> bool:
        """Return whether a message with these lexemes matches."""
        if self.numbers and any(each.startswith(self.numbers) for each in found):
            return True
        return bool(self.terms) and all(term.is_in(found) for term in self.terms)


def ask(text: str, *, phrase: bool = False) -> Question:
    """Return the question for a text of words, “phrases”, and word*; the last word is a prefix anyway.

    `phrase`: the whole text is one phrase.
    """
    if phrase:
        term = _term(text)
        return Question((term,) if term else (), raw=text)
    found = list(_TERM.finditer(text))
    terms = []
    for at, each in enumerate(found):
        beginning = each["word"] is not None and at == len(found) - 1
        if term := _term(each["word"] or each["phrase"] or "", beginning=beginning):
            terms.append(term)
    return Question(tuple(dict.fromkeys(terms)), _numbers(text), text)


def words_of_part(text: str, *, begins: bool = False, ends: bool = False) -> Question:
    """Return the words that certainly occur in every text that contains this one.

    Its first word may be the end of a longer one unless the text `begins` there, its last the beginning of
    one unless the text `ends` there. Where it is cut, only ASCII is used, since that folds the same whatever
    stands beside it.
    """
    if not (begins and ends) and not text.isascii():
        return Question(())
    first = 0 if begins else next((each.end() for each in re.finditer("[^A-Za-z0-9'`]+", text)), len(text))
    term = _term(text[first:], beginning=not ends)
    return Question((term,) if term else ())


def _term(raw: str, *, beginning: bool = False) -> Term | None:
    """Return the term of a word or a phrase; None if it has no lexeme."""
    prefix = beginning or raw.rstrip().endswith(_ENDS)
    raw = raw.strip().rstrip(_ENDS).strip()
    parts = [piece for word in raw.split() for piece in pieces(word)]
    lexemes = [
        lexeme
        for at, piece in enumerate(parts)
        for lexeme in of_piece(piece, open_ended=at == len(parts) - 1)
    ]
    if not lexemes:
        return None
    return Term(tuple(lexemes), _is_open(parts[-1], prefix=prefix), raw)


def _is_open(last: Piece, *, prefix: bool) -> bool:
    """Return whether the last lexeme is a prefix.

    A run continues wherever it is cut, and for a run of one character a pair may begin with it.
    """
    if last.kind == "run":
        return len(last.text) == 1
    return prefix and last.kind == "word"


def _numbers(text: str) -> tuple[str, ...]:
    """Return the prefixes of lexemes for the number that the text spells.

    For a national number they are that of the number and that of its end.
    """
    found = asked(text)
    if found is None:
        return ()
    return (found.digits,) if found.international else (NATIONAL + found.digits, BREAK + found.digits[::-1])
