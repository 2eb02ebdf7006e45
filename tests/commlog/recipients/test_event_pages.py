"""Looking up why nothing was sent, and the events that the pages of clients and groups tell."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from commlog.models import AuditEntry
from notifications import events
from notifications.events import Happening
from notifications.models import BusinessEvent, Message
from notifications.models import Client as Customer
from tests.factories import make_client, make_group, make_template, make_user
from tests.forms import seen_at

pytestmark = pytest.mark.django_db
PAGE = "/communications/events/"


def _told(**fields: Any) -> BusinessEvent:
    return events.raise_one(Happening(**({"name": "LOAN_REPAYMENT"} | fields)), source="core banking").event


@pytest.mark.parametrize("rows", [1, 3])
def test_the_list_costs_the_same_for_one_row_and_for_three(
    pages: Client, rows: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(rows):
        _told(client=make_client())
    pages.get(PAGE)
    limits = 4 if connection.vendor == "postgresql" else 0  # a savepoint, and a limit around the list
    # session, user with permissions, menu item, events, menu, jobs, banner
    with django_assert_num_queries(6 + limits):
        answer = pages.get(PAGE)
    assert len(answer.context["listing"].rows) == rows


def test_events_are_found_by_whom_what_and_when(pages: Client) -> None:
    ana, bo, group = make_client(client_id="A1"), make_client(client_id="B1"), make_group(group_id="G1")
    make_template()
    told = [_told(client=ana), _told(client=bo, name="LOAN_APPROVAL"), _told(group=group)]
    for query, found in (
        ("", [2, 1, 0]),
        ("?client=A1", [0]),
        (f"?client={bo.key.hex}", [1]),
        ("?group=G1", [2]),
        ("?event=LOAN_APPROVAL", [1]),
        ("?made=none", [2, 1]),
        ("?made=some", [0]),
        ("?since=2000-01-01&until=2000-01-02", []),
    ):
        assert [row.pk for row in pages.get(PAGE + query).context["listing"].rows] == [
            told[number].pk for number in found
        ], query


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("?client=zz", "No client has the name or ID “zz”."),
        ("?client=" + "0" * 32, "No client has this key."),
        ("?group=a%00", "No group has this name or ID."),
        ("?event=PARTY", "Select a valid choice. PARTY is not one of the available choices."),
        ("?since=2026-11-02&until=2026-11-01", "The end date is before the start date."),
        ("?after=%00zz", "The link to this page is damaged."),
    ],
)
def test_a_wrong_condition_lists_nothing_and_says_why(pages: Client, query: str, error: str) -> None:
    _told()
    answer = pages.get(PAGE + query)
    assert (answer.status_code, answer.context["listing"].rows) == (200, [])
    assert error in answer.content.decode()


def test_the_page_of_an_event_says_why_each_template_stayed_silent(pages: Client) -> None:
    asked = [{"field": "AMOUNT", "operator": "MORE_THAN", "values": ["100"]}]
    (
        make_template(name="Paid"),
        make_template(name="Paid much", conditions=asked),
        make_template(name="News", subscription="OPT_IN"),
    )
    told = _told(client=make_client(first_names="<Ana>"), data={"AMOUNT": "12.50"})
    page = pages.get(f"{PAGE}{told.key.hex}/").content.decode()
    assert f'href="/communications/{Message.objects.get().key.hex}/"' in page
    assert "Amount is more than 100 (actual: “12.50”)" in page
    assert "&lt;Ana&gt; Silva: the template is sent to subscribers only" in page
    assert (
        f'<a href="{PAGE}{told.key.hex}/">LOAN_REPAYMENT</a>'
        in pages.get(f"/communications/{Message.objects.get().key.hex}/").content.decode()
    )


def test_the_page_of_an_event_without_templates_says_so(pages: Client) -> None:
    assert b"No template uses this event" in pages.get(f"{PAGE}{_told().key.hex}/").content


def test_making_a_client_tells_of_it_and_approval_too(pages: Client) -> None:
    make_template(event="CLIENT_CREATED", text="Welcome {CLIENT_NAME}", subject="Hello")
    make_template(event="CLIENT_APPROVED", text="Approved by {USER_NAME}", subject="Hello")
    form = {
        "client_id": "C9",
        "first_names": "Bo",
        "last_name": "Lind",
        "email": "bo@example.org",
        "own_fields": "LOYALTY = gold",
    }
    pages.post("/clients/new/", form)
    bo = Customer.objects.get()
    assert (bo.state, bo.custom_fields) == ("PENDING_APPROVAL", {"LOYALTY": "gold"})
    address = f"/clients/{bo.key.hex}/"
    assert "Approve</button>" in pages.get(address).content.decode()
    for _ in range(2):
        pages.post(address + "decision/", {"decision": "approve"})
    assert list(Message.objects.order_by("pk").values_list("content", flat=True)) == [
        "Welcome Bo Lind",
        "Approved by Ada Officer",
    ]
    assert list(BusinessEvent.objects.order_by("pk").values_list("name", "source")) == [
        ("CLIENT_CREATED", "Ada Officer"),
        ("CLIENT_APPROVED", "Ada Officer"),
    ]
    assert "Approve</button>" not in pages.get(address).content.decode()


def test_rejecting_and_changing_a_client_tell_of_it(pages: Client) -> None:
    bo = make_client(state="PENDING_APPROVAL")
    pages.post(f"/clients/{bo.key.hex}/decision/", {"decision": "reject"})
    form = {
        "client_id": bo.client_id,
        "first_names": "Bob",
        "last_name": "Lind",
        "credit_officer": make_user(first_name="Ada").pk,
    }
    for _ in range(2):  # the second one changes nothing, so nothing happens
        pages.post(f"/clients/{bo.key.hex}/edit/", form | seen_at(pages, f"/clients/{bo.key.hex}/edit/"))
    assert list(BusinessEvent.objects.order_by("pk").values_list("name", "data")) == [
        ("CLIENT_REJECTED", {}),
        ("CLIENT_ACTIVITY", {"ACTIVITY": "Contact data changed"}),
    ]
    assert AuditEntry.objects.filter(target_kind="client").last().after["credit_officer"] == "Ada"  # type: ignore[union-attr,index]


def test_groups_tell_of_themselves_and_of_their_members(pages: Client) -> None:
    ana = make_client()
    pages.post("/groups/new/", {"group_id": "G9", "name": "Weavers"})
    group = BusinessEvent.objects.get().group
    assert group is not None
    pages.post(f"/groups/{group.key.hex}/members/", {"client_id": ana.client_id, "role": "Leader"})
    pages.post(f"/groups/{group.key.hex}/members/{ana.key.hex}/remove/")
    assert list(BusinessEvent.objects.order_by("pk").values_list("name", "data")) == [
        ("GROUP_CREATED", {}),
        ("GROUP_ACTIVITY", {"ACTIVITY": "Ana Silva joined"}),
        ("GROUP_ACTIVITY", {"ACTIVITY": "Ana Silva left"}),
    ]


@pytest.mark.parametrize(
    "inside", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e"], ids=ascii
)
@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"], ids=ascii)
def test_own_fields_are_lines_by_cr_and_lf_alone(pages: Client, inside: str, end: str) -> None:
    lines = f"ADDRESS = 1 High Street{inside}CITY = Harbourlight{end}LOYALTY = gold"
    pages.post("/clients/new/", {"client_id": "C9", "first_names": "Bo", "own_fields": lines})
    bo = Customer.objects.get()
    assert bo.custom_fields == {"ADDRESS": f"1 High Street{inside}CITY = Harbourlight", "LOYALTY": "gold"}
    shown = pages.get(f"/clients/{bo.key.hex}/edit/").context["form"].initial["own_fields"]
    assert shown == lines.replace(end, "\n")


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        ("LOYALTY", "“LOYALTY” is not a field. Write ID = value, each ID once."),
        ("A = 1\nA = 2", "“A = 2” is not a field. Write ID = value, each ID once."),
        ("A = \0", "A contains a NUL character, which cannot be stored."),
    ],
)
def test_own_fields_that_are_wrong_are_said(pages: Client, lines: str, error: str) -> None:
    answer = pages.post("/clients/new/", {"client_id": "C9", "first_names": "Bo", "own_fields": lines})
    assert answer.context["form"].errors["own_fields"] == [error]
