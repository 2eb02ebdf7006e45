"""Whatever has happened to and because of a person, in any order: once erased, the person stands nowhere but
in what is on legal hold, and nothing that is counted has changed.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from shutil import rmtree
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from commlog import audit
from commlog.access import recording
from commlog.audit import AuditAction
from commlog.erasure import requesting
from commlog.models import CustomView, Erasure, User
from commlog.models.access_record import Access
from commlog.retention import holds
from notifications.models import Attempt, BusinessEvent, DeliveryReceipt, LegalHold, Message, MessageWords
from notifications.states import FINAL, LIVE, MessageState, MessageType
from notifications.words import indexing
from tests.commlog.erasure.test_canary import EMAIL, FIRST, LAST, NUMBER, SPELLINGS, hits, turns
from tests.factories import admin, make_attempt, make_client, make_job, make_message, make_resend

pytestmark = pytest.mark.django_db
STATES = [MessageState.SENT, MessageState.FAILED, MessageState.WAITING, MessageState.QUEUED]


class World:
    """A person, somebody else, and what happens."""

    def __init__(self) -> None:
        self.boss: User = admin(email="boss@bank.example")
        self.person = make_client(first_names=FIRST, last_name=LAST, email=EMAIL, mobile_phone=NUMBER)
        self.other = make_client(first_names="Otto", last_name="Bystander", email="otto@bystander.example")

    def to_person(self, said: str, state: MessageState) -> None:
        make_message(
            state, client=self.person, recipient_name=self.person.name, destination=EMAIL, content=said
        )

    def to_number(self, said: str, state: MessageState) -> None:
        make_message(state, MessageType.SMS, destination=NUMBER, content=said)

    def to_other(self, said: str, state: MessageState) -> None:
        make_message(state, client=self.other, recipient_name=self.other.name, content=f"About {said}.")

    def resent(self, said: str, _: MessageState) -> None:
        failed = Message.objects.filter(state=MessageState.FAILED, resends=None).first()
        if failed:
            make_resend(failed, MessageState.SENT)

    def tried(self, said: str, _: MessageState) -> None:
        for message in Message.objects.filter(state__in=FINAL)[:2]:
            make_attempt(message, detail=f"<{said}> refused")
            DeliveryReceipt.objects.create(
                message=message, provider_id=uuid4().hex, status="x", detail=said, received_at=timezone.now()
            )

    def audited(self, said: str, _: MessageState) -> None:
        audit.record(self.boss, AuditAction.CHANGED, kind="view", label=said, after={"filter": [said]})

    def read(self, said: str, _: MessageState) -> None:
        recording.record(self.boss, Access.REVEALED, [1], about=f"{said} asked for it")

    def viewed(self, said: str, _: MessageState) -> None:
        CustomView.objects.create(name=f"{said[:40]} {uuid4().hex}", criteria=[["q", "CONTAINS", [said]]])
        make_job(self.boss, words=[["Text", said]])

    def told(self, said: str, state: MessageState) -> None:
        message = make_message(state, destination="officer@bank.example", content=f"Call {said}")
        now = timezone.now()
        BusinessEvent.objects.create(
            name="X", client=self.person, subject_name=self.person.name, data={"A": said}, occurred_at=now,
            received_at=now, trace=[["0" * 32, "T", "EMAIL", "", [said], [message.key.hex]]],
        )  # fmt: skip

    def held(self, said: str, _: MessageState) -> None:
        message = Message.objects.filter(state__in=FINAL).order_by("?").first()
        if message:
            holds.place(message, reason=f"Court, about {said}", until=None, by=self.boss)

    def indexed(self, said: str, _: MessageState) -> None:
        indexing.fill(5)


STEPS: Mapping[str, Callable[[World, str, MessageState], None]] = {
    name: step for name, step in vars(World).items() if not name.startswith("_")
}
HISTORY = st.lists(
    st.tuples(st.sampled_from(sorted(STEPS)), st.sampled_from(SPELLINGS), st.sampled_from(STATES)), max_size=9
)


@settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(HISTORY)
@example([(name, SPELLINGS[0], MessageState.FAILED) for name in sorted(STEPS)])
def test_a_person_with_any_history_stands_nowhere(
    remembered: Path, history: list[tuple[str, str, MessageState]]
) -> None:
    rmtree(remembered, ignore_errors=True)
    with transaction.atomic():
        _lived(history)
        transaction.set_rollback(True)


def _lived(history: list[tuple[str, str, MessageState]]) -> None:
    world = World()
    for name, said, state in history:
        STEPS[name](world, said, state)
    types, kept = Counter(Message.objects.values_list("type", flat=True)), _held()
    final = dict(Message.objects.filter(state__in=FINAL).values_list("pk", "state"))
    erasure = requesting.ask(world.person, by=world.boss)
    if (ended := turns(erasure)) != "done":
        assert "names the person is being sent" in ended
        _send_the_rest()
        assert turns(erasure) == "done"
    for again in (False, True):
        if again:
            call_command("erase", "replay", verbosity=0)
        assert Counter(Message.objects.values_list("type", flat=True)) == types
        assert dict(Message.objects.filter(pk__in=final).values_list("pk", "state")) == final
        assert _held() == kept
        _only_held_has_them()


def _send_the_rest() -> None:
    live = Message.objects.filter(state__in=LIVE)
    live.update(
        state=MessageState.SENT, sent_at=timezone.now(), due_at=None, lease_until=None, waiting_reason=""
    )
    Erasure.objects.update(lease_until=None)


def _held() -> list[tuple[Any, ...]]:
    rows = Message.objects.filter(pk__in=holds.held_among(Message.objects.values_list("pk", flat=True)))
    return list(rows.order_by("pk").values_list("pk", "content", "destination", "recipient_name"))


def _only_held_has_them() -> None:
    """A hold keeps its messages, with what servers said, their words for the search, and its own reason."""
    held = [pk for pk, *_ in _held()]
    with transaction.atomic():
        DeliveryReceipt.objects.filter(message__in=held).delete()
        Attempt.objects.filter(message__in=held).update(detail="")
        found = {name.partition(".")[0] for name in hits()}
        transaction.set_rollback(True)
    assert found <= (
        {Message._meta.db_table, MessageWords._meta.db_table, LegalHold._meta.db_table} if held else set()
    )
    assert not held or Erasure.objects.get().kept or not found
