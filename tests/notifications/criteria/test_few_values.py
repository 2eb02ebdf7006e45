"""Senders, templates, events and references are found by an index each, whatever the operator."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from notifications.criteria import Criterion, Match, Operator, few_values, narrow, to_q
from notifications.models import HeldMessage, LegalHold, Message, legal_hold
from notifications.models.message import MessageQuerySet
from notifications.states import LIVE, MessageState, MessageType
from tests.factories import make_client, make_group, make_message, make_template, make_user

pytestmark = pytest.mark.django_db
EVERYTHING = [*MessageState]


def _written() -> dict[str, str]:
    """Messages in every state: by two senders, of two templates, one of them renamed. Keys of those."""
    ada = make_user("ada", first_name="Ada", last_name="Łuk")
    paid, late = make_template(name="Paid"), make_template(name="Late")
    for at, state in enumerate(EVERYTHING):
        make_message(state, subject=f"{state} by Ada", sender="Ada Lovelace", sender_user=ada, event="MANUAL")
        make_message(
            state, subject=f"{state} paid", template=paid, template_name="Paid", event="LOAN_APPROVAL"
        )
        make_message(state, subject=f"{state} renamed", template=paid, template_name="Paid before")
        make_message(
            state, MessageType.SMS, subject=f"{state} late", template=late, template_name="Late",
            resent_by="Ada Lovelace", reference_id=f"ln-{at}",
        )  # fmt: skip
    make_message(MessageState.SENT, MessageType.SMS, subject="by number", provider_id="SMab12")
    return {"paid": paid.key.hex, "late": late.key.hex}


def _subjects(messages: MessageQuerySet) -> list[str]:
    return sorted(messages.values_list("subject", flat=True))


def _of_legs(messages: MessageQuerySet) -> list[str]:
    return sorted(subject for leg in messages.legs for subject in _subjects(messages.of_leg(leg)))


@pytest.mark.parametrize(
    ("field", "operator", "value", "indexed"),
    [
        ("sender", Operator.EQUALS, "ada LOVELACE", 1),
        ("sender", Operator.STARTS_WITH, "ad", 1),
        ("sender", Operator.STARTS_WITH_CASE_SENSITIVE, "Ada", 1),
        ("sender", Operator.CONTAINS, "lace", 1),
        ("sender", Operator.EQUALS, "nobody", 0),
        ("resent_by", Operator.EQUALS, "Ada Lovelace", 1),
        ("event", Operator.EQUALS, "LOAN_APPROVAL", 1),
        ("template_name", Operator.STARTS_WITH, "paid", 2),
        ("template_name", Operator.EQUALS, "Late", 1),
        ("template", Operator.EQUALS, "paid", 2),
        ("template", Operator.EQUALS, "late", 1),
    ],
)
def test_each_value_has_a_leg_and_so_has_each_live_state(
    field: str, operator: Operator, value: str, indexed: int
) -> None:
    keys = _written()
    criterion = Criterion(field, operator, (keys[value] if field == "template" else value,))

    found = narrow(Message.objects.all(), [criterion])

    plainly = _subjects(Message.objects.filter(to_q([criterion])))
    assert len(plainly) == indexed * len(EVERYTHING)
    assert _subjects(found) == _of_legs(found) == plainly
    assert len(found.legs) == indexed + len(LIVE)


def test_a_reference_is_found_in_any_case_and_so_is_the_number_of_an_sms() -> None:
    _written()
    for text, subject in {"LN-2": f"{EVERYTHING[2]} late", "smAB12": "by number"}.items():
        found = narrow(Message.objects.all(), [Criterion("reference", Operator.EQUALS, (text,))])
        assert _subjects(found) == _of_legs(found) == [subject]


def test_what_has_an_index_of_its_own_is_read_by_that() -> None:
    _written()
    paid = Criterion("template_name", Operator.EQUALS, ("Paid",))
    failed = Criterion("state", Operator.EQUALS, (MessageState.FAILED,))
    whom = Criterion("destination", Operator.EQUALS, ("ana@example.org",))
    many = Criterion("template_name", Operator.NOT_CONTAINS, ("Paid",))

    assert narrow(Message.objects.all(), [whom, paid]).legs == ()
    assert narrow(Message.objects.all(), [many]).legs == ()
    both = narrow(Message.objects.all(), [failed, paid])
    assert _subjects(both) == _of_legs(both) == ["FAILED paid"]
    either = narrow(Message.objects.all(), [failed, paid], Match.ANY)
    assert len(either.legs) == 1 + 1 + len(LIVE)
    assert len(_subjects(either)) == 4 + len(EVERYTHING) - 1


def test_with_more_values_than_are_read_everything_is_looked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    _written()
    asked = Criterion("sender", Operator.EQUALS, ("Ada Lovelace",))
    monkeypatch.setattr(few_values, "_MOST_READ", 1)
    found = narrow(Message.objects.all(), [asked])
    assert found.legs == ()
    assert len(_subjects(found)) == len(EVERYTHING)


@pytest.mark.parametrize("senders", [1, 3])
def test_the_values_are_read_by_one_statement(senders: int) -> None:
    for number in range(senders):
        make_message(MessageState.SENT, sender=f"Ada {number}")
    with CaptureQueriesContext(connection) as asked:
        found = narrow(Message.objects.all(), [Criterion("sender", Operator.STARTS_WITH, ("Ada",))])
    assert len(asked) == 1
    assert len(found.legs) == senders + len(LIVE)


def test_what_was_sent_within_a_time_is_looked_for_among_what_was_created_before() -> None:
    now = timezone.now()
    for days in (1, 10, 40):
        at = now - timedelta(days=days)
        make_message(
            MessageState.SENT, subject=f"{days} days ago", created_at=at - timedelta(days=30), sent_at=at
        )
    within = [(now - timedelta(days=each)).date().isoformat() for each in (20, 5)]
    asked = Criterion("sent", Operator.BETWEEN, tuple(within))
    found = narrow(Message.objects.all(), [asked])
    assert _subjects(found) == ["10 days ago"]
    assert "created_at" in str(found.query).partition("WHERE")[2]


def test_what_only_some_states_have_is_asked_of_those() -> None:
    _written()
    waiting = Message.objects.filter(state=MessageState.WAITING)
    waiting.update(waiting_reason="READY_TO_BE_SENT")
    asked = [Criterion("waiting_reason", Operator.EQUALS, ("READY_TO_BE_SENT",))]
    found = narrow(Message.objects.all(), asked)
    assert _subjects(found) == _subjects(waiting)
    due = narrow(
        Message.objects.all(), [Criterion("next_attempt", Operator.BETWEEN, ("2000-01-01", "2999-01-01"))]
    )
    assert _subjects(due) == _of_legs(due) == _subjects(Message.objects.filter(due_at__isnull=False))


@pytest.mark.skipif(connection.vendor != "postgresql", reason="reads PostgreSQL's plans")
@pytest.mark.parametrize(
    ("field", "value", "index"),
    [
        ("sender", "Ada Lovelace", "message_sender"),
        ("resent_by", "Ada Lovelace", "message_resent_by"),
        ("event", "MANUAL", "message_event"),
        ("template_name", "Late", "message_template"),
        ("reference", "ln-1", "message_referred"),
    ],
)
def test_postgresql_follows_the_index_in_the_order_of_the_log(field: str, value: str, index: str) -> None:
    _written()
    found = narrow(Message.objects.all(), [Criterion(field, Operator.EQUALS, (value,))])
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
    plan = _plan(found.of_leg(found.legs[0]))
    assert index in plan
    assert "Sort" not in plan


def _plan(messages: MessageQuerySet) -> str:
    return messages.order_by("-created_at", "-pk")[:51].explain()


def test_each_of_a_list_has_a_leg() -> None:
    ana, bo, eve = (make_client() for _ in range(3))
    for number, client in enumerate((ana, bo, eve)):
        make_message(subject=f"to {number}", client=client)
    for clients, subjects in {(ana,): ["to 0"], (ana, eve): ["to 0", "to 2"]}.items():
        keys = tuple(each.key.hex for each in clients)
        found = narrow(Message.objects.all(), [Criterion("client", Operator.IN, keys)])
        assert _subjects(found) == subjects
        assert not found.legs or _of_legs(found) == subjects
        assert len(found.legs) == (len(clients) if len(clients) > 1 else 0)


def test_a_number_is_found_as_it_is_spelled_and_by_its_digits() -> None:
    make_message(MessageState.QUEUED, MessageType.SMS, subject="spelled", destination="+49 (0)170-123 45678")
    make_message(MessageState.QUEUED, MessageType.SMS, subject="plain", destination="+4917012345678")
    make_message(MessageState.QUEUED, MessageType.SMS, subject="another", destination="+4917012345679")
    for text, legs in {"+4917012345678": 2, "0049 170 12345678": 2, "0170 12345678": 0}.items():
        found = narrow(Message.objects.all(), [Criterion("destination", Operator.EQUALS, (text,))])
        assert _subjects(found) == ["plain", "spelled"]
        assert len(found.legs) == legs
        assert not legs or sorted({*_of_legs(found)}) == ["plain", "spelled"]


@pytest.mark.parametrize("most", [1, 20])
def test_what_is_on_hold_is_found_by_whom_or_what_the_holds_name(
    most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(legal_hold, "MOST_LEGS", most)
    ada, ana, bo, group = make_user("ada"), make_client(), make_client(), make_group()
    whom = {"of Ana": {"client": ana}, "of Bo": {"client": bo}, "of a group": {"group": group}}
    for subject, about in (whom | {"named": {}, "free": {}}).items():
        make_message(subject=subject, **about)
    by = {"reason": "A dispute", "placed_by": ada, "placed_by_name": "Ada", "label": "held"}
    for held in ({"client": ana}, {"client": ana}, {"group": group}):
        LegalHold.objects.create(**by, **held)
    LegalHold.objects.create(**by, client=bo, lifted_at=timezone.now(), lifted_by_name="Ada")
    hold = LegalHold.objects.create(**by)
    HeldMessage.objects.create(hold=hold, message=Message.objects.get(subject="named"))

    with CaptureQueriesContext(connection) as asked:
        found = narrow(Message.objects.all(), [Criterion("on_hold", Operator.EQUALS, ("true",))])

    assert len(asked) == 1
    assert _subjects(found) == _of_legs(found) == ["named", "of Ana", "of a group"]
    assert len(found.legs) == 3
