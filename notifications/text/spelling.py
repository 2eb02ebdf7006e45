"""Canonical spellings of what people search for, type or paste, for storing and for searching.

`tidy` removes invisible characters that came along when a text was pasted. `fold` goes further and returns
the form in which names are compared: `O’Leary`, `O'LEARY` and `OLeary` are one name, and so are `Søren` and
`soren`, `Öztürk` and `ozturk`.
"""

import functools
import re
import unicodedata
from collections.abc import Iterator

_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2043\u02d7\ufe58\ufe63\uff0d\u058a\u05be\u2e3a\u2e3b"
_APOSTROPHES = (
    "'`\u00b4\u02b9\u02bb\u02bc\u02bd\u02be\u02bf\u02c8\u02ca\u02cb\u02ee"
    "\u0384\u055a\u05f3\u07f4\u1fbd\u1fbf\u1fef\u1ffe"
)
_APOSTROPHES += "\u2018\u2019\u201a\u201b\u2032\u2035\ua78b\ua78c\uff07\uff40"
# Letters that Unicode does not take apart, in lower case, as people write them who do not have them on their
# keyboard.
_LETTERS = {
    "ł": "l", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h", "ŧ": "t",
    "ŋ": "n", "ƒ": "f", "ɖ": "d", "ɗ": "d", "ɓ": "b", "ƙ": "k", "ƴ": "y", "ɨ": "i", "ɛ": "e", "ɔ": "o",
    "ə": "e", "ǝ": "e", "ĸ": "k", "ȷ": "j", "ƶ": "z", "ǥ": "g", "ɵ": "o", "ƀ": "b", "ŀ": "l", "·": "",
    "ʔ": "", "ـ": "", "‿": " ", "・": " ",
}  # fmt: skip
# Nothing is seen of these, though Unicode counts them as letters, marks or symbols.
_UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_SELECTORS = re.compile("[\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
# Scripts that are written without spaces between words: Chinese, Japanese, Thai, Lao, Khmer, Burmese.
WITHOUT_SPACES = (
    (0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3040, 0x312F), (0x31F0, 0x31FF),
    (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xA9E0, 0xA9FF), (0xAA60, 0xAA7F), (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)  # fmt: skip
_VOICING = "\u3099\u309a"  # of kana: が is another letter than か, not one with an accent

_TO_DASH = str.maketrans(dict.fromkeys(_DASHES, "-"))
# Some of them would come apart into a space and an accent.
_BEFORE = str.maketrans(dict.fromkeys(_APOSTROPHES, ""))
_CONTROLS = "".join(chr(code) for code in (*range(32), *range(127, 160)))
_AFTER = str.maketrans(_LETTERS | dict.fromkeys(_DASHES + "-" + _CONTROLS, " "))
_ASCII = str.maketrans({"'": "", "`": ""} | dict.fromkeys("-" + _CONTROLS, " "))
_TO_LOWER = str.maketrans({chr(code): chr(code + 32) for code in range(ord("A"), ord("Z") + 1)})


def is_unseen(character: str) -> bool:
    """Return whether a character is invisible: marks of direction, joiners, soft hyphens, selectors.

    A space is not.
    """
    return (
        unicodedata.category(character) == "Cf" or character in _UNSEEN or bool(_SELECTORS.match(character))
    )


def tidy(text: str) -> str:
    """Return the text without invisible characters, with one kind of space and hyphen, stripped."""
    if text.isascii() and text.isprintable():
        return text.strip()
    return "".join(_seen(text.translate(_TO_DASH))).strip()


def _seen(text: str) -> Iterator[str]:
    for character in text:
        if character.isspace() or unicodedata.category(character) in ("Zs", "Zl", "Zp"):
            yield " "
        elif not is_unseen(character):
            yield character


@functools.lru_cache(maxsize=4096)
def fold(text: str) -> str:
    """Return a name's canonical form: no case, accents, apostrophes, hyphens; English letters. Idempotent."""
    if text.isascii():
        return " ".join(text.lower().translate(_ASCII).split())
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text.translate(_BEFORE)).casefold())
    kept = "".join(
        each for each in apart.translate(_BEFORE) if each in _VOICING or not unicodedata.combining(each)
    )
    plain = "".join(
        str(unicodedata.decimal(each)) if each.isdecimal() else each for each in _seen(kept.translate(_AFTER))
    )
    return " ".join(unicodedata.normalize("NFC", plain).split())


def stored_fold(text: str) -> str:
    """Return the fold to store beside a text: "" if it differs by the case of A to Z alone."""
    folded = fold(text)
    return "" if folded == in_small_letters(text) else folded


def in_small_letters(text: str) -> str:
    """Return the text with A to Z in lower case, and nothing else changed."""
    return text.translate(_TO_LOWER)


def words_of(text: str, *, most: int) -> list[str]:
    """Return the words as typed, also of `Silva, Ana`; without those that folding empties, unless all."""
    words = re.split(r"[\s,;]+", tidy(text).strip(" ,;")) if text.strip(" ,;") else text.split()
    return ([word for word in words if fold(word)] or words)[:most]


def name_of(character: str) -> str:
    """Return an error's name for a character, which may be invisible: `“x” (U+0078)`, `U+200B`."""
    code = f"U+{ord(character):04X}"
    return (
        f"“{character}” ({code})"
        if character.isprintable() and not is_unseen(character) and not character.isspace()
        else code
    )
