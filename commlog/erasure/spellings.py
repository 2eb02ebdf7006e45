"""Finds and replaces a name, address or number in any text, however it is spelled.

Texts of messages may be JSON, HTML or part of a URL, so their escapes are decoded for matching.
"""

import html
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any
from urllib.parse import unquote

import phonenumbers

from notifications.text.spelling import WITHOUT_SPACES, fold

_SHORTEST_NAME = 5  # letters: shorter ones are in other words and in other people's names
_BETWEEN_WORDS = r"(?: |,|\+|_|\.)"
_BETWEEN_DIGITS = r"(?: |\(|\)|\.|/|_)*"
# Scripts that put no spaces between words, and the syllables of Korean, to which particles are added.
_RUNS = "".join(f"{chr(first)}-{chr(last)}" for first, last in WITHOUT_SPACES)
_SYLLABLES = "\uac00-\ud7a3"
_IN_A_RUN, _SYLLABLE = re.compile(f"[{_RUNS}]"), re.compile(f"[{_RUNS}{_SYLLABLES}]")
_BEGINS, _ENDS = rf"(?<![^\W{_RUNS}])", rf"(?![^\W{_RUNS}{_SYLLABLES}])"
# Of one character each: JSON, HTML, URL.
_ESCAPES = re.compile(
    r"\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}|\\u[0-9a-f]{4}|\\[nrt]"
    r"|&(?:#[0-9]+|#x[0-9a-f]+|[a-z]+);"
    r"|%[0-7][0-9a-f]|%[c-f][0-9a-f](?:%[89ab][0-9a-f]){1,3}",
    re.IGNORECASE,
)
_SEPARATORS = str.maketrans(dict.fromkeys(" ()./_", ""))
_COUNTRY = r"(?:(?:\+|00)?{code}" + _BETWEEN_DIGITS + r"(?:\(?0\)?" + _BETWEEN_DIGITS + r")?|0)?"


class _Folding(dict[int, str]):
    """Folds characters into one spelling, for str.translate; filled as characters occur."""

    def __missing__(self, code: int) -> str:
        self[code] = found = fold(f"x{chr(code)}x")[1:-1]
        return found


_FOLDING = _Folding()
# Most texts are ASCII: twenty times as fast.
_DROPPED = bytes(code for code in range(128) if not _FOLDING[code])
_PLAIN = bytes(ord(_FOLDING[code] or " ") if code < 128 else code for code in range(256))


def _folded(text: str) -> str:
    said = _ESCAPES.sub(_meant_by, text) if _may_have_escapes(text) else text
    if said.isascii():
        return said.encode().translate(_PLAIN, _DROPPED).decode()
    return unicodedata.normalize("NFC", said).translate(_FOLDING)


def _may_have_escapes(text: str) -> bool:
    return "&" in text or "%" in text or "\\" in text


def _meant_by(escapes: re.Match[str]) -> str:
    text = escapes[0]
    if text[0] == "%":
        return unquote(text)
    if text[0] == "&":
        return html.unescape(text)
    if text[1] in "uU":
        units = bytes.fromhex(text[2:].lower().replace("\\u", ""))
        return units.decode("utf-16-be", errors="replace")
    return " "


class Spellings:
    """Search expressions on folded text, grouped by a literal part of each match.

    Most texts have none of the parts, so they are rejected quickly.
    """

    def __init__(self, names: Iterable[str], addresses: Iterable[str], numbers: Iterable[str]) -> None:
        said: defaultdict[str, list[str]] = defaultdict(list)
        for address in addresses:  # before names, which may stand in them
            said[fold(address).rpartition("@")[2]].append(_of_address(address))
        for name in names:
            for each in _of_name(name):
                said[max(fold(name).split(), key=len)].append(each)
        self._said = {part: re.compile("|".join(sorted(each))) for part, each in said.items()}
        self._numbers = {
            digits: re.compile(expression) for digits, expression in map(_of_number, sorted(set(numbers)))
        }

    def __bool__(self) -> bool:
        return bool(self._said or self._numbers)

    def stands_in(self, value: Any) -> bool:
        """Return whether a text, or any text in a JSON value, matches."""
        if isinstance(value, str):
            folded = _folded(value)
            return any(each.search(folded) for each in self._possible(folded))
        if isinstance(value, dict):
            return any(self.stands_in(name) or self.stands_in(each) for name, each in value.items())
        return isinstance(value, list | tuple) and any(self.stands_in(each) for each in value)

    def _possible(self, folded: str) -> Iterator[re.Pattern[str]]:
        yield from (each for part, each in self._said.items() if part in folded)
        if self._numbers:
            digits = folded.translate(_SEPARATORS)
            yield from (each for part, each in self._numbers.items() if part in digits)

    def replaced(self, value: Any, by: str) -> Any:
        """Return the value with every match replaced."""
        if isinstance(value, str):
            return self._text(value, by) if self.stands_in(value) else value
        if isinstance(value, dict):
            return {self.replaced(name, by): self.replaced(each, by) for name, each in value.items()}
        return [self.replaced(each, by) for each in value] if isinstance(value, list | tuple) else value

    def _text(self, text: str, by: str) -> str:
        for expression in list(self._possible(_folded(text))):
            text = _without(text, expression, by)
        return text


