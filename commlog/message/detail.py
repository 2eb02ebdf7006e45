"""Everything that a message's dialog and page show, read once."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby

from django.utils import timezone

from commlog.message.held_back import held_back
from commlog.message.offers import Offer, offer_for, whole_chain
from notifications import channels
from notifications.failures.meanings import Action, Explained, Meaning, explain
from notifications.models import Attempt, DeliveryReceipt, Message, SealedValues
from notifications.models.sealed_values import KEPT
from notifications.secrets import hidden
from notifications.secrets.sealed import HIDDEN, is_sealed, names_a_secret
from notifications.states import MessageState

INLINED = 32_768  # characters of a text that a page shows; the whole is a download
_STATUS = re.compile(r"HTTP \d{3}\b")  # at the start of what a server answered


@dataclass(frozen=True, slots=True)
class Step:
    """An attempt on the time line, the wait before it, and its duration."""

    attempt: Attempt
    pause: timedelta | None
    took: timedelta | None


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive attempts with the same result: one line that expands."""

    steps: Sequence[Step]

    @property
    def first(self) -> Step:
        """The first attempt."""
        return self.steps[0]

    @property
    def last(self) -> Step:
        """The last attempt."""
        return self.steps[-1]


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The part of a text that a page shows, and its full size."""

    text: str
    whole: int

    @property
    def cut(self) -> bool:
        return self.whole > len(self.text)


@dataclass(frozen=True, slots=True)
class Secret:
    """The secret values of a message: whether they are still stored, and until when if it failed."""

    kept: bool
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Reading:
    """A message with its explanations."""

    message: Message
    runs: Sequence[Run]  # of its attempts, oldest first
    chain: Sequence[Message]
    offer: Offer
    explanation: Explained | None
    receipts: Sequence[DeliveryReceipt]
    headers: Sequence[tuple[str, str]]
    content: Excerpt
    html: Excerpt
    now: datetime
    held: str  # what holds it back, in words
    secret: Secret | None  # what it leaves out

    @property
    def resends_first(self) -> bool:
        """Whether Resend is the first action on its page."""
        return self.explanation is None or self.explanation.action == Action.RESEND

    @property
    def blames_address(self) -> bool:
        """Whether correcting the address is the first action on its page."""
        corrects = self.explanation is not None and self.explanation.action == Action.CORRECT
        return self.message.was_lost or corrects


def read(message: Message) -> Reading:
    """Return the message with its attempts, chain of resends, and the meaning of its failure."""
    chain = whole_chain(message)
    return Reading(
        message=message,
        runs=_runs(_steps(message.attempts.order_by("number"))),
        chain=chain,
        offer=offer_for(message, chain),
        explanation=_explained(message),
        receipts=list(message.receipts.all()),
        headers=[
            (name, HIDDEN if names_a_secret(name) or is_sealed(value) else value)
            for name, value in message.headers.items()
        ],
        content=_excerpt(message.content),
        html=_excerpt(message.html),
        now=timezone.now(),
        held=held_back([message]).get(message.pk, ""),
        secret=_secret(message),
    )


def _secret(message: Message) -> Secret | None:
    """Return its secret values' status, by one query; none if nothing is left out."""
    if not hidden.is_left_out(message.content, message.html):
        return None
    kept = SealedValues.objects.of_chain(message.first_id or message.pk).first()
    if kept is None or message.state != MessageState.FAILED:
        return Secret(kept is not None, None)
    ends = kept.kept_until or timezone.now() + KEPT  # which is stored within a minute
    return Secret(True, min(ends, kept.expires_at or ends))


def _explained(message: Message) -> Explained | None:
    """Return the meaning of its failure, also if it is older than the column or will be retried."""
    reason = message.failure_reason
    if not reason:
        return None
    of_old = channels.meaning_of(message.type, reason, message.failure_cause, message.outcome)
    explained = explain(reason, Meaning(message.failure_meaning or of_old))
    # Of a masked one nothing of its cause is left: its meaning stays what was stored.
    status = _STATUS.match(message.failure_cause)
    return replace(explained, title=f"{explained.title} ({status[0]})") if status else explained


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


def _runs(steps: Iterable[Step]) -> list[Run]:
    return [Run(list(alike)) for _, alike in groupby(steps, _ended)]


def _ended(step: Step) -> tuple[object, ...]:
    """Return what attempts of one run share. One in progress, or answered late, stands alone."""
    attempt = step.attempt
    alone = attempt.late_outcome or not attempt.outcome
    return (attempt.outcome, attempt.failure_reason, attempt.detail, attempt.number if alone else None)
