"""Twilio's error codes: what each is about, whether it is permanent, and its meaning.

Source: Twilio's error and warning dictionary (twilio.com/docs/api/errors). Twilio advises against logic on
its codes because they change, so the HTTP status decides and this table only corrects it.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from notifications.channels.base.contract import About, Failure
from notifications.channels.http import meanings as http
from notifications.failures.meanings import Meaning


class Code(NamedTuple):
    """The facts of one Twilio code."""

    about: About
    kind: Failure
    meaning: Meaning


def _codes(numbers: Iterable[int], about: About, kind: Failure, meaning: Meaning) -> dict[int, Code]:
    return dict.fromkeys(numbers, Code(about, kind, meaning))


_RECIPIENT, _MESSAGE, _SERVER = About.RECIPIENT, About.MESSAGE, About.SERVER
_GOOD, _NOW = Failure.PERMANENT, Failure.TRANSIENT
CODES: dict[int, Code] = {
    **_codes((21211, 21217, 21265, 63024), _RECIPIENT, _GOOD, Meaning.BAD_ADDRESS),
    **_codes((21214, 30005, 63003), _RECIPIENT, _GOOD, Meaning.NO_SUCH_ADDRESS),
    **_codes((21614, 21635, 30006), _RECIPIENT, _GOOD, Meaning.NOT_A_MOBILE),
    **_codes((21408,), _RECIPIENT, _GOOD, Meaning.COUNTRY),
    **_codes((21610, 63033), _RECIPIENT, _GOOD, Meaning.OPTED_OUT),
    **_codes((21612,), _RECIPIENT, _GOOD, Meaning.ROUTING),
    **_codes((30003,), _RECIPIENT, _NOW, Meaning.PHONE_OFF),
    **_codes((30004, 30450), _RECIPIENT, _GOOD, Meaning.BLOCKED),
    **_codes((30007, 30038, 63013), _MESSAGE, _GOOD, Meaning.SPAM),
    **_codes((21617, 63016), _MESSAGE, _NOW, Meaning.CONTENT),
    **_codes((21606, 21659, 21660, 21703, 30024, 30032, 63007), _SERVER, _GOOD, Meaning.SENDER),
    **_codes((20003,), _SERVER, _NOW, Meaning.SIGN_IN),
    **_codes((20429, 21611, 30001, 30022, 63018), _SERVER, _NOW, Meaning.TOO_MANY),
    **_codes((20503, 21730), _SERVER, _NOW, Meaning.BUSY),
    **_codes((10001, 20005, 30002, 90010), _SERVER, _NOW, Meaning.ACCOUNT),
    **_codes((21212, 21608, 30034), About.UNKNOWN, _NOW, Meaning.SENDER),
    **_codes((30008,), About.UNKNOWN, _NOW, Meaning.UNSAID),
    **_codes((20500,), About.UNKNOWN, _NOW, Meaning.SERVER_FAILED),
}
_OTHER = Code(About.UNKNOWN, Failure.TRANSIENT, Meaning.UNSAID)
_IN_JSON = re.compile(r'"code"\s*:\s*"?(\d{5})\b')
# `SM…: undelivered 30003 …`, `Receipt: Not delivered. 30003`, `21211: …`
_IN_WORDS = re.compile(r"(?<![\w.+-])([12369]\d{4})(?![\w.-])")
# Of an answer without a code that we know: the gateway's words for a status, not a receiver's.
_OF_GATEWAY = {
    Meaning.RECEIVER_SIGN_IN: Meaning.SIGN_IN,
    Meaning.NOT_ACCEPTED: Meaning.UNSAID,
    Meaning.GONE: Meaning.UNSAID,
    Meaning.WRONG_PLACE: Meaning.UNSAID,
}


def number(code: object) -> int | None:
    """The code as a number: some gateways write theirs as a text."""
    if isinstance(code, str) and code.isascii() and code.isdigit() and len(code) < 9:
        return int(code)
    return code if isinstance(code, int) else None


def of(code: object) -> Code:
    """Return the facts of a code; an unknown one gets the facts of "nothing known"."""
    return CODES.get(number(code) or 0, _OTHER)


def meaning(said: str) -> Meaning | None:
    """Return the meaning of the gateway's answer or report; None if it said nothing."""
    found = _IN_JSON.search(said) or _IN_WORDS.search(said)
    if found and int(found[1]) in CODES:
        return CODES[int(found[1])].meaning
    by_status = http.of_answer(said)
    return _OF_GATEWAY.get(by_status, by_status) if by_status else None
