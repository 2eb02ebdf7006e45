"""E-mail addresses: exactly one, in a form that is safe in a header and in an SMTP command."""

import functools
import re
from urllib.parse import unquote

import idna

from notifications.text.spelling import is_unseen, name_of

# RFC 5322 dot-atom. Quoted local parts are legal and unused; refusing them keeps every special character out
# of commands and headers.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_DOMAIN = re.compile(
    r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"
)
_AROUND = ' \t\r\n<>,;:."\u201c\u201d\u201e\u00ab\u00bb\u2018\u2019'
_SCHEME = "mailto:"
_LONGEST_LOCAL, _LONGEST = 64, 254  # RFC 5321 4.5.3.1

# RFC 5322 3.4, without comments, groups and obsolete forms: one mailbox, its name in quotes or written so
# that it cannot be taken for two.
_MAILBOX = re.compile(r'\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^"<>]*?))\s*<(?P<address>[^<>]*)>\s*')
_SEPARATOR = re.compile(r"[,;@\\]")
# controls, line ends of any reader, and what is no character
_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_ENCODED_WORD = re.compile(r"=\?[^?\s]+\?[bq]\?[^?\s]*\?=", re.IGNORECASE)


@functools.lru_cache(maxsize=1024)
def plain_address(text: str) -> str:
    """Return the address in ASCII, with an international domain in punycode.

    Raises ValueError if the text is not one such address. A local part outside ASCII would need SMTPUTF8 on
    the whole way to the recipient, so it is refused.
    """
    text = text.strip(" ")
    # IDNA would leave some of them out in silence, and the address would be another than the one that was
    # seen.
    if not text.isascii() and (
        unseen := next((each for each in text if is_unseen(each) or each.isspace()), "")
    ):
        raise ValueError(f"it contains {name_of(unseen)}, which cannot be seen and is no part of an address")
    local, at, domain = text.rpartition("@")
    if not at or len(local) > _LONGEST_LOCAL or not _LOCAL.fullmatch(local):
        raise ValueError(
            "the part before the @ is missing or contains a character that an e-mail address cannot carry"
        )
    if not domain.isascii():
        domain = _punycode(domain)
    address = f"{local}@{domain}"
    if len(address) > _LONGEST or not _DOMAIN.fullmatch(domain):
        raise ValueError("the part after the @ is not a domain name")
    return address


def pasted_address(text: str) -> str:
    """Return the text without `mailto:`, brackets and invisible characters at its ends.

    `plain_address` refuses those within.
    """
    shown = _without_frame(text)
    if shown[: len(_SCHEME)].lower() == _SCHEME:
        shown = _without_frame(unquote(shown[len(_SCHEME) :].partition("?")[0]))
    return shown


def _without_frame(text: str) -> str:
    first, last = 0, len(text)
    while first < last and _is_around(text[first]):
        first += 1
    while first < last and _is_around(text[last - 1]):
        last -= 1
    return text[first:last]


def _is_around(character: str) -> bool:
    return character in _AROUND or character.isspace() or is_unseen(character)


def mailbox(text: str) -> tuple[str, str]:
    """Return the name and the address of `name <address>`, `"name" <address>` or an address alone.

    Raises ValueError with a sentence for the operator. Stricter than email.utils, which makes two mailboxes
    of a name with a comma and drops half of a name with a colon.
    """
    if _FORBIDDEN.search(text):
        raise ValueError("it contains a line break or another control character")
    found = _MAILBOX.fullmatch(text)
    if not found:
        if '"' in text or "<" in text:
            raise ValueError(
                "it is not one name and one address in angle brackets; quotes go around the name alone"
            )
        return "", plain_address(text)
    name = found["plain"] or re.sub(r"\\(.)", r"\1", found["quoted"] or "")
    if separator := _SEPARATOR.search(found["plain"] or ""):
        raise ValueError(f"the name contains “{separator.group()}” and is not in double quotes")
    if _ENCODED_WORD.search(name):
        raise ValueError("the name is encoded (=?…?=): write it in plain characters")
    return name, plain_address(found["address"])


def _punycode(domain: str) -> str:
    try:
        # IDNA 2008 as requests has it. Python's own codec is IDNA 2003 and would send mail for straße.de to
        # strasse.de, somebody else.
        return idna.encode(domain, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError) as error:
        raise ValueError("the part after the @ is not a domain name") from error
