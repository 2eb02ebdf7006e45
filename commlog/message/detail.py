"""Everything that a message's dialog and page show, read once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from commlog.message.offers import Offer, offer_for, whole_chain
from notifications.failures import Explanation, explain
from notifications.models import Attempt, DeliveryReceipt, Message
from notifications.secrets.sealed import HIDDEN, is_sealed, names_a_secret

INLINED = 32_768  # characters of a text that a page shows; the whole is a download


@dataclass(frozen=True, slots=True)
class Step:
    """An attempt on the time line, the pause before it, and how long it took."""

    attempt: Attempt
    pause: timedelta | None
    took: timedelta | None


@dataclass(frozen=True, slots=True)
class Excerpt:
    """As much of a text as a page shows, and how much there is."""

    text: str
    whole: int

    @property
    def cut(self) -> bool:
        """Whether there is more."""
        return self.whole > len(self.text)


@dataclass(frozen=True, slots=True)
class Reading:
    """A message with what explains it."""

    message: Message
    steps: Sequence[Step]
    chain: Sequence[Message]
    offer: Offer
    explanation: Explanation | None
    receipts: Sequence[DeliveryReceipt]
    headers: Sequence[tuple[str, str]]
    content: Excerpt
    html: Excerpt
    now: datetime


def read(message: Message) -> Reading:
    """The message, its attempts, its chain of resends, and what its failure means."""
    chain = whole_chain(message)
    return Reading(
        message=message,
        steps=_steps(message.attempts.order_by("number")),
        chain=chain,
        offer=offer_for(message, chain),
        explanation=explain(message.failure_reason) if message.failure_reason else None,
        receipts=list(message.receipts.all()),
        headers=[
            (name, HIDDEN if names_a_secret(name) or is_sealed(value) else value)
            for name, value in message.headers.items()
        ],
        content=_excerpt(message.content),
        html=_excerpt(message.html),
        now=timezone.now(),
    )


def _excerpt(text: str) -> Excerpt:
    return Excerpt(text[:INLINED], len(text))


def _steps(attempts: Iterable[Attempt]) -> list[Step]:
    steps: list[Step] = []
    ended: datetime | None = None
    for attempt in attempts:
        began = attempt.started_at or attempt.opened_at
        took = attempt.finished_at - began if attempt.finished_at else None
        steps.append(Step(attempt, pause=began - ended if ended else None, took=took))
        ended = attempt.finished_at
    return steps
