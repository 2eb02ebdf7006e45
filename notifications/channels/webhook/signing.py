"""Signatures of webhooks by Standard Webhooks, which receivers check with any library of that name."""

import base64
import secrets
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from standardwebhooks.webhooks import Webhook

_OCTETS = 32  # of a secret; the specification allows 24 to 64


def new_secret() -> str:
    """Return a new secret for a receiver."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(_OCTETS)).decode()}"


def usable_secret(text: str) -> None:
    """Raise ValueError for a secret that nothing can be signed with."""
    try:
        octets = base64.b64decode(text.removeprefix("whsec_"), validate=True)
    except ValueError as error:
        raise ValueError("it is not Base64") from error
    if not text.startswith("whsec_") or not 24 <= len(octets) <= 64:
        raise ValueError("it is another length, or does not begin with whsec_")


def signed(key: UUID, body: bytes, signing_secrets: Sequence[str], *, at: datetime) -> dict[str, str]:
    """Return the three headers: the id is the same for all retries; time and signatures are new.

    There is one signature per secret.
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
