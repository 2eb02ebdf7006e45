"""Protection of a webhook's stored secrets when its URL changes to another server.

A user who may edit a template must not read its password by pointing the URL at a server of their own. So a
template whose URL changes to another scheme, host or port keeps none of its stored secrets: each is entered
anew, or removed.
"""

from notifications.channels import DeliveryError
from notifications.channels.webhook import Origin, origin
from notifications.models import NotificationTemplate
from notifications.secrets.sealed import is_sealed
from notifications.templating.checks import Samples
from notifications.templating.syntax import Place, fill


def moved_secrets(before: NotificationTemplate, after: NotificationTemplate) -> dict[str, list[str]]:
    """Return the secrets of `before` that `after` would send to another server.

    They are given by field, for `headers` with the names. `before` must be the row as `after` was loaded from
    it: a newer one may hold other secrets for another URL.
    """
    found: dict[str, list[str]] = {}
    if before.auth_password and after.auth_password == before.auth_password:
        found["auth_password"] = []
    kept = [
        name for name, value in after.headers.items() if is_sealed(value) and value in before.headers.values()
    ]
    if kept:
        found["headers"] = kept
    return found if found and not _same_server(before.destination, after.destination) else {}


def drop(after: NotificationTemplate, moved: dict[str, list[str]]) -> None:
    """Remove those secrets from the template in memory. It is not saved."""
    if "auth_password" in moved:
        after.auth_username = after.auth_password = ""
    after.headers = {
        name: value for name, value in after.headers.items() if name not in moved.get("headers", ())
    }


def _same_server(one: str, other: str) -> bool:
    return _origin(one) is not None and _origin(one) == _origin(other)


def _origin(url: str) -> Origin | None:
    try:
        return origin(fill(url, Samples(), Place.URL))
    except DeliveryError:
        return None
