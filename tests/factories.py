"""Rows for tests, made by plain functions.

People are roles: `viewer()`, `officer()`, `admin()`, `outsider()`.
"""

from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import uuid4

from django.contrib.auth.models import Group as Role
from django.utils import timezone

from commlog.models import ApiConsumer, ApiKey, Job, User
from commlog.models.api import digest_of
from commlog.models.job import OPEN, JobKind, JobState
from notifications.failures import Reason
from notifications.lanes.lane_health import minute_of
from notifications.models import (
    Attempt,
    Client,
    Group,
    Incident,
    IncidentLane,
    Lane,
    LaneTally,
    Membership,
    Message,
    NotificationTemplate,
)
from notifications.secrets.sealed import seal, seal_headers
from notifications.states import CLAIMABLE, MessageState, MessageType, Outcome, WaitingReason

PASSWORD = "correct horse battery staple"
DESTINATIONS = {
    MessageType.EMAIL: "ana@example.org",
    MessageType.SMS: "+4917012345678",
    MessageType.WEB_HOOK: "https://hooks.example.org/in",
    MessageType.EVENT_STREAM: "accounts",
}
_numbers = count(1)


def make_lane(channel: MessageType = MessageType.EMAIL, name: str = "test") -> Lane:
    """The lane of that name, made when missing."""
    return Lane.objects.get_or_create(channel=channel, name=name)[0]


def make_incident(*lanes: Lane, began_at: datetime, **fields: Any) -> Incident:
    """An incident of these lanes, open unless `closed_at` is given."""
    incident = Incident.objects.create(**{"opened_at": began_at} | fields)
    ended = fields.get("closed_at")
    IncidentLane.objects.bulk_create(
        IncidentLane(
            incident=incident,
            lane=lane,
            cause="550 5.7.1 no",
            began_at=began_at,
            opened_at=began_at,
            recovered_at=ended,
        )
        for lane in lanes
    )
    return incident


def set_up_channels(settings: Any) -> None:
    """E-mail and SMS have a server, which nobody asks."""
    settings.EMAIL_HOST = "127.0.0.1"
    settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN, settings.TWILIO_FROM = (
        "AC1",
        "token",
        "+15005550006",
    )


def make_message(
    state: MessageState = MessageState.QUEUED, type: MessageType = MessageType.EMAIL, **fields: Any
) -> Message:
    """A stored message. Whatever its state demands (times, lease, reason) is filled in unless given."""
    now: datetime = fields.pop("now", None) or timezone.now()
    values: dict[str, Any] = {
        "type": type,
        "state": state,
        "destination": DESTINATIONS[type],
        "subject": "Payment due" if type == MessageType.EMAIL else "",
        "content": "Dear Ana, your payment is due.",
        "sender": "Mambu",
        "created_at": now,
    }
    values |= _demanded(state, fields.get("created_at", now)) | fields
    values["headers"] = seal_headers(values.get("headers", {}))
    values["auth_password"] = seal(values.get("auth_password", ""))
    if "lane" not in values:
        values["lane"] = make_lane(type)
    return Message.objects.create(**values)


def _demanded(state: MessageState, now: datetime) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if state in CLAIMABLE:
        values["due_at"] = now
    if state == MessageState.WAITING:
        values |= {
            "waiting_reason": WaitingReason.READY_TO_BE_SENT,
            "failures": 1,
            "attempt_count": 1,
            "outcome": Outcome.REFUSED,
        }
        values |= {"failure_reason": Reason.MESSAGING_EXCEPTION, "failure_cause": "451 4.3.0 try again later"}
    if state == MessageState.SENDING_ASYNC:
        values |= {"lease_until": now + timedelta(seconds=20), "token": 1}
    if state == MessageState.SENT:
        values |= {"sent_at": now + timedelta(seconds=1), "outcome": Outcome.ACCEPTED, "attempt_count": 1}
    if state == MessageState.FAILED:
        values |= {
            "failure_reason": Reason.MESSAGING_EXCEPTION,
            "failure_cause": "550 5.1.1 no such user",
            "outcome": Outcome.REFUSED,
        }
    return values


def make_attempt(message: Message, outcome: Outcome | str = Outcome.REFUSED, **fields: Any) -> Attempt:
    """The message's next attempt, closed unless `outcome` is empty."""
    now: datetime = fields.pop("now", None) or message.created_at
    values: dict[str, Any] = {
        "number": message.attempts.count() + 1,
        "token": 1,
        "worker": "test",
        "due_at": now,
        "opened_at": now,
        "permitted_at": now,
        "started_at": now,
        "outcome": outcome,
    }
    if outcome:
        values["finished_at"] = now + timedelta(milliseconds=84)
    if outcome == Outcome.REFUSED:
        values |= {"failure_reason": Reason.MESSAGING_EXCEPTION, "detail": "550 5.1.1 no such user"}
    return Attempt.objects.create(message=message, **(values | fields))


def make_tally(
    lane: Lane,
    at: datetime,
    *,
    delivered: int = 0,
    failed: int = 0,
    worker: str = "a",
    accepted_at: datetime | None = None,
) -> None:
    """What a worker has counted in a minute."""
    for outcome, number, last in (
        (Outcome.ACCEPTED, delivered, accepted_at),
        (Outcome.REFUSED, failed, None),
    ):
        LaneTally.objects.create(
            lane=lane,
            minute=minute_of(at),
            worker=worker,
            outcome=outcome,
            tries=number,
            messages=number,
            accepted_at=last,
        )


