"""A worker's time-limited right to send a message: claim it, take the single-shot permit, keep the lease alive."""

import os
import socket
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef

from notifications.channels.base import Envelope
from notifications.models import Attempt, Message
from notifications.states import MessageState, MessageType

LEASE = timedelta(seconds=20)
RENEW_EVERY = 5.0  # seconds
_CONTENT = (
    "key", "destination", "subject", "content", "html", "event", "method", "content_type", "headers", "auth_username", "auth_password",
)  # fmt: skip
_LIFE = ("id", "type", "token", "attempt_count", "due_at", "failures", "outcome", "possible_duplicate")


@dataclass(frozen=True, slots=True)
class Claim:
    """One message in this worker's hands."""

    message_id: int
    attempt_id: int
    lane_id: int
    channel: MessageType
    token: int
    failures: int
    outcome: str
    possible_duplicate: bool
    envelope: Envelope


def worker_name() -> str:
    """This process, as attempts name it."""
    return f"{host_prefix()}{os.getpid()}"


def host_prefix() -> str:
    """How the names of this machine's workers begin."""
    return f"{socket.gethostname()[:80]}:"


def claim(lane_id: int, limit: int, *, now: datetime) -> list[Claim]:
    """Claim up to `limit` due messages of a lane, and open an attempt for each before anything is sent."""
    with transaction.atomic():
        due = Message.objects.filter(lane_id=lane_id, due_at__lte=now).order_by("due_at", "id")
        if connection.features.has_select_for_update_skip_locked:
            due = due.select_for_update(skip_locked=True)
        rows = list(due.values(*_LIFE, *_CONTENT)[:limit])
        if not rows:
            return []
        ids = [row["id"] for row in rows]
        hit = Message.objects.filter(pk__in=ids, due_at__lte=now).update(
            state=MessageState.SENDING_ASYNC,
            token=F("token") + 1,
            attempt_count=F("attempt_count") + 1,
            lease_until=now + LEASE,
            due_at=None,
            waiting_reason="",
        )
        if hit != len(rows):  # the rows are locked: this cannot be
            raise RuntimeError(f"claimed {hit} of {len(rows)} locked messages")
        worker = worker_name()
        attempts = Attempt.objects.bulk_create(
            Attempt(
                message_id=row["id"],
                number=row["attempt_count"] + 1,
                token=row["token"] + 1,
                worker=worker,
                due_at=row["due_at"],
                opened_at=now,
            )
            for row in rows
        )
    return [_claim(row, attempt.pk, lane_id) for row, attempt in zip(rows, attempts, strict=True)]


def _claim(row: dict, attempt_id: int, lane_id: int) -> Claim:
    content = {name: row[name] for name in _CONTENT}
    return Claim(
        message_id=row["id"],
        attempt_id=attempt_id,
        lane_id=lane_id,
        channel=MessageType(row["type"]),
        token=row["token"] + 1,
        failures=row["failures"],
        outcome=row["outcome"],
        possible_duplicate=row["possible_duplicate"],
        envelope=Envelope(body=content.pop("content"), headers=MappingProxyType(content.pop("headers")), **content),
    )


def permit(claims: Sequence[Claim], *, now: datetime) -> list[Claim]:
    """Those of `claims` whose bytes may leave now. A permit can be taken once; a lapsed or lost claim gets none."""
    if not claims:
        return []
    mine = Message.objects.filter(pk=OuterRef("message_id"), state=MessageState.SENDING_ASYNC, token=OuterRef("token"), lease_until__gt=now)
    ids = [each.attempt_id for each in claims]
    hit = Attempt.objects.filter(pk__in=ids, permitted_at=None, outcome="").filter(Exists(mine)).update(permitted_at=now)
    if hit == len(claims):
        return list(claims)
    granted = set(Attempt.objects.filter(pk__in=ids, permitted_at=now, outcome="").values_list("pk", flat=True))
    return [each for each in claims if each.attempt_id in granted]


def renew(claims: Iterable[Claim], *, now: datetime) -> None:
    """Extend the leases that are still this worker's."""
    by_token: dict[int, list[int]] = defaultdict(list)
    for each in claims:
        by_token[each.token].append(each.message_id)
    for token, ids in by_token.items():
        Message.objects.filter(pk__in=ids, token=token, state=MessageState.SENDING_ASYNC).update(lease_until=now + LEASE)
