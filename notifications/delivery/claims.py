"""Claims: a worker's time-limited right to send a message, its single-use permit, and its lease."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from notifications import channels
from notifications.channels.base.contract import Envelope
from notifications.content import COLUMNS, KEYS
from notifications.database import sql
from notifications.lanes import openings
from notifications.models import NotificationTemplate, SealedValues
from notifications.process import this_process
from notifications.secrets import hidden
from notifications.states import MessageState, MessageType

LEASE = timedelta(seconds=20)
RENEW_EVERY = 5.0  # seconds
_LIFE = (
    "id",
    "type",
    "token",
    "failures",
    "outcome",
    "possible_duplicate",
    "template_id",
    "sender_user_id",
    "abandons",
)
_ABANDONS = _LIFE.index("abandons")
_SENT = ("key", "destination", *COLUMNS)  # what an envelope takes from the row as it is


@dataclass(frozen=True, slots=True)
class Claim:
    """A message claimed by this worker."""

    message_id: int
    attempt_id: int
    lane_id: int
    channel: MessageType
    token: int
    failures: int
    outcome: str
    possible_duplicate: bool
    envelope: Envelope
    template_id: int | None = None
    trial: bool = False  # claimed while the circuit of its lane was open
    parked: bool = False  # it waited apart, since its destination had failed


_LOCK_DUE = f"""
SELECT {", ".join((*_LIFE, "key", "destination", *COLUMNS.values()))} FROM {sql.MESSAGE}
WHERE lane_id = %s AND due_at <= %s AND parked_at IS NULL ORDER BY due_at, id LIMIT GREATEST(0, LEAST(%s, (
SELECT {openings.ROOM} FROM {sql.LANE} lane WHERE lane.id = %s)))
"""  # noqa: S608 - names of tables and columns
_LOCK_PARKED = _LOCK_DUE.replace("parked_at IS NULL", "parked_at IS NOT NULL")
_LOCK_ONE = _LOCK_DUE.replace("ORDER BY", "AND id = %s ORDER BY")
_OPEN_ATTEMPTS = f"""
INSERT INTO {sql.ATTEMPT}
(message_id, number, token, worker, due_at, opened_at, outcome, failure_reason, detail, provider_id,
late_outcome, late_detail)
SELECT id, attempt_count + 1, token + 1, %s, due_at, %s, '', '', '', '', '', '' FROM {sql.MESSAGE} WHERE THESE
RETURNING message_id, id
"""  # noqa: S608
_TAKE = f"""
UPDATE {sql.MESSAGE} SET state = '{MessageState.SENDING_ASYNC}', token = token + 1, attempt_count =
attempt_count + 1, lease_until = %s,
due_at = NULL, parked_at = NULL, waiting_reason = '' WHERE THESE AND CASE WHEN due_at IS NULL THEN 0 ELSE 1
END = 1
"""  # noqa: S608 - as IS NOT NULL, but without the index over everything that is due, which PostgreSQL takes for small
PERMIT = f"""
UPDATE {sql.ATTEMPT} SET permitted_at = %s WHERE THESE AND permitted_at IS NULL AND outcome || '' = '' AND
EXISTS (
SELECT 1 FROM {sql.MESSAGE} m WHERE m.id = message_id AND m.state || '' = '{MessageState.SENDING_ASYNC}' AND
m.token = {sql.ATTEMPT}.token
AND CASE WHEN m.lease_until > %s THEN 1 ELSE 0 END = 1)
RETURNING id
"""  # noqa: S608
_RENEW = f"""
UPDATE {sql.MESSAGE} SET lease_until = %s WHERE THESE AND token = %s AND state || '' =
'{MessageState.SENDING_ASYNC}'
"""  # noqa: S608


def claim(
    lane_id: int,
    limit: int,
    *,
    now: datetime,
    suspects: bool = True,
    trial: bool = False,
    parked: bool = False,
    only: int | None = None,
) -> list[Claim]:
    """Claim up to `limit` due messages of a lane, or only the one with the id `only`.

    An attempt is opened for each before anything is sent. A message that was lost with its worker before is
    claimed alone: if it kills its workers, it takes no others with it. Without `suspects` that message and
    everything due after it are left unclaimed. With `parked`, claim messages that wait apart.
    """
    if limit < 1:
        return []
    moment = sql.moment(now)
    lock = " FOR UPDATE SKIP LOCKED" if connection.features.has_select_for_update_skip_locked else ""
    with transaction.atomic():
        sql.plan_for_large_tables()
        due = (_LOCK_PARKED if parked else _LOCK_DUE, [lane_id, moment, limit, lane_id])
        if only is not None:
            due = (_LOCK_ONE, [lane_id, moment, only, limit, lane_id])
        # Its room is asked once more, one worker after the other: several that saw the same room would fill
        # it several times.
        rows = _suspects_alone(sql.one_at_a_time(lane_id, due[0] + lock, due[1]), suspects)
        if not rows:
            return []
        attempts = _take([row[0] for row in rows], now)
    found = [dict(zip((*_LIFE, *_SENT), row, strict=True)) for row in rows]
    signing, values = _signing_secrets(found), _values(found, now)
    return [
        _claim(
            row,
            attempts[row["id"]],
            lane_id,
            {
                "signing_secrets": signing.get(row["template_id"], ()),
                "secrets": values.get(row["id"], ""),
            },
            trial,
            parked,
        )
        for row in found
    ]


def _take(ids: Sequence[int], now: datetime) -> dict[int, int]:
    """Open an attempt for each of these locked messages and claim them.

    Returns the attempt ids by message id.
    """
    these, which = sql.these("id", ids)
    opening = (_OPEN_ATTEMPTS.replace("THESE", these), [this_process.name(), sql.moment(now), which])
    taking = (_TAKE.replace("THESE", these), [sql.moment(now + LEASE), which])
    attempts, hit = sql.change_twice(opening, taking)
    if hit != len(ids):  # the rows are locked: this cannot be
        raise RuntimeError(f"claimed {hit} of {len(ids)} locked messages")
    return dict(attempts)


def _suspects_alone(rows: list[tuple[Any, ...]], suspects: bool) -> list[tuple[Any, ...]]:
    """Return the rows before the first message that was lost with its worker.

    If that message is the first row, return it alone, or nothing without `suspects`.
    """
    first = next((index for index, row in enumerate(rows) if row[_ABANDONS]), len(rows))
    return rows[: first or int(suspects)]


def _signing_secrets(rows: Sequence[dict[str, Any]]) -> dict[int, tuple[str, ...]]:
    """Return the present secrets of the templates whose messages are signed, by template id.

    One query for all claimed messages, however old they are.
    """
    templates = {row["template_id"] for row in rows if channels.of(row["type"]).signed} - {None}
    if not templates:
        return {}
    found = NotificationTemplate.objects.filter(pk__in=templates).values_list(
        "pk", "signing_secret", "previous_signing_secret"
    )
    return {pk: tuple(filter(None, secrets)) for pk, *secrets in found}


def _values(rows: Sequence[dict[str, Any]], now: datetime) -> dict[int, str]:
    """Return the sealed values left out of the texts, by message id. Usually there are none, and no query."""
    gaps = [row["id"] for row in rows if hidden.is_left_out(row["body"], row["html"])]
    return SealedValues.objects.of(gaps, now)


def _claim(
    row: dict[str, Any],
    attempt_id: int,
    lane_id: int,
    secrets: dict[str, Any],
    trial: bool,
    parked: bool,
) -> Claim:
    sent = {name: row[name] for name in _SENT}
    for name, read in _READ:
        sent[name] = read(sent[name])
    return Claim(
        message_id=row["id"],
        attempt_id=attempt_id,
        lane_id=lane_id,
        channel=MessageType(row["type"]),
        token=row["token"] + 1,
        failures=row["failures"],
        outcome=row["outcome"],
        possible_duplicate=row["possible_duplicate"],
        envelope=Envelope(by_person=row["sender_user_id"] is not None, **secrets, **sent),
        template_id=row["template_id"],
        trial=trial,
        parked=parked,
    )


def _uuid(stored: UUID | str | None) -> UUID | None:
    """Return a key read from the database as a UUID: SQLite has no type for it."""
    return UUID(stored) if isinstance(stored, str) else stored


def _headers(stored: str | dict[str, str]) -> MappingProxyType[str, str]:
    return MappingProxyType(json.loads(stored) if isinstance(stored, str) else stored)


_READ = (("headers", _headers), *((name, _uuid) for name in ("key", *KEYS)))


def permit(claims: Sequence[Claim], *, now: datetime) -> list[Claim]:
    """Return the claims that may be sent now.

    A permit can be taken once; a lapsed or lost claim gets none.
    """
    if not claims:
        return []
    moment = sql.moment(now)
    these, which = sql.these("id", [each.attempt_id for each in claims])
    granted = {row[0] for row in sql.select(PERMIT.replace("THESE", these), [moment, which, moment])}
    return [each for each in claims if each.attempt_id in granted]


def renew(claims: Iterable[Claim], *, now: datetime) -> None:
    """Extend the leases that this worker still holds."""
    by_token: dict[int, list[int]] = defaultdict(list)
    for each in claims:
        by_token[each.token].append(each.message_id)
    for token, ids in by_token.items():
        these, which = sql.these("id", ids)
        sql.change(_RENEW.replace("THESE", these), [sql.moment(now + LEASE), which, token])
