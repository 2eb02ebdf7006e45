"""Signatures of webhooks, after Standard Webhooks: receivers check them with their secret and any library of
that name.
"""

import base64
import binascii
import secrets
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from standardwebhooks.webhooks import Webhook

_PREFIX = "whsec_"
_LEAST, _MOST = 24, 64  # octets of a secret, by the specification


def new_secret() -> str:
    """A secret to be given to a receiver."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(32)).decode("ascii")


def secret_problem(secret: str) -> str:
    """What is wrong with a secret that a person entered, in words for a form; empty where nothing is."""
    try:
        octets = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        octets = b""
    if not secret.startswith(_PREFIX) or not _LEAST <= len(octets) <= _MOST:
        return f"a signing secret is {_PREFIX} and {_LEAST} to {_MOST} octets in base64"
    return ""


def signed(key: UUID, body: bytes, signing_secrets: Sequence[str], *, at: datetime) -> dict[str, str]:
    """The three headers. The identity is the same over all retries; time and signatures are of this attempt,
    one for each secret.
    """
    if not signing_secrets:
        return {}
    text = body.decode()
    signatures = [Webhook(secret).sign(str(key), at, text) for secret in signing_secrets]
    return {
        "webhook-id": str(key),
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
