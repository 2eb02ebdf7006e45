"""What a message says goes whole wherever the message goes, whatever fields it will have."""

from dataclasses import fields
from typing import Any
from uuid import UUID, uuid4

import pytest

from bench.standins import StandIns
from notifications import outbox, sendable
from notifications.content import Content, as_columns, said_by
from notifications.database.clock import db_now
from notifications.delivery import claims
from notifications.models import Message
from notifications.outbox import COPIED, Draft
from notifications.secrets.sealed import opened
from notifications.states import MessageState, MessageType
from tests.factories import make_client, officer

# What no text of its own name can stand for.
GIVEN: dict[str, Any] = {
    "body": '{"of": "the body"}',
    "event": "LOAN_REPAYMENT",
    "method": "PATCH",
    "content_type": "application/json",
    "headers": {"X-Source": "core", "X-Token": "s3cret"},
}
# What a row has that is no message's own: how it fares, and its place in its chain.
LIFE = {
    "id", "key", "state", "lane_id", "created_at", "sent_at", "due_at", "parked_at", "token", "lease_until",
    "waiting_reason", "attempt_count", "failures", "abandons", "failure_reason", "failure_cause",
    "failure_meaning", "failure_level", "failed_at", "outcome",
    "possible_duplicate", "provider_id", "restored_at", "receipt_due_at", "receipt_status", "receipt_at",
    "first_id", "resend_of_id", "resent_by", "resent_by_user_id", "destination_fold", "recipient_name_fold",
    "words_gone_at", "erased_at",
}  # fmt: skip


def telling(kind: Any, name: str) -> Any:
    """A value that is no other field's."""
    return {str: f"the {name}", UUID | None: uuid4(), bool: True, int: len(name)}[kind]


def test_every_column_of_a_message_is_either_copied_by_a_resend_or_of_its_life() -> None:
    columns = [field.attname for field in Message._meta.concrete_fields]

    assert set(columns) - LIFE == set(COPIED)
    assert len(COPIED) == len(set(COPIED))


@pytest.mark.django_db
def test_a_claim_and_a_resend_carry_every_field(providers: StandIns) -> None:
    values = {each.name: GIVEN.get(each.name) or telling(each.type, each.name) for each in fields(Content)}
    by = officer()
    ready = outbox.check(
        Draft(MessageType.WEB_HOOK, providers.webhook_url("/in"), **values, client=make_client(), sender=by)
    )

    (message,) = outbox.store([ready])
    (claim,) = claims.claim(message.lane_id, 1, now=db_now())
    Message.objects.update(state=MessageState.FAILED, failure_reason="OTHER", lease_until=None)
    message.refresh_from_db()
    resent = outbox.resend(message, by=by).message
    resent.refresh_from_db()
    (again,) = claims.claim(resent.lane_id, 1, now=db_now())

    said = said_by(ready.envelope)
    secret = {"headers", "auth_password"}
    assert {name: said[name] for name in said if name not in secret} == {
        name: values[name] for name in values if name not in secret
    }
    assert (opened(said["auth_password"]), opened(said["headers"]["X-Token"])) == (
        "the auth_password",
        "s3cret",
    )
    assert len({str(value) for value in said.values()}) == len(fields(Content))
    assert said_by(claim.envelope) == said
    assert said_by(sendable.envelope_of(message)) == said
    assert {column: getattr(resent, column) for column in as_columns(ready.envelope)} == as_columns(
        ready.envelope
    )
    assert {name: getattr(resent, name) for name in COPIED} == {
        name: getattr(message, name) for name in COPIED
    }
    assert said_by(again.envelope) == said
    assert (claim.envelope.key, claim.envelope.destination, claim.envelope.by_person) == (
        message.key,
        message.destination,
        True,
    )
