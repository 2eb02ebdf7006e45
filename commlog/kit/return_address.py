"""URLs inside URLs, such as the log that a page returns to; and the longest URL.

A URL that a page contains must be accepted again. So a log's conditions have a limit of their own, which
leaves room for sorting, columns and cursor, and for all of it inside another URL, where escaping makes it up
to three times as long.
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
    """Return whether the URL is on this site; without its query, since Django rejects over 2,048
    characters.
    """
    place = address.partition("?")[0]
    short = len(address) <= LONGEST_WAY and "\0" not in address
    return short and url_has_allowed_host_and_scheme(
        place, {request.get_host()}, require_https=request.is_secure()
    )


def back(request: HttpRequest, *, otherwise: str = "") -> str:
    """Return the form's or URL's `next`; if it is not on this site, `otherwise` or the log."""
    asked = str((request.POST if request.method == "POST" else request.GET).get("next", ""))
    return asked if is_ours(asked, request) else otherwise or reverse("log")
