"""The issuer of company sign-in."""

from urllib.parse import urlsplit

LONGEST = 200  # what the library's table of accounts holds


def issuer(unsafe: bool, text: str) -> str:
    """Return the issuer. Raises ValueError with an explanation; `unsafe`: plain http is allowed too."""
    parts = urlsplit(text)
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("it is no address of https without a query")
    if parts.scheme == "http" and not unsafe:
        raise ValueError("it is not https")
    if len(text) > LONGEST:
        raise ValueError(f"it has more than {LONGEST} characters")
    return text
