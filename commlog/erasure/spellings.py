"""Finds a name, an address or a number in any text, however it is spelled there, and takes it out."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import phonenumbers

from notifications.text.spelling import fold

_SHORTEST_NAME = 5  # letters: shorter ones are in other words and in other people's names
_BETWEEN_WORDS = r"(?: |,|%20|\+|_|\.)+"
_BETWEEN_DIGITS = r"(?: |\(|\)|\.|/|%20|_)*"
_SEPARATORS = str.maketrans(dict.fromkeys(" ()./_", ""))
_COUNTRY = r"(?:(?:\+|00|%2b)?{code}" + _BETWEEN_DIGITS + r"(?:\(?0\)?" + _BETWEEN_DIGITS + r")?|0)?"


class _Folding(dict[int, str]):
    """What a character is in the one spelling: for str.translate, made as characters come."""

    def __missing__(self, code: int) -> str:
        self[code] = found = fold(f"x{chr(code)}x")[1:-1]
        return found


_FOLDING = _Folding()
# Most texts are ASCII: twenty times as fast.
_DROPPED = bytes(code for code in range(128) if not _FOLDING[code])
_PLAIN = bytes(ord(_FOLDING[code] or " ") if code < 128 else code for code in range(256))


def _folded(text: str) -> str:
    return text.encode().translate(_PLAIN, _DROPPED).decode() if text.isascii() else text.translate(_FOLDING)


class Spellings:
    """What is looked for in folded text: expressions, by a part that stands in each text that has it. Texts
    are many, and most have none of the parts.
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
        """Whether a text, or any text of a JSON value, has it."""
        if isinstance(value, str):
            folded = _folded(value)
            return any(each.search(folded) for each in self._possible(folded))
        if isinstance(value, dict):
            return any(self.stands_in(name) or self.stands_in(each) for name, each in value.items())
        return isinstance(value, list | tuple) and any(self.stands_in(each) for each in value)

    def _possible(self, folded: str) -> Iterator[re.Pattern[str]]:
        yield from (each for part, each in self._said.items() if part in folded)
        if self._numbers:
            digits = folded.replace("%20", "").translate(_SEPARATORS)
            yield from (each for part, each in self._numbers.items() if part in digits)

    def replaced(self, value: Any, by: str) -> Any:
        """Return the value with `by` in the place of each."""
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
    for place, character in enumerate(text):
        said = _FOLDING[ord(character)]
        folded.append(said)
        at += [place] * len(said)
    found, last = [], 0
    for match in expression.finditer("".join(folded)):
        found += [text[last : at[match.start()]], by]
        last = at[match.end() - 1] + 1
        while last < len(text) and unicodedata.combining(text[last]):  # of the letter before it
            last += 1
    return "".join([*found, text[last:]])


def _of_name(name: str) -> Iterator[str]:
    words = fold(name).split()
    if len("".join(words)) < _SHORTEST_NAME:
        return
    for order in _orders(words):
        yield rf"(?<!\w){_BETWEEN_WORDS.join(map(re.escape, order))}(?!\w)"


def _orders(words: list[str]) -> Iterator[list[str]]:
    """First names first, or each of the other words first: `Ana da Silva`, `Silva, Ana da`."""
    yield words
    for cut in range(1, len(words)):
        yield words[cut:] + words[:cut]


def _of_address(address: str) -> str:
    local, _, domain = fold(address).rpartition("@")
    return rf"(?<![\w.+]){re.escape(local)}(?:@|%40){re.escape(domain)}(?!\w)"


def _of_number(number: str) -> tuple[str, str]:
    try:
        parsed = phonenumbers.parse(number, None)
        code, digits = str(parsed.country_code), str(parsed.national_number)
    except phonenumbers.NumberParseException:
        code, digits = "", re.sub("[^0-9]", "", number)
    country = _COUNTRY.format(code=re.escape(code)) if code else r"(?:\+|00)?"
    return digits, rf"(?<!\d){country}{_BETWEEN_DIGITS.join(digits)}(?!\d)"
