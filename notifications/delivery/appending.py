"""Sending by inserting into our own database: claim, permit, append and record in one transaction.

The claim keeps every other sender of the lane out until the end, so messages are appended in the order in
which they are due. A lost sender leaves nothing behind: its messages are still due and keep their place.
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
        """Append the envelopes and return the answer for each."""


def append(channel: MessageType, claim: Callable[[], list[Claim]], clock: Clock) -> int:
    """Append the messages that `claim` claims, and return how many there were.

    If events without a position exist, number a batch of them instead, claim nothing, and return their
    number.
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
