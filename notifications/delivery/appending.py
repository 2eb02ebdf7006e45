"""Sending where it is an insert into our own database: claimed, permitted, appended and recorded in one
transaction.

Its claim keeps every other sender of the lane out until the end, so messages are appended in the order in
which they are due. A sender that is lost leaves nothing behind: its messages are as due as before, and keep
their turn.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, cast

from django.db import transaction

from notifications import channels
from notifications.channels import DeliveryError, Envelope, Receipt
from notifications.database.clock import Clock
from notifications.delivery import claims, results
from notifications.delivery.claims import Claim
from notifications.delivery.results import Result
from notifications.states import MessageType
from notifications.streams import publishing


class _Appends(Protocol):
    def append(self, envelopes: Sequence[Envelope]) -> list[Receipt | DeliveryError]:
        """What became of each."""


def append(channel: MessageType, claim: Callable[[], list[Claim]], clock: Clock) -> int:
    """Append what `claim` claims. Returns how many that were.

    Where there are events without a place, those come first: a batch of them gets one, and nothing is
    claimed.
    """
    if publishing.has_unnumbered():
        return publishing.number()
    appends = cast(_Appends, channels.get(channel))
    with transaction.atomic():
        permitted = claims.permit(claim(), now=clock.now())
        if permitted:
            started = clock.now()
            answers = appends.append([each.envelope for each in permitted])
            results.record(
                [
                    Result(each, answer, started, clock.now())
                    for each, answer in zip(permitted, answers, strict=True)
                ]
            )
    return len(permitted)