def _without(text: str, expression: re.Pattern[str], by: str) -> str:
    folded, at = [], []
    for said, first, behind in _characters(text):
        plain = unicodedata.normalize("NFC", said).translate(_FOLDING)
        folded.append(plain)
        at += [(first, behind)] * len(plain)
    found, last = [], 0
    for match in expression.finditer("".join(folded)):
        found += [text[last : at[match.start()][0]], by]
        last = at[match.end() - 1][1]
    return "".join([*found, text[last:]])


def _characters(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield each character with what belongs to it, and where that begins and ends in the text."""
    said, first, behind = "", 0, 0
    for each, start, end in _unescaped(text):
        if said and not _goes_on(each):
            yield said, first, behind
            said = ""
        said, first, behind = said + each, first if said else start, end
    if said:
        yield said, first, behind


def _goes_on(character: str) -> bool:
    """Return whether it may combine with the character before it: marks, and parts of Korean syllables."""
    return unicodedata.category(character)[0] == "M" or "\u1160" <= character <= "\u11ff"


def _unescaped(text: str) -> Iterator[tuple[str, int, int]]:
    behind = 0
    for escapes in _ESCAPES.finditer(text):
        yield from ((text[at], at, at + 1) for at in range(behind, escapes.start()))
        yield from ((each, *escapes.span()) for each in _meant_by(escapes))
        behind = escapes.end()
    yield from ((text[at], at, at + 1) for at in range(behind, len(text)))


def _of_name(name: str) -> Iterator[str]:
    words = fold(name).split()
    # A sign that is a syllable or a word says as much as two letters.
    letters = "".join(words)
    if len(letters) + len(_SYLLABLE.findall(letters)) < _SHORTEST_NAME:
        return
    for order in _orders(words):
        begins = "" if _IN_A_RUN.match(order[0][0]) else _BEGINS
        ends = "" if _IN_A_RUN.match(order[-1][-1]) else _ENDS
        yield f"{begins}{''.join(_joined(order))}{ends}"


def _joined(words: list[str]) -> Iterator[str]:
    yield re.escape(words[0])
    for before, word in pairwise(words):
        together = _SYLLABLE.match(before[-1]) and _SYLLABLE.match(word[0])
        yield f"{_BETWEEN_WORDS}{'*' if together else '+'}{re.escape(word)}"


def _orders(words: list[str]) -> Iterator[list[str]]:
    """Yield the orders of a name: first names first, or each other word first: `Ana da Silva`, `Silva, Ana
    da`.
    """
    yield words
    for cut in range(1, len(words)):
        yield words[cut:] + words[:cut]


def _of_address(address: str) -> str:
    local, _, domain = fold(address).rpartition("@")
    return rf"(?<![.+]){_BEGINS}{re.escape(local)}@{re.escape(domain)}{_ENDS}"


def _of_number(number: str) -> tuple[str, str]:
    try:
        parsed = phonenumbers.parse(number, None)
        code, digits = str(parsed.country_code), str(parsed.national_number)
    except phonenumbers.NumberParseException:
        code, digits = "", re.sub("[^0-9]", "", number)
    country = _COUNTRY.format(code=re.escape(code)) if code else r"(?:\+|00)?"
    return digits, rf"(?<!\d){country}{_BETWEEN_DIGITS.join(digits)}(?!\d)"
