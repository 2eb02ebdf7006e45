"""Readers see a webhook's URL without its secret path, on pages, in exports and over the API; who may change
the URL sees it whole.
"""

import csv
import io
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.auth.models import Group as Role
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from notifications import events
from notifications.delivery.deactivation import retire
from notifications.events import Happening
from notifications.models import Message, NotificationTemplate
from notifications.states import MessageState, MessageType
from tests.factories import (
    admin,
    make_attempt,
    make_client,
    make_key,
    make_message,
    make_resend,
    make_template,
    make_user,
    officer,
    viewer,
)

pytestmark = pytest.mark.django_db
SECRET = "T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX"
URL = f"https://hooks.slack.com/services/{SECRET}"
SHOWN = "https://hooks.slack.com/services/T…/…"


@pytest.fixture
def failed() -> Message:
    said = f"HTTP 404: Cannot POST /services/{SECRET} ({URL})"
    made = make_message(MessageState.FAILED, MessageType.WEB_HOOK, destination=URL, failure_cause=said)
    make_attempt(made, detail=said, late_outcome="REFUSED", late_detail=said, late_at=made.created_at)
    return made


def _texts(person: Any, addresses: list[str]) -> list[str]:
    browser = Client()
    browser.force_login(person)
    answers = [
        browser.get(each, headers=headers) for each in addresses for headers in ({}, {"HX-Request": "true"})
    ]
    assert {answer.status_code for answer in answers} == {200}
    return [answer.text for answer in answers]


def test_pages_show_readers_no_secret_path(failed: Message) -> None:
    make_resend(failed, MessageState.WAITING)
    addresses = [
        "/communications/?columns=state,destination,message,failure_details",
        f"/communications/{failed.key.hex}/",
        "/",
    ]
    for text in _texts(viewer(), addresses) + _texts(officer(), addresses):
        assert SHOWN in text
        assert not [part for part in SECRET.split("/") if part in text]
    for text in _texts(admin(), addresses[:2]):  # the dashboard cuts long ones
        assert URL in text
        assert SHOWN not in text


def test_the_event_of_a_webhook_shows_readers_no_secret_path() -> None:
    make_template(MessageType.WEB_HOOK, event="CLIENT_CREATED", destination=URL, text="{}")
    told = events.raise_one(Happening("CLIENT_CREATED", client=make_client()))
    Message.objects.update(recipient_name="")
    page, _ = _texts(viewer(), [f"/communications/events/{told.event.key.hex}/"])
    assert SHOWN in page
    assert SECRET not in page


def test_templates_and_the_audit_trail_show_it_to_those_who_may_edit_templates(client: Client) -> None:
    client.force_login(admin())
    form = {
        "name": "Hook",
        "event": "LOAN_REPAYMENT",
        "target": "CLIENT",
        "subscription": "OPT_OUT",
        "match_any": "all",
        "do": "save",
    }
    form |= {
        "destination": URL,
        "method": "POST",
        "content_type": "application/json",
        "text": "{}",
        "active": "on",
    }
    assert client.post("/administration/templates/new/?type=WEB_HOOK", form).status_code == 302
    made = NotificationTemplate.objects.get()
    client.post(f"/administration/templates/{made.key.hex}/edit/", form | {"do": "test"})
    addresses = [
        "/administration/audit/",
        "/administration/templates/",
        f"/administration/templates/{made.key.hex}/",
    ]
    auditor = make_user()
    auditor.user_permissions.add(*Permission.objects.filter(codename="view_administration_details"))
    assert [(SHOWN in text, SECRET in text) for text in _texts(auditor, addresses)] == [(True, False)] * 6
    whole = [text for text in _texts(admin(), addresses) if URL in text]
    assert len(whole) >= 4  # the list of templates cuts long ones


@pytest.mark.parametrize(("maker", "destination"), [(officer, SHOWN), (admin, URL)])
def test_an_export_holds_what_its_owner_may_read(
    failed: Message, client: Client, maker: Any, destination: str
) -> None:
    client.force_login(maker())
    make_message(MessageState.SENT, destination="ana@example.org", created_at=failed.created_at)
    of = quote("/communications/?columns=destination,failure_details&sort=created")
    answer = client.post(f"/communications/export/?of={of}", {"format": "csv"})
    _, first, second = csv.reader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig")))
    assert (first[0], second[0]) == (destination, "ana@example.org")
    assert (SECRET in first[1]) == (destination == URL)


