"""Who has read what messages say: each way to see a text leaves one record."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from commlog.access import recording
from commlog.api import audit
from commlog.models import AccessRecord, RetentionPeriod
from commlog.models.access_record import Access
from notifications.models import Message
from notifications.states import MessageState
from tests.commlog.api.conftest import Program
from tests.factories import admin, make_client, make_key, make_message, viewer

pytestmark = pytest.mark.django_db
Looks = Callable[[], list[tuple[str, list[int], int]]]
BASE = "/api/communications/messages"


@pytest.fixture
def pages(client: Client) -> Client:
    client.force_login(admin())
    return client


@pytest.fixture
def looks() -> Looks:
    """What was written down since the last question."""
    asked = [0]

    def since() -> list[tuple[str, list[int], int]]:
        found = list(AccessRecord.objects.filter(pk__gt=asked[0]).order_by("pk"))
        asked[0] = found[-1].pk if found else asked[0]
        return [(each.how, each.messages, each.number) for each in found]

    return since


def test_each_way_to_see_a_text_leaves_one_record(pages: Client, looks: Looks) -> None:
    person = make_client()
    row = make_message(MessageState.FAILED, client=person, html="<p>Hi</p>", recipient_name=person.name)
    path = f"/communications/{row.key.hex}/"
    dialog = {"HX-Request": "true"}
    program = Program(make_key())
    ways: list[tuple[str, Any]] = [
        (Access.OPENED, lambda: pages.get(path)),
        (Access.OPENED, lambda: pages.get(path, headers=dialog)),
        (Access.PREVIEWED, lambda: pages.get(f"{path}preview/")),
        (Access.DOWNLOADED, lambda: pages.get(f"{path}download/text/")),
        (Access.DOWNLOADED, lambda: pages.get(f"{path}download/html/")),
        (Access.EDITED, lambda: pages.get(f"{path}send-anew/")),
        (Access.REVEALED, lambda: pages.post(f"{path}reveal/", {"reason": "Complaint 4711"})),
        (Access.LISTED, lambda: pages.get("/communications/")),
        (Access.LISTED, lambda: pages.get("/communications/", headers=dialog)),
        (Access.LISTED, lambda: pages.get(f"/clients/{person.key.hex}/")),
        (Access.LISTED, lambda: pages.get(f"/clients/{person.key.hex}/communications/")),
        (Access.FOUND, lambda: pages.get("/find/?q=Payment", headers=dialog)),
        (Access.EXPORTED, lambda: pages.post("/communications/export/", {"format": "csv"})),
        (Access.API, lambda: program.get(f"{BASE}/{row.key.hex}")),
        (Access.API_PAGE, lambda: program.post(f"{BASE}:search", [])),
    ]
    for how, look in ways:
        answer = look()
        assert answer.status_code == 200, how
        assert (how, looks()) == (how, [(how, [row.pk], 1)])
    for nothing in ("/", "/jobs/", f"{path}readers/", f"/communications/?newest={row.pk}&live={row.pk}"):
        pages.get(nothing)
        assert (nothing, looks()) == (nothing, [])


def test_who_and_from_where_and_what_was_searched_for(pages: Client) -> None:
    make_message(content="zebra")
    pages.get("/communications/?c=text.contains.zebra", REMOTE_ADDR="192.0.2.7")
    pages.get("/communications/?c=text.contains.horse")
    pages.get("/communications/?c=text.contains.zebra")
    first, other, again = AccessRecord.objects.order_by("pk")
    assert (first.actor_name, first.address, first.number, other.number) == (
        "Adam Administrator",
        "192.0.2.7",
        1,
        0,
    )
    assert first.search == again.search != other.search
    assert "zebra" not in f"{first.search}{first.about}"


def test_an_open_page_adds_what_it_has_not_named(pages: Client, looks: Looks) -> None:
    first, second = make_message(MessageState.WAITING), make_message(MessageState.WAITING)
    pages.get("/communications/")
    assert [numbers for _, numbers, _ in looks()] == [[second.pk, first.pk]]
    later = make_message(MessageState.WAITING)
    polled = f"/communications/?newest={second.pk}&live={first.pk},{later.pk}"
    pages.get(polled)
    pages.get(polled)
    assert looks() == [(Access.LISTED, [later.pk], 1)]


def test_a_thousand_messages_over_the_api_are_named_in_few_records() -> None:
    row = make_message(MessageState.SENT)
    fields = [each.attname for each in Message._meta.concrete_fields if each.attname not in ("id", "key")]
    same = {name: getattr(row, name) for name in fields}
    Message.objects.bulk_create(Message(**same) for _ in range(999))
    program, cursor, seen = Program(make_key()), "_", 0
    while cursor:
        answer = program.post(f"{BASE}:search?limit=100&cursor={cursor}", [])
        seen, cursor = seen + len(answer.json()), answer["Items-Next-Cursor"]
    named = [pk for each in AccessRecord.objects.all() for pk in each.messages]
    assert (seen, len(set(named)), AccessRecord.objects.count()) == (1000, 1000, 10)


def test_who_may_not_read_leaves_no_record_of_reading(client: Client) -> None:
    row, person = make_message(), viewer()
    role = person.groups.get()
    role.permissions.remove(role.permissions.get(codename="read_message_content"))
    client.force_login(person)
    for path in ("/communications/", f"/communications/{row.key.hex}/", "/find/?q=Payment"):
        assert client.get(path).status_code == 200
    assert not AccessRecord.objects.exists()


def test_who_has_read_this(pages: Client) -> None:
    person = make_client()
    row, other = make_message(client=person), make_message()
    pages.get(f"/communications/{row.key.hex}/")
    assert "Who has read this" in pages.get(f"/communications/{row.key.hex}/").text
    assert pages.get(f"/communications/{row.key.hex}/readers/").text.count("Opened the message") == 2
    assert pages.get(f"/clients/{person.key.hex}/readers/").text.count("Opened the message") == 2
    assert "Nobody yet" in pages.get(f"/communications/{other.key.hex}/readers/").text


def test_who_has_read_costs_the_same_for_one_look_and_for_three(
    pages: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    row = make_message(client=make_client())
    for looks in (1, 2):
        for _ in range(looks):
            pages.get(f"/communications/{row.key.hex}/")
        # Session, user with permissions; message, looks; menu, jobs, banner.
        with django_assert_num_queries(7):
            pages.get(f"/communications/{row.key.hex}/readers/")
        with django_assert_num_queries(8):  # the client, and which are its messages
            pages.get(f"/clients/{row.client.key.hex}/readers/")


def test_auditors_walk_through_all_of_it(pages: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    row = make_message()
    for _ in range(3):
        pages.get(f"/communications/{row.key.hex}/")
    program = Program(make_key())
    assert program.get("/api/audit").json() == []  # too young
    monkeypatch.setattr(audit, "_SETTLED", timedelta())
    found, cursor = [], "_"
    while page := (answer := program.get(f"/api/audit?limit=2&cursor={cursor}")).json():
        found, cursor = [*found, *page], answer["Items-Next-Cursor"]
    assert [each["access"] for each in found] == ["OPENED"] * 3
    assert (found[0]["messages"], found[0]["actor"]) == ([row.key.hex], "Adam Administrator")
    assert program.get("/api/audit?cursor=x").status_code == 404
    assert program.get("/api/audit?limit=0").status_code == 400


def test_they_have_a_period_of_their_own() -> None:
    RetentionPeriod.objects.create(what="READINGS", days=30, starts_at=timezone.now())
    recording.record(admin(), Access.OPENED, [1])
    assert AccessRecord.objects.count() == 1
