"""What the tests of the e-mail channel have in common: one envelope, a channel to a scripted server, the
classes of failures.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from bench.hostile.servers import ScriptedSmtp, within
from notifications.channels.base.contract import DeliveryError, Envelope, Failure
from notifications.channels.email import EmailChannel
from notifications.failures import Reason
from notifications.states import Outcome

DEADLINE = 0.6
KEY = UUID("0123456789abcdef0123456789abcdef")
Serve = Callable[[Any], Any]


def envelope(**changes: Any) -> Envelope:
    return Envelope(
        **{"key": KEY, "destination": "a@example.com", "subject": "Hello", "body": "Text", **changes}
    )


def channel(server: ScriptedSmtp, **options: Any) -> EmailChannel:
    return EmailChannel(
        "127.0.0.1",
        server.port,
        **{"from_address": "Commlog <noreply@example.org>", "deadline": DEADLINE, **options},
    )


def failure(sender: EmailChannel, message: Envelope | None = None) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught, within(DEADLINE + 1):
        sender.send(message or envelope())
    return caught.value


def class_of(error: DeliveryError) -> tuple[Reason, Failure, Outcome]:
    return error.reason, error.kind, error.outcome
