"""Events: which templates fire, what the trace says of the others, and that an event told twice fires
once.
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection, connections
from django.utils import timezone

from notifications import channels, events, outbox
from notifications.events import Happening, Silence
from notifications.faults import Fault, Malformed
from notifications.models import BusinessEvent, Client, Message, NotificationTemplate, Subscription
from notifications.secrets.sealed import is_sealed, open_headers, opened, seal, seal_headers
from notifications.states import MessageState, MessageType
from tests.factories import make_client, make_group, make_template, make_user, set_up_channels

pytestmark = pytest.mark.django_db
EMAIL, SMS, HOOK, STREAM = MessageType.EMAIL, MessageType.SMS, MessageType.WEB_HOOK, MessageType.EVENT_STREAM


def _repaid(client: Client | None, **fields: Any) -> Happening:
    return Happening("LOAN_REPAYMENT", client=client, **({"data": {"AMOUNT": "12.50"}} | fields))


def _silence(raised: events.Raised) -> list[tuple[str, list[str]]]:
    return [(entry.silence, entry.details) for entry in events.entries_of(raised.event)]


def test_an_event_makes_a_message_of_every_template_that_it_fires() -> None:
    ana = make_client(client_id="C'1")
    for type in MessageType:
        make_template(type, name=f"On {type.label}", html="<p>{CLIENT_NAME}</p>" if type == EMAIL else "")
    raised = events.raise_one(_repaid(ana), source="core")
    mail, sms, hook, stream = Message.objects.order_by("pk")
    assert raised.created
    assert raised.messages == [mail.key, sms.key, hook.key, stream.key]
    assert (mail.destination, mail.subject, mail.content) == (
        ana.email,
        "Payment of 12.50",
        "Dear Ana Silva, we received 12.50.",
    )
    assert (mail.html, mail.sender, mail.event, mail.template_name) == (
        "<p>Ana Silva</p>",
        "Mambu",
        "LOAN_REPAYMENT",
        "On E-mail",
    )
    assert (sms.destination, sms.content) == (ana.mobile_phone, "Dear Ana Silva, we received 12.50.")
    assert (hook.destination, hook.content) == (
        "https://hooks.example.org/in/C%271",
        '{"client": "C\'1", "amount": 12.50}',
    )
    assert (hook.client, hook.method, stream.destination, stream.state) == (
        ana,
        "POST",
        "loans",
        MessageState.QUEUED_FOR_STREAM,
    )
    assert {message.business_event_id for message in (mail, sms, hook, stream)} == {raised.event.pk}
    assert [template.in_use for template in NotificationTemplate.objects.all()] == [True] * 4
    assert (raised.event.source, raised.event.subject_name, raised.event.message_count) == (
        "core",
        "Ana Silva",
        4,
    )
    assert _silence(raised) == [("", [])] * 4


def test_a_template_hands_its_secrets_on_sealed() -> None:
    make_template(
        HOOK,
        headers=seal_headers({"X-Token": "s3cret", "X-Source": "core"}),
        auth_username="bank",
        auth_password=seal("pass"),
    )
    events.raise_one(_repaid(make_client()))
    message = Message.objects.get()
    assert open_headers(message.headers) == {"X-Token": "s3cret", "X-Source": "core"}
    assert (message.auth_username, opened(message.auth_password)) == ("bank", "pass")
    assert is_sealed(message.auth_password)
    assert is_sealed(message.headers["X-Token"])


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "UTC", "Pacific/Kiritimati"])
@pytest.mark.parametrize(
    "told",
    ["2026-12-01", "2026-12-01T00:00:00Z", "2026-12-01T00:00:00+13:00", "2026-12-01T23:30:00-08:00",
     "2026-12-01T00:00:00.000Z[UTC]",
     "2026-12-01 00:00", "2026-12-01+01:00", "2026-12-01Z", "20261201"],
)  # fmt: skip
def test_a_date_is_a_date_in_every_zone(told: str, zone: str, settings: Any) -> None:
    settings.TIME_ZONE = zone
    on_the_day = [{"field": "PAYMENT_DUE_DATE", "operator": "ON", "values": ["2026-12-01"]}]
    make_template(SMS, text="Due {PAYMENT_DUE_DATE}", conditions=on_the_day)
    make_template(HOOK, text='{"due": "{PAYMENT_DUE_DATE}"}', conditions=on_the_day)
    events.raise_one(_repaid(make_client(), data={"PAYMENT_DUE_DATE": told}))
    assert list(Message.objects.order_by("type").values_list("content", flat=True)) == [
        "Due 1 December 2026",
        f'{{"due": "{told}"}}',
    ]


@pytest.mark.parametrize("told", ["soon", "2026-13-01", "0000-00-00T00:00:00Z", ""])
def test_a_date_that_is_none_stays_as_it_was_told(told: str) -> None:
    make_template(SMS, text="Due {PAYMENT_DUE_DATE}.")
    events.raise_one(_repaid(make_client(), data={"PAYMENT_DUE_DATE": told}))
    assert Message.objects.get().content == f"Due {told}."


def test_the_moment_of_an_event_is_told_in_the_organisation_s_zone(settings: Any) -> None:
    settings.TIME_ZONE = "America/Sao_Paulo"
    make_template(SMS, text="{EVENT_DATE_TIME}, {EVENT_DATE}")
    events.raise_one(_repaid(make_client(), occurred_at=datetime(2026, 12, 1, tzinfo=UTC)))
    assert Message.objects.get().content == "30 November 2026 21:00, 30 November 2026"


def test_a_template_of_which_nothing_is_left_fails_at_once_and_calls_nobody(settings: Any) -> None:
    settings.EMAIL_HOST, settings.TWILIO_FROM = "127.0.0.1", "Bank"
    settings.TWILIO_ACCOUNT_SID = settings.TWILIO_AUTH_TOKEN = "x"
    channels.close_all()
    make_template(EMAIL, text="{NOTES}", html='<p>{NOTES}&nbsp;</p><img src="{LINK}">')
    make_template(SMS, text=" {NOTES}\u200b{CF:NONE}")
    events.raise_one(_repaid(make_client()))
    channels.close_all()
    made = [
        (each.state, each.failure_reason, each.failure_cause, each.attempt_count)
        for each in Message.objects.order_by("pk")
    ]
    assert made == [
        (MessageState.FAILED, "OTHER", "the message is empty: it has no text and no image", 0),
        (MessageState.FAILED, "OTHER", "the message is empty: it has no text", 0),
    ]


def test_dates_are_spoken_to_people_and_spelled_for_machines() -> None:
    make_template(SMS, text="Due {PAYMENT_DUE_DATE}, today {EVENT_DATE}")
    make_template(HOOK, text='{"due": "{PAYMENT_DUE_DATE}"}')
    when = datetime(2026, 11, 24, 9, tzinfo=UTC)
    events.raise_one(_repaid(make_client(), data={"PAYMENT_DUE_DATE": "2026-12-01"}, occurred_at=when))
    sms, hook = Message.objects.order_by("pk")
    assert (sms.content, hook.content) == (
        "Due 1 December 2026, today 24 November 2026",
        '{"due": "2026-12-01"}',
    )


CLIENT_WITHOUT = {"email": "", "mobile_phone": ""}
SILENT: tuple[tuple[dict[str, Any], dict[str, Any], Silence, list[str]], ...] = (
    ({"active": False}, {}, Silence.INACTIVE, []),
    ({"target": "GROUP"}, {}, Silence.NOBODY_NAMED, ["The event names no group"]),
    (
        {"conditions": [{"field": "AMOUNT", "operator": "MORE_THAN", "values": ["100"]}]},
        {},
        Silence.CONDITION,
        ["Amount is more than 100 (actual: “12.50”)"],
    ),
    ({"subscription": "OPT_IN"}, {}, Silence.NOT_SUBSCRIBED, ["Ana Silva: the template is sent to "
                                                              "subscribers only"]),
    ({"recipient": "CREDIT_OFFICER"}, {}, Silence.NO_RECIPIENT, ["Ana Silva has no credit officer"]),
    ({}, CLIENT_WITHOUT, Silence.NO_ADDRESS, ["Ana Silva has no e-mail address on file"]),
    ({"type": SMS, "subject": ""}, CLIENT_WITHOUT, Silence.NO_ADDRESS, ["Ana Silva has no mobile number on "
                                                                        "file"]),
)  # fmt: skip


@pytest.mark.parametrize(("template", "client", "why", "details"), SILENT)
def test_the_trace_says_why_a_template_stayed_silent(
    template: dict[str, Any], client: dict[str, Any], why: Silence, details: list[str]
) -> None:
    make_template(**template)
    raised = events.raise_one(_repaid(make_client(**client)))
    assert _silence(raised) == [(why, details)]
    assert (raised.messages, Message.objects.count(), raised.event.message_count) == ([], 0, 0)


def test_one_condition_that_holds_is_enough_where_any_is_asked_for() -> None:
    asked = [
        {"field": "AMOUNT", "operator": "MORE_THAN", "values": ["100"]},
        {"field": "CLIENT_NAME", "operator": "NOT_EMPTY", "values": []},
    ]
    make_template(conditions=asked)
    make_template(conditions=asked, match_any=True)
    raised = events.raise_one(_repaid(make_client()))
    assert [silence for silence, _ in _silence(raised)] == [Silence.CONDITION, ""]


def test_subscriptions_are_honoured() -> None:
    ana, bo = make_client(), make_client()
    out, into = make_template(), make_template(subscription="OPT_IN")
    Subscription.objects.create(template=out, client=ana, subscribed=False)
    Subscription.objects.create(template=into, client=ana, subscribed=True)
    assert [silence for silence, _ in _silence(events.raise_one(_repaid(ana)))] == [
        Silence.NOT_SUBSCRIBED,
        "",
    ]
    assert [silence for silence, _ in _silence(events.raise_one(_repaid(bo)))] == ["", Silence.NOT_SUBSCRIBED]


def test_members_by_role_and_credit_officers_get_what_is_about_their_group() -> None:
    officer = make_user(first_name="Ada", last_name="Officer", email="ada@example.org")
    chair, mute, other = (
        make_client(first_names="Chair"),
        make_client(first_names="Mute", email=""),
        make_client(),
    )
    group = make_group(chair, mute, other, credit_officer=officer, name="Weavers")
    group.membership_set.filter(client__in=[chair, mute]).update(role="Leader")
    make_template(
        event="GROUP_ACTIVITY",
        target="GROUP",
        recipient="GROUP_MEMBERS",
        recipient_role="leader",
        text="{RECIPIENT_FIRST_NAMES}",
    )
    make_template(
        event="GROUP_ACTIVITY",
        target="GROUP",
        recipient="CREDIT_OFFICER",
        text="{RECIPIENT_NAME} {GROUP_NAME}",
    )
    raised = events.raise_one(Happening("GROUP_ACTIVITY", group=group))
    to_member, to_officer = Message.objects.order_by("pk")
    assert (to_member.client, to_member.content, to_officer.user, to_officer.content) == (
        chair,
        "Chair",
        officer,
        "Ada Officer Weavers",
    )
    assert _silence(raised) == [(Silence.NO_ADDRESS, ["Mute Silva has no e-mail address on file"]), ("", [])]
    group.membership_set.all().delete()
    assert _silence(events.raise_one(Happening("GROUP_ACTIVITY", group=group)))[0] == (
        Silence.NO_RECIPIENT,
        ["Weavers has no member with the role leader"],
    )


def test_a_url_that_cannot_be_made_silences_its_template_alone() -> None:
    make_template(HOOK, destination="https://hooks.example.org/{CF:PATH}")
    make_template(SMS)
    raised = events.raise_one(_repaid(make_client(custom_fields={"PATH": "x" * 3000})))
    (hook, details), sms = _silence(raised)
    assert (hook, sms) == (Silence.IMPOSSIBLE, ("", []))
    assert details == [
        "destination: the URL is too long or contains a space, a backslash or a control character"
    ]
    assert raised.messages == [Message.objects.get().key]


def test_templates_of_other_events_deleted_ones_and_those_by_hand_are_no_part_of_the_trace() -> None:
    make_template(event="LOAN_APPROVAL")
    make_template(deleted_at=timezone.now())
    make_template(trigger="MANUAL")
    assert events.raise_one(_repaid(make_client())).event.trace == []


def test_changing_a_template_changes_nothing_that_was_sent(settings: Any) -> None:
    set_up_channels(settings)
    template = make_template(name="Before")
    raised = events.raise_one(_repaid(make_client()))
    message = Message.objects.get()
    Message.objects.filter(pk=message.pk).update(
        state=MessageState.FAILED, due_at=None, failure_reason="OTHER"
    )
    NotificationTemplate.objects.filter(pk=template.pk).update(name="After", text="New", subject="New")
    again = outbox.resend(Message.objects.get(pk=message.pk), by=make_user()).message
    assert (again.content, again.subject, again.template_name) == (
        "Dear Ana Silva, we received 12.50.",
        "Payment of 12.50",
        "Before",
    )
    assert (again.template_id, again.business_event_id) == (template.pk, raised.event.pk)
    assert events.entries_of(BusinessEvent.objects.get())[0].name == "Before"


def test_an_event_that_is_told_twice_fires_once() -> None:
    make_template()
    ana, key = make_client(), uuid4()
    first, second = (events.raise_one(_repaid(ana, key=key)) for _ in range(2))
    assert (first.created, second.created, second.messages) == (True, False, first.messages)
    twice = events.raise_many([_repaid(ana, key=key), _repaid(ana), _repaid(ana)])
    assert [raised.created for raised in twice] == [False, True, True]
    assert (BusinessEvent.objects.count(), Message.objects.count()) == (3, 3)


def test_a_key_of_another_event_is_refused() -> None:
    key = uuid4()
    events.raise_one(_repaid(make_client(), key=key))
    with pytest.raises(Malformed) as refused:
        events.raise_one(_repaid(make_client(), key=key))
    assert (refused.value.field, refused.value.fault) == ("eventKey", Fault.KEY_OF_ANOTHER_EVENT)
    with pytest.raises(Malformed):
        events.raise_many([_repaid(make_client(), key=key_two) for key_two in [uuid4()] * 2])
    assert BusinessEvent.objects.count() == 1


def test_an_unknown_event_is_refused_and_nothing_is_stored() -> None:
    with pytest.raises(Malformed) as refused:
        events.raise_many([_repaid(None), Happening("LOAN_PARTY")])
    assert (refused.value.field, refused.value.fault, refused.value.facts) == (
        "event",
        Fault.NO_SUCH_EVENT,
        {"name": "LOAN_PARTY"},
    )
    assert BusinessEvent.objects.count() == 0


@pytest.mark.parametrize("number", [1, 3, 8])
def test_the_number_of_queries_does_not_grow_with_the_events(
    number: int, django_assert_num_queries: Any
) -> None:
    officer = make_user(email="ada@example.org")
    make_template(in_use=True)
    make_template(SMS, recipient="CREDIT_OFFICER", in_use=True)
    made = [make_client(credit_officer=officer) for _ in range(number)]
    events.raise_many([_repaid(make_client())])
    people = list(Client.objects.filter(pk__in=[each.pk for each in made]))
    with django_assert_num_queries(10 if connection.vendor == "sqlite" else 11):
        events.raise_many([_repaid(each) for each in people])


@pytest.mark.django_db(transaction=True)
def test_an_event_told_fifty_times_at_once_fires_once() -> None:
    # On SQLite the ten wait for one another, on PostgreSQL at the unique key.
    make_template()
    ana, key = make_client(), uuid4()

    def tell(_: int) -> tuple[bool, list[UUID]]:
        try:
            raised = events.raise_one(_repaid(ana, key=key))
            return raised.created, raised.messages
        finally:
            connections.close_all()

    with ThreadPoolExecutor(10) as pool:
        told = list(pool.map(tell, range(50)))
    message = Message.objects.get()
    assert sorted(created for created, _ in told) == [False] * 49 + [True]
    assert {tuple(keys) for _, keys in told} == {(message.key,)}
    assert BusinessEvent.objects.count() == 1