@pytest.mark.parametrize(("role", "destination"), [("Viewer", SHOWN), ("Administrator", URL)])
def test_the_api_answers_what_its_caller_may_read(
    failed: Message, client: Client, role: str, destination: str
) -> None:
    headers = {"apiKey": make_key(role=role)}
    one = client.get(
        f"/api/communications/messages/{failed.key.hex}?detailsLevel=FULL", headers=headers
    ).json()
    many = [
        client.post(
            f"/api/{path}?detailsLevel=FULL", body, content_type="application/json", headers=headers
        ).json()
        for path, body in (
            ("communications/messages:search", []),
            (
                "communications/messages:searchSorted",
                {"filterCriteria": [], "sortingCriteria": {"field": "type"}},
            ),
        )
    ]
    assert many == [[one]] * 2
    assert one["destination"] == destination
    for said in (one["failureCause"], one["attempts"][0]["failureCause"]):
        assert (SECRET in said) == (destination == URL)


@pytest.mark.parametrize(
    ("permission", "url"), [("create_communication_templates", SHOWN), ("edit_communication_templates", URL)]
)
def test_a_template_over_the_api_shows_its_url_to_those_who_may_edit_it(
    client: Client, permission: str, url: str
) -> None:
    made = make_template(MessageType.WEB_HOOK, destination=URL, text="{}")
    Role.objects.create(name="Author").permissions.set(Permission.objects.filter(codename=permission))
    answer = client.get(f"/api/templates/{made.key.hex}", headers={"apiKey": make_key(role="Author")})
    assert (answer.status_code, answer.json()["url"]) == (200, url)


def test_sending_and_resending_take_the_whole_url(failed: Message, client: Client) -> None:
    client.force_login(officer())
    client.post(reverse("resend", args=[failed.key]), {"expected_last": failed.key.hex})
    assert set(Message.objects.values_list("destination", flat=True)) == {URL}


def test_the_owner_is_told_of_a_dead_address_without_its_secret(settings: Any) -> None:
    settings.ALERT_EMAIL, settings.EMAIL_HOST = "ops@example.org", "localhost"
    retire(make_template(MessageType.WEB_HOOK, destination=URL, text="{}").pk)
    told = Message.objects.get()
    assert told.content.startswith(f"{SHOWN} answered 410 Gone")


@pytest.mark.parametrize("asked", ["hooks.slack.com", "HTTPS://hooks.slack.com/services/", SHOWN, URL])
def test_a_webhook_is_found_by_what_is_shown_of_it_and_by_its_whole_url(
    failed: Message, client: Client, asked: str
) -> None:
    make_message(MessageState.FAILED, MessageType.WEB_HOOK, destination="https://hooks.example.org/in")
    client.force_login(viewer())
    for query in ({"q": asked}, {"c": f"destination.contains.{asked}"}):
        assert [row.message for row in client.get("/communications/", query).context["log"].rows] == [
            failed
        ], query


@pytest.mark.parametrize(
    "asked", ["T0", "/T00000000", f"https://hooks.slack.com/services/{SECRET[:12]}", SECRET, "XXXX", URL[:-1]]
)
def test_nobody_feels_the_way_into_a_secret_path(failed: Message, client: Client, asked: str) -> None:
    Message.objects.update(failure_cause="HTTP 404")
    client.force_login(viewer())
    queries = [
        {"q": asked},
        *(
            {"c": f"destination.{each}.{asked}"}
            for each in ("contains", "starts_with", "starts_with_case_sensitive")
        ),
    ]
    assert [client.get("/communications/", query).context["log"].rows for query in queries] == [[]] * 4
    assert (
        len(client.get("/communications/", {"c": f"destination.not_contains.{asked}"}).context["log"].rows)
        == 1
    )
    client.force_login(admin())
    assert len(client.get("/communications/", {"c": f"destination.equals.{URL}"}).context["log"].rows) == 1
