"""The templates of the administration: made, tried out, changed, switched, deleted; and what is sent stays as
it was.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from commlog.models import AuditEntry, User
from notifications import events, outbox
from notifications.events import Happening
from notifications.models import BusinessEvent, Message, NotificationTemplate
from notifications.secrets.sealed import is_sealed, open_headers, opened
from notifications.states import MessageState, MessageType
from tests.factories import admin, make_client, make_group, make_template, make_user, officer, set_up_channels
from tests.forms import seen_at

pytestmark = pytest.mark.django_db
PAGE = "/administration/templates/"
NEW = PAGE + "new/?type="


@pytest.fixture
def ada() -> User:
    return admin(username="ada", email="ada@example.org", mobile_phone="+4917012345678")


def _form(**values: Any) -> dict[str, Any]:
    form = {"name": "Payment received", "trigger": "AUTOMATIC", "event": "LOAN_REPAYMENT", "target": "CLIENT"}
    form |= {"recipient": "OWNER", "subscription": "OPT_OUT", "match_any": "all", "do": "save"}
    return form | {"subject": "Payment of {AMOUNT}", "text": "Dear {CLIENT_NAME},\r\nthank you."} | values


def _hook(**values: Any) -> dict[str, Any]:
    form = _form(
        destination="https://hooks.example.org/in",
        method="PUT",
        content_type="application/json",
        text='{"a": "{AMOUNT}"}',
    )
    return {
        name: value for name, value in form.items() if name not in ("trigger", "recipient", "subject")
    } | values


@pytest.mark.parametrize("rows", [1, 3])
def test_the_list_costs_the_same_for_one_row_and_for_three(
    pages: Client, rows: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(rows):
        make_template()
    with django_assert_num_queries(6):  # session, user with permissions, templates, menu, jobs, banner
        answer = pages.get(PAGE)
    assert len(answer.context["listing"].rows) == rows


def test_the_list_is_filtered(pages: Client) -> None:
    (
        make_template(name="Paid"),
        make_template(MessageType.SMS, name="Paid (SMS)", active=False),
        make_template(name="Gone", deleted_at=timezone.now()),
    )
    for query, names in (
        ("", ["Paid", "Paid (SMS)"]),
        ("?q=paid&type=SMS", ["Paid (SMS)"]),
        ("?status=active", ["Paid"]),
        ("?trigger=MANUAL", []),
    ):
        assert [each.name for each in pages.get(PAGE + query).context["listing"].rows] == names
    assert b"Nothing shown" in pages.get(PAGE + "?type=FAX").content


@pytest.mark.parametrize(
    ("made", "field", "said"),
    [
        (
            lambda: ("SMS", _form(subject="", recipient_role="Treasurer")),
            "recipient_role",
            "Choose “Members of the group” above",
        ),
        (
            lambda: ("WEB_HOOK", _hook(auth_username="a:b", password="x")),
            "auth_username",
            "Username contains a colon, which ends a username",
        ),
        (
            lambda: ("WEB_HOOK", _hook(auth_username="a", password="x\x07")),
            "password",
            "Password contains a control character.",
        ),
        (
            lambda: ("WEB_HOOK", _hook(password="hunter2")),
            "auth_username",
            "Enter the username for this password, or clear the password.",
        ),
    ],
)
def test_what_would_not_count_is_refused_not_dropped(pages: Client, made: Any, field: str, said: str) -> None:
    channel, form = made()
    answer = pages.post(NEW + channel, form)
    assert said in answer.context["form"].errors[field][0]
    assert not NotificationTemplate.objects.exists()


def test_headers_are_lines_by_cr_and_lf_alone(pages: Client) -> None:
    pages.post(NEW + "WEB_HOOK", _hook(header_lines="X-A: 1\r\nX-B: 2\rX-C: 3\nX-D: 4"))
    assert NotificationTemplate.objects.get().headers == {"X-A": "1", "X-B": "2", "X-C": "3", "X-D": "4"}
    answer = pages.post(NEW + "WEB_HOOK", _hook(name="Another", header_lines="X-A: 1\u2028X-B: 2"))
    # One header, and one that cannot be sent.
    assert "contains a line break" in answer.context["form"].errors["header_lines"][0]


def test_a_template_is_made_and_recorded(pages: Client, ada: User) -> None:
    answer = pages.post(
        NEW + "EMAIL",
        _form(
            f1="AMOUNT", o1="MORE_THAN", v1="100", f2="{CF:LOYALTY}", o2="EQUALS", v2="gold", match_any="any"
        ),
    )
    made = NotificationTemplate.objects.get()
    assert answer["Location"] == f"{PAGE}{made.key.hex}/"
    assert (made.name, made.type, made.active, made.text) == (
        "Payment received",
        "EMAIL",
        False,
        "Dear {CLIENT_NAME},\nthank you.",
    )
    assert (made.match_any, [one["field"] for one in made.conditions]) == (True, ["AMOUNT", "CF:LOYALTY"])
    entry = AuditEntry.objects.get(target_kind="template")
    assert (entry.action, entry.actor, entry.target_label) == ("CREATED", ada, "Payment received")
    assert (
        "any of Amount is more than 100; Custom field LOYALTY is gold"
        in pages.get(answer["Location"]).content.decode()
    )


WRONG: tuple[tuple[dict[str, Any], str, str], ...] = (
    ({"name": ""}, "name", "Name is missing."),
    ({"text": "Dear {CLIENT_NAM}, {foo}"}, "text", "Text contains placeholders that cannot be filled in: "
                                                   "{CLIENT_NAM}, {foo}."),
    ({"subject": ""}, "subject", "Subject is missing."),
    ({"event": ""}, "event", "Event is missing: choose the event that triggers it."),
    ({"text": "a\0"}, "text", "Text contains a NUL character, which cannot be stored."),
    ({"event": "GROUP_CREATED"}, "target", "With this event and channel, it can apply to Groups."),
    ({"trigger": "MANUAL"}, "event", "A template for manual messages has none."),
    ({"f1": "NOBODY", "o1": "EQUALS", "v1": "1"}, "match_any", "A condition is not valid."),
    ({"f1": "AMOUNT", "o1": "BETWEEN", "v1": "9, 1"}, "match_any", "A condition is not valid."),
    ({"v1": "1"}, "match_any", "A condition is not valid."),
)  # fmt: skip


@pytest.mark.parametrize(("values", "field", "error"), WRONG)
def test_a_wrong_template_is_not_saved_and_says_what_is_wrong(
    pages: Client, values: dict[str, Any], field: str, error: str
) -> None:
    answer = pages.post(NEW + "EMAIL", _form(**values))
    assert (answer.status_code, answer.context["form"].errors[field]) == (200, [error])
    assert NotificationTemplate.objects.count() == 0


def test_what_is_wrong_with_a_condition_is_said_in_its_row(pages: Client) -> None:
    answer = pages.post(
        NEW + "EMAIL",
        _form(f1="AMOUNT", o1="MORE_THAN", v1="1,000", f2="AMOUNT", o2="EMPTY", v2="is ignored"),
    )
    rows = answer.context["form"].rows
    assert [row.wrong for row in rows] == [
        "Must be an amount such as 1250.50, without separators.",
        "",
    ]
    assert rows[0].value == "1,000"


def test_a_span_has_two_inputs_and_rows_come_and_go_by_buttons(pages: Client) -> None:
    rows = {
        "f1": "AMOUNT",
        "o1": "BETWEEN",
        "v1": "1",
        "w1": "9",
        "f2": "AMOUNT",
        "o2": "LESS_THAN",
        "v2": "x",
    }
    rows |= {"w2": "hidden, and left out"}
    unfinished = _form(**rows, name="", do="add")
    editor = pages.post(NEW + "EMAIL", unfinished).context["form"]
    assert [(row.value, row.upto, row.fresh) for row in editor.rows] == [
        ("1", "9", False),
        ("x", "", False),
        ("", "", True),
    ]
    assert (editor.errors, NotificationTemplate.objects.exists()) == ({}, False)
    part = pages.post(NEW + "EMAIL", unfinished | {"do": "remove-2"}, headers={"HX-Request": "true"})
    assert [row.value for row in part.context["form"].rows] == ["1"]
    assert part.text.lstrip().startswith("<fieldset")
    pages.post(NEW + "EMAIL", _form(**rows | {"f2": "", "v2": ""}))
    made = NotificationTemplate.objects.get()
    assert made.conditions == [{"field": "AMOUNT", "operator": "BETWEEN", "values": ["1", "9"]}]
    (stored,) = pages.get(f"{PAGE}{made.key.hex}/edit/").context["form"].rows
    assert (stored.value, stored.upto) == ("1", "9")


def test_a_webhook_keeps_its_secrets_and_shows_its_signing_secret_once(pages: Client) -> None:
    pages.post(
        NEW + "WEB_HOOK",
        _hook(header_lines="X-Token: s3cret\nX-Source: core", auth_username="bank", password="hunter2"),
    )
    made = NotificationTemplate.objects.get()
    address = f"{PAGE}{made.key.hex}/"
    assert (opened(made.auth_password), open_headers(made.headers)) == (
        "hunter2",
        {"X-Token": "s3cret", "X-Source": "core"},
    )
    assert is_sealed(made.signing_secret)
    assert opened(made.signing_secret).encode() in pages.get(address).content
    assert b"whsec_" not in pages.get(address).content
    assert b"hunter2" not in pages.get(address + "edit/").content
    seen = seen_at(pages, address + "edit/")
    pages.post(
        address + "edit/", _hook(header_lines="X-Source: core", auth_username="bank", password="") | seen
    )
    made.refresh_from_db()
    assert (opened(made.auth_password), made.headers) == ("hunter2", {"X-Source": "core"})
    assert "hunter2" not in str([entry.said for entry in AuditEntry.objects.all()])


def _stored_hook(pages: Client) -> NotificationTemplate:
    pages.post(
        NEW + "WEB_HOOK",
        _hook(header_lines="X-Token: s3cret\nX-Source: core", auth_username="bank", password="hunter2"),
    )
    return NotificationTemplate.objects.get()


_AWAY = {
    "destination": "https://evil.example/in",
    "header_lines": "X-Token: hidden\nX-Source: core",
    "auth_username": "bank",
}


def test_a_url_of_another_server_asks_for_the_secrets_again(pages: Client) -> None:
    made = _stored_hook(pages)
    answer = pages.post(
        f"{PAGE}{made.key.hex}/edit/", _hook(**_AWAY) | seen_at(pages, f"{PAGE}{made.key.hex}/edit/")
    )
    assert answer.context["form"].errors == {
        "password": ["The URL points to another server. Enter the password again, or remove the username."],
        "header_lines": [
            "The URL points to another server. Enter the value of X-Token again, or remove the line."
        ],
    }
    kept = NotificationTemplate.objects.get()
    assert (kept.destination, kept.auth_password, kept.headers) == (
        made.destination,
        made.auth_password,
        made.headers,
    )
    given = _AWAY | {"password": "anew", "header_lines": "X-Token: new"}
    assert (
        pages.post(
            f"{PAGE}{made.key.hex}/edit/", _hook(**given) | seen_at(pages, f"{PAGE}{made.key.hex}/edit/")
        ).status_code
        == 302
    )
    moved = NotificationTemplate.objects.get()
    assert (opened(moved.auth_password), open_headers(moved.headers)) == ("anew", {"X-Token": "new"})


def test_a_test_to_another_server_goes_without_the_stored_secrets(pages: Client) -> None:
    made = _stored_hook(pages)
    page = pages.post(f"{PAGE}{made.key.hex}/edit/", _hook(**_AWAY, do="test")).text
    message = Message.objects.get()
    assert (message.destination, message.headers) == ("https://evil.example/in", {"X-Source": "core"})
    assert (message.auth_username, message.auth_password) == ("", "")
    assert "is on its way, without the password and X-Token: stored for another server." in page
    kept = NotificationTemplate.objects.get()
    assert (kept.auth_password, kept.headers) == (made.auth_password, made.headers)


def test_a_test_to_the_same_server_goes_with_the_stored_secrets(pages: Client) -> None:
    made = _stored_hook(pages)
    pages.post(
        f"{PAGE}{made.key.hex}/edit/",
        _hook(**_AWAY | {"destination": "https://HOOKS.example.org:443/other"}, do="test"),
    )
    message = Message.objects.get()
    assert (opened(message.auth_password), open_headers(message.headers)["X-Token"]) == ("hunter2", "s3cret")


def test_renewing_the_signing_secret_keeps_the_old_one_beside_it(pages: Client) -> None:
    pages.post(NEW + "WEB_HOOK", _hook())
    before = NotificationTemplate.objects.get()
    pages.post(f"{PAGE}{before.key.hex}/secret/")
    after = NotificationTemplate.objects.get()
    assert after.previous_signing_secret == before.signing_secret
    assert opened(after.signing_secret).encode() in pages.get(f"{PAGE}{before.key.hex}/").content
    assert pages.post(f"{PAGE}{make_template().key.hex}/secret/").status_code == 404


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        ("no colon", "“no colon” is not a header. Write Name: value, each name once."),
        ("A: 1\nA: 2", "“A: 2” is not a header. Write Name: value, each name once."),
        ("A b: 1", "A header's name has letters, digits and hyphens only, at most 64."),
    ],
)
def test_wrong_headers_are_said_at_their_field(pages: Client, lines: str, error: str) -> None:
    answer = pages.post(NEW + "WEB_HOOK", _hook(header_lines=lines))
    assert answer.context["form"].errors["header_lines"] == [error]


def test_the_preview_is_filled_in_with_a_real_client(pages: Client) -> None:
    make_client(first_names="Bo", last_name="<Lind>", client_id="000999")
    form = _form(
        do="preview",
        text="Dear {CLIENT_NAME}, {AMOUNT}{CF:LOYALTY}",
        html="<p>{CLIENT_NAME}</p>",
        with_client="000999",
    )
    page = pages.post(NEW + "EMAIL", form).content.decode()
    assert "Dear Bo &lt;Lind&gt;, [Amount]" in page
    assert "Left empty: <code>{CF:LOYALTY}</code>" in page
    assert "srcdoc=" in page
    assert "&amp;lt;Lind&amp;gt;" in page
    part = pages.post(NEW + "EMAIL", form, headers={"HX-Request": "true"}).content.decode()
    assert part.lstrip().startswith('<div id="trial"')
    assert NotificationTemplate.objects.count() == 0


def test_the_preview_uses_the_last_event_of_that_client(pages: Client) -> None:
    ana = make_client()
    events.raise_one(Happening("LOAN_REPAYMENT", client=ana, data={"AMOUNT": "12.50"}))
    trial = pages.post(NEW + "SMS", _form(do="preview", text="{AMOUNT} €", subject="")).context["trial"]
    assert (trial.content["body"], trial.length.characters, trial.length.parts) == ("12.50 €", 7, 1)


def test_the_preview_speaks_dates_as_the_message_would(pages: Client) -> None:
    ana = make_client(client_id="000999")
    told = {"PAYMENT_DUE_DATE": "2026-12-01T00:00:00Z"}
    events.raise_one(
        Happening(
            "LOAN_REPAYMENT", client=ana, data=told, occurred_at=datetime(2026, 11, 24, 9, 14, tzinfo=UTC)
        )
    )
    text = "Due {PAYMENT_DUE_DATE}, told {EVENT_DATE_TIME}"
    trial = pages.post(NEW + "SMS", _form(do="preview", text=text, subject="", with_client="000999")).context[
        "trial"
    ]
    assert trial.content["body"] == "Due 1 December 2026, told 24 November 2026 09:14"
    assert trial.empty == []


def test_what_stands_in_the_way_of_a_preview_is_said(pages: Client) -> None:
    assert (
        "Correct this first:"
        in pages.post(NEW + "EMAIL", _form(do="preview", text="{NOBODY}")).content.decode()
    )
    assert (
        "No client has the name or ID “zz”."
        in pages.post(NEW + "EMAIL", _form(do="preview", with_client="zz")).content.decode()
    )


def test_who_may_not_open_clients_previews_with_examples(client: Client) -> None:
    author = make_user()
    author.user_permissions.add(*Permission.objects.filter(codename="create_communication_templates"))
    client.force_login(author)
    make_client(first_names="Secret")
    page = client.post(NEW + "EMAIL", _form(do="preview")).content.decode()
    assert "Dear [Client’s name]" in page
    assert "Secret" not in page
    assert client.get(PAGE).status_code == 200
    assert [section.name for section in client.get(PAGE).context["frame"].sections] == ["templates"]


def test_a_test_goes_to_oneself_and_saves_nothing(pages: Client, ada: User) -> None:
    make_client()
    pages.post(NEW + "EMAIL", _form(do="test"))
    message = Message.objects.get()
    assert (message.destination, message.user, message.sender_user, message.template) == (
        "ada@example.org",
        ada,
        ada,
        None,
    )
    assert (message.subject, message.content) == ("Payment of [Amount]", "Dear Ana Silva,\nthank you.")
    assert NotificationTemplate.objects.count() == 0
    assert AuditEntry.objects.get(action="SENT").target_label == "test of Payment received"


def test_a_test_without_an_address_of_ones_own_is_refused(client: Client) -> None:
    client.force_login(admin(email=""))
    assert (
        "Your account has no e-mail address." in client.post(NEW + "EMAIL", _form(do="test")).content.decode()
    )
    assert Message.objects.count() == 0


def test_a_test_of_a_stored_template_names_it_and_changes_nothing_but_that_it_is_in_use(
    pages: Client,
) -> None:
    template = make_template()
    pages.post(f"{PAGE}{template.key.hex}/edit/", _form(do="test", text="New"))
    message = Message.objects.get()
    template.refresh_from_db()
    assert (message.template, message.content, template.in_use) == (template, "New", True)
    assert template.text == "Dear {CLIENT_NAME}, we received {AMOUNT}."


def test_editing_changes_what_comes_and_nothing_that_was_sent(
    pages: Client, ada: User, settings: Any
) -> None:
    set_up_channels(settings)
    template = make_template(name="Payment received")
    ana = make_client()
    events.raise_one(Happening("LOAN_REPAYMENT", client=ana, data={"AMOUNT": "1"}))
    first = Message.objects.get()
    template.refresh_from_db()
    pages.post(
        f"{PAGE}{template.key.hex}/edit/",
        _form(text="Hello {CLIENT_NAME}") | seen_at(pages, f"{PAGE}{template.key.hex}/edit/"),
    )
    Message.objects.filter(pk=first.pk).update(state=MessageState.FAILED, due_at=None, failure_reason="OTHER")
    again = outbox.resend(Message.objects.get(pk=first.pk), by=ada).message
    events.raise_one(Happening("LOAN_REPAYMENT", client=ana, data={"AMOUNT": "1"}))
    assert again.content == first.content == "Dear Ana Silva, we received 1."
    assert Message.objects.order_by("pk").last().content == "Hello Ana Silva"  # type: ignore[union-attr]
    assert AuditEntry.objects.get(action="CHANGED").after == {"text": "Hello {CLIENT_NAME}"}


def test_switching_and_deleting(pages: Client, ada: User) -> None:
    template = make_template(name="Paid")
    address = f"{PAGE}{template.key.hex}/"
    pages.post(address + "activity/", {"active": "0"})
    pages.post(address + "activity/", {"active": "0"})
    assert [entry.action for entry in AuditEntry.objects.filter(target_kind="template")] == ["DEACTIVATED"]
    events.raise_one(Happening("LOAN_REPAYMENT", client=make_client()))
    assert Message.objects.count() == 0
    pages.post(address + "activity/", {"active": "1"})
    events.raise_one(Happening("LOAN_REPAYMENT", client=make_client()))
    assert b"This cannot be undone" in pages.get(address + "delete/").content
    assert pages.post(address + "delete/")["Location"] == PAGE
    assert pages.get(address).status_code == 404
    assert pages.get(address + "activity/").status_code == 404
    message = Message.objects.get()
    assert (message.template_name, message.template) == ("Paid", template)
    assert pages.post(NEW + "EMAIL", _form(name="Paid")).status_code == 302


@pytest.mark.parametrize(
    "posted", [{}, {"active": "on"}, {"do": "activate"}, {"do": "activate", "active": "on"}]
)
def test_a_new_template_is_a_draft_whatever_button_created_it(pages: Client, posted: dict[str, str]) -> None:
    for channel, form in (("EMAIL", _form(**posted)), ("WEB_HOOK", _hook(**posted | {"name": "Hook"}))):
        answer = pages.post(NEW + channel, form)
        made = NotificationTemplate.objects.get(type=channel)
        step = "activity/" if posted.get("do") == "activate" else ""
        assert answer["Location"] == f"{PAGE}{made.key.hex}/{step}"
    events.raise_one(Happening("LOAN_REPAYMENT", client=make_client()))
    assert Message.objects.count() == 0


def test_an_edit_neither_activates_nor_deactivates(pages: Client) -> None:
    for active in (True, False):
        template = make_template(active=active)
        address = f"{PAGE}{template.key.hex}/edit/"
        form = _form(name=template.name, text="New", active="" if active else "on")
        assert pages.post(address, form | seen_at(pages, address)).status_code == 302
        template.refresh_from_db()
        assert (template.text, template.active) == ("New", active)


def _asked(pages: Client, template: NotificationTemplate) -> str:
    answer = pages.get(f"{PAGE}{template.key.hex}/activity/")
    return " ".join(re.sub(r"<[^>]+>", "", answer.text.split("<main")[1]).split())


def test_activating_says_first_how_many_messages_a_day_that_is(pages: Client) -> None:
    template = make_template(
        active=False, conditions=[{"field": "AMOUNT", "operator": "MORE_THAN", "values": ["10"]}]
    )
    ana, mute = make_client(), make_client(email="")
    for client, amount in ((ana, "11"), (ana, "12"), (ana, "9"), (mute, "11")):
        events.raise_one(Happening("LOAN_REPAYMENT", client=client, data={"AMOUNT": amount}))
    assert (
        "The event LOAN_REPAYMENT was reported 4 times in the last 24 hours: 2 messages a day from this "
        "template." in _asked(pages, template)
    )
    assert "it sends E-mail to: the client or group. Past events send nothing." in _asked(pages, template)
    template.refresh_from_db()
    assert not template.active
    assert Message.objects.count() == 0
    pages.post(f"{PAGE}{template.key.hex}/activity/", {"active": "1"})
    asked = _asked(pages, template)
    assert "2 messages a day from this template." in asked
    assert "Events that arrive while it is inactive are not sent later." in asked


def test_more_events_than_are_tried_are_judged_by_the_latest(
    pages: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("commlog.message_templates.activation._MOST_TRIED", 2)
    template, ana = make_template(active=False), make_client()
    for client in (make_client(email=""), make_client(email=""), ana, ana, make_client(email=""), ana):
        events.raise_one(Happening("LOAN_REPAYMENT", client=client, data={"AMOUNT": "1"}))
    assert (
        "6 times in the last 24 hours. The latest 2 lead to 1 message: about 3 a day from this template."
        in _asked(pages, template)
    )
    monkeypatch.setattr("commlog.message_templates.activation._MOST_COUNTED", 5)
    asked = _asked(pages, template)
    assert (
        "too often in the last 24 hours to be counted. The latest 2 lead to 1 message from this template."
        in asked
    )


def test_an_event_that_writes_to_many_members_is_not_tried_over_and_over(
    pages: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("commlog.message_templates.activation._MOST_MADE", 3)
    group = make_group(*(make_client() for _ in range(3)))
    template = make_template(
        event="GROUP_ACTIVITY", target="GROUP", recipient="GROUP_MEMBERS", text="{GROUP_NAME}", active=False
    )
    for _ in range(25):
        events.raise_one(Happening("GROUP_ACTIVITY", group=group))
    asked = _asked(pages, template)
    assert (
        "25 times in the last 24 hours. The latest leads to 3 messages: about 75 a day from this template."
        in asked
    )


def test_a_number_that_nobody_knows_is_not_made_up(pages: Client) -> None:
    template = make_template(active=False)
    assert "is not known: the event LOAN_REPAYMENT was not reported in the last 7 days." in _asked(
        pages, template
    )
    told = events.raise_one(Happening("LOAN_REPAYMENT", client=make_client(), data={"AMOUNT": "1"})).event
    BusinessEvent.objects.filter(pk=told.pk).update(received_at=timezone.now() - timedelta(days=3))
    asked = _asked(pages, template)
    assert (
        "reported 1 time in the last 7 days, and not in the last 24 hours. That leads to 1 message from this "
        "template." in asked
    )
    by_hand = make_template(trigger="MANUAL", event="", active=False)
    assert (
        "Staff send it by hand. They can choose it when they write a message. Nothing is sent automatically."
        in _asked(pages, by_hand)
    )


def test_who_may_create_templates_alone_cannot_activate_one(client: Client) -> None:
    author = make_user()
    author.user_permissions.add(Permission.objects.get(codename="create_communication_templates"))
    client.force_login(author)
    assert "Create and activate" not in client.get(NEW + "EMAIL").text
    answer = client.post(NEW + "EMAIL", _form(do="activate"))
    made = NotificationTemplate.objects.get()
    assert (answer["Location"], made.active) == (f"{PAGE}{made.key.hex}/", False)


def test_the_message_names_its_template_and_leads_to_it(pages: Client, client: Client) -> None:
    template = make_template(name="Paid")
    events.raise_one(Happening("LOAN_REPAYMENT", client=make_client()))
    address = f"/communications/{Message.objects.get().key.hex}/"
    assert f'<a href="{PAGE}{template.key.hex}/"><bdi>Paid</bdi></a>' in pages.get(address).content.decode()
    assert (
        pages.get(f"/communications/?c=template.equals.{template.key.hex}").context["log"].rows.__len__() == 1
    )
    assert len(pages.get("/communications/?c=template_name.contains.aid").context["log"].rows) == 1
    client.force_login(officer())
    assert "<dd><bdi>Paid</bdi></dd>" in client.get(address).content.decode()


def test_a_channel_that_does_not_exist_is_not_found(pages: Client) -> None:
    assert pages.get(NEW + "FAX").status_code == 404