def make_resend(failed: Message, state: MessageState = MessageState.QUEUED, **fields: Any) -> Message:
    """A later row of the failed message's chain."""
    frozen = (
        "type",
        "lane",
        "destination",
        "subject",
        "content",
        "sender",
        "recipient_name",
        "client",
        "group",
        "user",
    )
    copied = {name: getattr(failed, name) for name in frozen}
    linked = {"first_id": failed.first_id or failed.pk, "resend_of": failed, "resent_by": "Ada Officer"}
    return make_message(state, **(copied | linked | fields))


def make_client(**fields: Any) -> Client:
    """A client with contact data."""
    number = next(_numbers)
    values = {
        "client_id": f"{number:06}",
        "first_names": "Ana",
        "last_name": "Silva",
        "email": "ana@example.org",
        "mobile_phone": "+4917012345678",
    }
    return Client.objects.create(**(values | fields))


def make_group(*members: Client, **fields: Any) -> Group:
    """A group of clients with contact data of its own."""
    number = next(_numbers)
    group = Group.objects.create(
        **(
            {"group_id": f"G{number:05}", "name": f"Market women {number}", "email": "group@example.org"}
            | fields
        )
    )
    for member in members:
        Membership.objects.create(group=group, client=member)
    return group


def make_template(type: MessageType = MessageType.EMAIL, **fields: Any) -> NotificationTemplate:
    """An active template for the event LOAN_REPAYMENT, about clients."""
    values: dict[str, Any] = {
        "name": f"Payment received {next(_numbers)}",
        "type": type,
        "event": "LOAN_REPAYMENT",
    }
    values["text"] = "Dear {CLIENT_NAME}, we received {AMOUNT}."
    if type == MessageType.EMAIL:
        values["subject"] = "Payment of {AMOUNT}"
    if type == MessageType.WEB_HOOK:
        values |= {
            "destination": "https://hooks.example.org/in/{CLIENT_ID}",
            "method": "POST",
            "content_type": "application/json",
        }
        values["text"] = '{"client": "{CLIENT_ID}", "amount": {AMOUNT}}'
    if type == MessageType.EVENT_STREAM:
        values |= {
            "destination": "loans",
            "content_type": "application/json",
            "text": '{"client": "{CLIENT_ID}"}',
        }
    if fields.get("trigger") == "MANUAL":
        values |= {"event": "", "text": "Dear {CLIENT_NAME}, thank you."}
        values["subject"] = "Your call" if type == MessageType.EMAIL else ""
    return NotificationTemplate.objects.create(**(values | fields))


def make_job(
    owner: User, kind: JobKind = JobKind.RESEND, state: JobState = JobState.QUEUED, **fields: Any
) -> Job:
    """A job over everything; what its state demands is filled in."""
    now = timezone.now()
    values: dict[str, Any] = {
        "owner": owner,
        "kind": kind,
        "state": state,
        "total": 10,
        "words": "everything",
        "newest": 2**62,
    }
    if state == JobState.QUEUED:
        values["due_at"] = now
    if state == JobState.RUNNING:
        values |= {"lease_until": now + timedelta(seconds=20), "token": 1, "started_at": now}
    if state not in OPEN:
        values["finished_at"] = now
    if state == JobState.FAILED:
        values["reason"] = "It could not be done."
    return Job.objects.create(**(values | fields))


def make_user(username: str = "", *, role: str = "", **fields: Any) -> User:
    """A member of staff whose password is PASSWORD; with the role of that name, which the migrations have
    made.
    """
    user = User.objects.create_user(username or f"user{next(_numbers)}", password=PASSWORD, **fields)
    if role:
        user.groups.add(Role.objects.get(name=role))
    return user


def viewer(**fields: Any) -> User:
    """May read the log."""
    return make_user(role="Viewer", **({"first_name": "Vera", "last_name": "Viewer"} | fields))


def officer(**fields: Any) -> User:
    """May read, resend and export."""
    return make_user(role="Officer", **({"first_name": "Ada", "last_name": "Officer"} | fields))


def admin(**fields: Any) -> User:
    """May do everything, by role."""
    return make_user(role="Administrator", **({"first_name": "Adam", "last_name": "Administrator"} | fields))


def outsider(**fields: Any) -> User:
    """Has an account, but no role."""
    return make_user(**({"first_name": "Otto", "last_name": "Outsider"} | fields))


def make_consumer(name: str = "", *, role: str = "Administrator", **fields: Any) -> ApiConsumer:
    """A program that may use the API."""
    consumer = ApiConsumer.objects.create(name=name or f"Program {next(_numbers)}", **fields)
    if role:
        consumer.roles.add(Role.objects.get(name=role))
    return consumer


def make_key(consumer: ApiConsumer | None = None, *, role: str = "Administrator", **fields: Any) -> str:
    """The secret of a new API key, of a new consumer with that role unless one is given."""
    secret = str(uuid4())
    values = {
        "consumer": consumer or make_consumer(role=role),
        "prefix": secret[:8],
        "digest": digest_of(secret),
    } | fields
    ApiKey.objects.create(**values)
    return secret
