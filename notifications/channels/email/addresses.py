"""E-mail addresses: exactly one, in a form that is safe in a header and in an SMTP command."""

import functools
import re

import idna

# RFC 5322 dot-atom. Quoted local parts are legal and unused; refusing them keeps every special character out of commands and headers.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_DOMAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*")
_LONGEST_LOCAL, _LONGEST = 64, 254  # RFC 5321 4.5.3.1


@functools.lru_cache(maxsize=1024)
def plain_address(text: str) -> str:
    """The address in ASCII, an international domain in punycode. Raises ValueError where it is not one address of that kind.

    A local part outside ASCII would need SMTPUTF8 on the whole way to the recipient, so it is refused.
    """
    local, at, domain = text.strip(" ").rpartition("@")
    if not at or len(local) > _LONGEST_LOCAL or not _LOCAL.fullmatch(local):
        raise ValueError("the part before the @ is missing or holds a character that a mail address cannot carry")
    if not domain.isascii():
        domain = _punycode(domain)
    address = f"{local}@{domain}"
    if len(address) > _LONGEST or not _DOMAIN.fullmatch(domain):
        raise ValueError("the part after the @ is not a domain name")
    return address


def _punycode(domain: str) -> str:
    try:
        # IDNA 2008 as requests has it. Python's own codec is IDNA 2003 and would send mail for straße.de to strasse.de, somebody else.
        return idna.encode(domain, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError) as error:
        raise ValueError("the part after the @ is not a domain name") from error
