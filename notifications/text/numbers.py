"""Telephone numbers: one interpretation of every spelling, for storing and for searching.

People paste numbers out of mails, contacts and web pages, with marks of direction, dashes of all kinds and
`tel:` before them. None of that changes which number is meant. A character that could change it is refused,
and the error names it.
"""

import functools
import re
from dataclasses import dataclass
from urllib.parse import unquote

import phonenumbers

from notifications.text.spelling import name_of, tidy

FEWEST_DIGITS = 5  # of a number that is looked for; fewer are in every number
_SIGNS = str.maketrans(
    "\uff0b\ufe62\u207a\uff08\uff09[]\uff0e\uff0f\u2044\u2215\u00b7\u2022", "+++()().///.."
)
_AROUND = " <>,;:.!?\"\u201c\u201d\u201e\u00ab\u00bb'\u2018\u2019"
_SCHEME = re.compile(r"(?:tel|sms|smsto|callto):(?://)?", re.IGNORECASE)
_COUNTRY_IN_BRACKETS = re.compile(r"\(\s*\+\s*([0-9]{1,3})\s*\)")
_NUMBER = re.compile(r"\+[0-9 ()./-]+")
_SPELLING = re.compile(r"\+?[0-9 ()./-]+")
_STRANGE = re.compile(r"(?<=.)\+|[^0-9 ()./+-]", re.DOTALL)
_LENGTH = "the number is too short or too long for its country"
_EXTENSION = re.compile(r"(?:;ext=|;|ext?\.?|extension|x|#|~)\s*[0-9]{1,7}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Asked:
    """A number to search for: the digits that all its spellings share."""

    digits: str  # no trunk zero, no international prefix
    international: bool  # whether they begin with the country's code


def plain(text: str) -> str:
    """Return the number in a keyboard's characters. Several lines stay several: they may be two numbers."""
    lines = "\n".join(tidy(line) for line in text.strip().splitlines())
    shown = lines.translate(_SIGNS).strip(_AROUND)
    if scheme := _SCHEME.match(shown):
        shown = unquote(shown[scheme.end() :].partition("?")[0]).strip(_AROUND)
    digits = "".join(str(int(each)) if each.isdecimal() else each for each in shown)
    return _COUNTRY_IN_BRACKETS.sub(r"+\1 ", digits, count=1)


@functools.lru_cache(maxsize=1024)
def e164(text: str) -> str:
    """Return the number as +49…, from any spelling with a plus.

    Raises ValueError if no country can have it.
    """
    text = plain(text)
    if not _NUMBER.fullmatch(text):
        raise ValueError(_problem(text))
    try:
        number = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException as error:
        unknown = error.error_type == phonenumbers.NumberParseException.INVALID_COUNTRY_CODE
        raise ValueError("there is no country with this code" if unknown else _LENGTH) from error
    # Possible, not valid: the tables of valid numbers lag behind the networks, and the gateway has the last
    # word.
    if not phonenumbers.is_possible_number(number):
        raise ValueError(_LENGTH)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def asked(text: str, *, fewest: int = FEWEST_DIGITS) -> Asked | None:
    """Return the number that a search text means, national or not; None if it has too few digits."""
    text = plain(text)
    if not _SPELLING.fullmatch(text):
        return None
    spelled = f"+{text[2:]}" if text.startswith("00") else text
    international = spelled.startswith("+")
    try:
        return Asked(e164(spelled)[1:], international=True)
    except ValueError:
        digits = re.sub("[^0-9]", "", spelled.replace("(0)", ""))
    digits = digits if international else digits.lstrip("0")
    return Asked(digits, international) if len(digits) >= fewest else None


def _problem(text: str) -> str:
    if _EXTENSION.search(text):
        return "it has an extension, and nothing can be sent to one"
    if strange := _STRANGE.search(text):
        return f"{name_of(strange[0])} is no part of a number"
    return "a number begins with + and the country's code and has digits only"
