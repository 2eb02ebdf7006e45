"""Addresses that travel in other addresses, such as the log that a page leads back to; and how long an
address may be.

What a page gives out must be read back. So a log's conditions have a limit of their own, which leaves room
for its sorting, columns and cursor, and for all of it inside another address, where escaping makes it up to
three times as long.
"""

from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import MAX_URL_REDIRECT_LENGTH, url_has_allowed_host_and_scheme

# Characters of an address; gunicorn.conf.py and the proxy of docs/operate.md let longer ones through, for a
# kind answer.
LONGEST = 40_000
LONGEST_FILTER = 10_000  # of a log's conditions in its address
LONGEST_WAY = MAX_URL_REDIRECT_LENGTH  # Django redirects to none that is longer


def is_ours(address: str, request: HttpRequest) -> bool:
    """Whether it leads to this site: without its query, as Django refuses over 2,048 characters."""
    place = address.partition("?")[0]
    short = len(address) <= LONGEST_WAY and "\0" not in address
    return short and url_has_allowed_host_and_scheme(
        place, {request.get_host()}, require_https=request.is_secure()
    )


def back(request: HttpRequest, *, otherwise: str = "") -> str:
    """Where the form's or address's `next` leads; if not on this site, `otherwise` or the log."""
    asked = str((request.POST if request.method == "POST" else request.GET).get("next", ""))
    return asked if is_ours(asked, request) else otherwise or reverse("log")
