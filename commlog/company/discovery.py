"""The provider's metadata: endpoints and signing keys."""

import time
from collections.abc import Mapping
from typing import Any

import jwt
from allauth.socialaccount.adapter import get_adapter
from django.conf import settings
from requests import RequestException

from notifications.process import this_process

KEPT = 300  # seconds
_SOONEST = 10  # seconds before keys are read again because one is missing
_WELL_KNOWN = "/.well-known/openid-configuration"
_REST = 2  # seconds for which a provider that did not answer is not asked again
_failed: dict[str, tuple[float, str]] = this_process.keep({})
_kept: dict[str, tuple[float, Mapping[str, Any]]] = this_process.keep({})


class Unreachable(Exception):
    """The provider does not answer, or answers invalidly. The text is for operators."""


def is_on() -> bool:
    """Return whether sign-in with a company account is enabled."""
    return bool(settings.COMPANY_SIGN_IN_ISSUER)


def configuration() -> Mapping[str, Any]:
    """Return the provider's metadata document. Raises Unreachable."""
    issuer = settings.COMPANY_SIGN_IN_ISSUER
    found = _read(issuer.rstrip("/") + _WELL_KNOWN, KEPT)
    if found.get("issuer") != issuer:
        raise Unreachable("the provider calls itself by another name than COMPANY_SIGN_IN_ISSUER")
    return found


def address(name: str) -> str:
    """Return an endpoint of the provider. Raises Unreachable if it names none."""
    found = configuration().get(name)
    if not isinstance(found, str) or not found.startswith(("https://", "http://")):
        raise Unreachable(f"the provider names no {name}")
    return found


def key_of(kid: str | None) -> jwt.PyJWK | None:
    """Return the key with that id, or the only one; None if there is none. Raises Unreachable."""
    for kept in (KEPT, _SOONEST):  # it may be a new one
        keys = _keys(kept)
        found = keys if kid is None and len(keys) == 1 else [each for each in keys if each.key_id == kid]
        if found:
            return found[0]
    return None


def _keys(kept: int) -> list[jwt.PyJWK]:
    try:
        found = jwt.PyJWKSet.from_dict(dict(_read(address("jwks_uri"), kept))).keys
    except (jwt.PyJWTError, TypeError, AttributeError, KeyError) as error:
        raise Unreachable("the provider's keys cannot be read") from error
    return [each for each in found if each.public_key_use in (None, "sig")]


def _read(url: str, kept: int) -> Mapping[str, Any]:
    """Return the JSON object at a URL, cached for at most `kept` seconds."""
    at, found = _kept.get(url, (-1.0 * KEPT, {}))
    now = time.monotonic()
    if found and now - at < kept:
        return found
    failed_at, why = _failed.get(url, (-1.0 * KEPT, ""))
    if now - failed_at < _REST:
        raise Unreachable(why)
    try:
        with get_adapter().get_requests_session() as session:
            answer = session.get(url)
            answer.raise_for_status()
            found = answer.json()
    except (RequestException, ValueError) as error:
        why = f"{url}: {type(error).__name__}"
        _failed[url] = (time.monotonic(), why)
        raise Unreachable(why) from error
    if not isinstance(found, dict):
        raise Unreachable(f"{url}: not an object")
    _kept[url] = (now, found)
    return found
