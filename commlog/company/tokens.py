"""Validation of the provider's tokens: signature, issuer, audience, time and purpose.

The library accepts an ID token that it fetched itself without checking its signature, and never checks its
nonce.
"""

import hmac
import time
from collections.abc import Mapping, Sequence
from typing import Any

import jwt
from django.conf import settings
from django.core.cache import cache

from commlog.company import discovery

LEEWAY = 60  # seconds that clocks may differ
_LONGEST_LOGOUT = 600  # seconds for which an old logout is believed
# By the kind of the key: a token cannot choose another, nor a secret in a public key's place.
_ALGORITHMS = {
    "RSA": ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
    "EC": ["ES256", "ES384", "ES512"],
    "OKP": ["EdDSA"],
}
_LOGOUT_TYPES = ("logout+jwt", "application/logout+jwt")
_LOGOUT = "http://schemas.openid.net/event/backchannel-logout"


class Wrong(Exception):
    """A token that is not trusted. The text explains why to operators and contains nothing of the token."""


class WrongTime(Wrong):
    """The token has expired or lies in the future: a clock is wrong."""


def of_sign_in(token: object, *, nonce: str) -> Mapping[str, Any]:
    """Return the claims of an ID token that answers our request with this nonce. Raises Wrong and
    Unreachable.
    """
    claims = _read(token, ("iss", "aud", "exp", "iat", "sub"))
    if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
        raise Wrong("the nonce is not the one that was sent")
    return claims


def of_logout(token: object) -> Mapping[str, Any]:
    """Return the claims of a logout token; each is accepted once. Raises Wrong and Unreachable."""
    claims = _read(token, ("iss", "aud", "iat", "exp", "jti", "events"))
    if str(jwt.get_unverified_header(str(token)).get("typ")).lower() not in _LOGOUT_TYPES:
        raise Wrong("the token is not of the type logout+jwt")
    if "nonce" in claims:
        raise Wrong("a logout token has no nonce")
    if not isinstance(claims["events"], dict) or not isinstance(claims["events"].get(_LOGOUT), dict):
        raise Wrong("the token is not for a logout")
    if not (claims.get("sub") or claims.get("sid")):
        raise Wrong("the token names nobody")
    if claims["iat"] < time.time() - _LONGEST_LOGOUT:
        raise WrongTime("the token is too old")
    used = f"commlog.company.logout:{claims['jti']}"[:200]
    if not cache.add(used, 1, timeout=_LONGEST_LOGOUT + 2 * LEEWAY):
        raise Wrong("the token was used before")
    return claims


def _read(token: object, required: Sequence[str]) -> Mapping[str, Any]:
    try:
        if not isinstance(token, str):
            raise Wrong("there is no token")
        key = discovery.key_of(jwt.get_unverified_header(token).get("kid"))
        if key is None:
            raise Wrong("the provider has no such key")
        claims: dict[str, Any] = jwt.decode(
            token,
            key=key.key,
            algorithms=_ALGORITHMS.get(key.key_type or "", []),
            issuer=settings.COMPANY_SIGN_IN_ISSUER,
            audience=settings.COMPANY_SIGN_IN_CLIENT,
            leeway=LEEWAY,
            options={"require": list(required)},
        )
    except (jwt.ExpiredSignatureError, jwt.ImmatureSignatureError) as error:
        raise WrongTime(_why(error)) from error
    except jwt.PyJWTError as error:
        raise Wrong(_why(error)) from error
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if (
        claims.get("azp", "" if several else settings.COMPANY_SIGN_IN_CLIENT)
        != settings.COMPANY_SIGN_IN_CLIENT
    ):
        raise Wrong("the token was made for another program")
    return claims


def _why(error: Exception) -> str:
    return type(error).__name__
