"""Length of an SMS: characters, alphabet, and billed parts."""

from collections.abc import Callable
from dataclasses import dataclass

# GSM 03.38. A character of the extension takes two places: an escape and itself.
GSM_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ "
    "!\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_EXTENSION = "\f^{}\\[~]|€"
_SIZES = {**dict.fromkeys(GSM_BASIC, 1), **dict.fromkeys(GSM_EXTENSION, 2)}
GSM_ALONE, GSM_JOINED = 160, 153  # a part of several gives up seven places to the header that joins them
UNICODE_ALONE, UNICODE_JOINED = 70, 67


@dataclass(frozen=True, slots=True)
class Length:
    """An SMS's length. `strange`: the first characters outside the GSM alphabet; one halves the capacity."""

    characters: int
    parts: int
    unicode: bool
    strange: str = ""


def measure(text: str) -> Length:
    """Return the text's length as an SMS."""
    strange = "".join(dict.fromkeys(letter for letter in text if letter not in _SIZES))
    return Length(len(text), len(sms_parts(text)), bool(strange), strange[:10])


def sms_parts(text: str) -> list[str]:
    """Split the text into the parts that are sent; no character is split between two."""
    gsm = all(letter in _SIZES for letter in text)
    size: Callable[[str], int] = _SIZES.__getitem__ if gsm else _utf16_units
    alone, joined = (GSM_ALONE, GSM_JOINED) if gsm else (UNICODE_ALONE, UNICODE_JOINED)
    if sum(map(size, text)) <= alone:
        return [text] if text else []
    parts, start, used = [], 0, 0
    for position, letter in enumerate(text):
        if used + size(letter) > joined:
            parts.append(text[start:position])
            start, used = position, 0
        used += size(letter)
    return [*parts, text[start:]]


def _utf16_units(letter: str) -> int:
    return 2 if ord(letter) > 0xFFFF else 1
