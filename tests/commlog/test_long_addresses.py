"""Every address that a page gives out can be read back, however long the names and the filters in it are."""

import html
from typing import Any

import pytest
from django.test import Client

from commlog.recipients import KINDS
from notifications.states import MessageState
from tests.factories import admin, make_client, make_group, make_message, make_user, officer

pytestmark = pytest.mark.django_db
LOG = "/communications/"
WIDE = "𠮷野家株" * 38  # 152 characters of four bytes


@pytest.fixture
def pages(client: Client) -> Client:
    client.force_login(officer())
    return client


@pytest.mark.parametrize(("sort", "field"), [("recipient", "recipient_name"), ("sender", "sender"), ("template", "template_name")])
@pytest.mark.parametrize("text", ["株式会社" * 49, WIDE + "😀" * 40])
def test_the_pages_of_long_names_add_up(pages: Client, sort: str, field: str, text: str) -> None:
    rows = [make_message(MessageState.SENT, **{field: f"{text}{number:03}"}).pk for number in range(30)]
    first = pages.get(LOG, {"sort": sort, "per_page": "25"}).context["log"]
    second = pages.get(LOG + html.unescape(first.next_url)).context["log"]
    assert [row.message.pk for page in (first, second) for row in page.rows] == rows
    assert second.notices == []
    back = pages.get(LOG + html.unescape(second.previous_url)).context["log"]
    assert [row.message.pk for row in back.rows] == rows[:25]


def test_a_message_of_a_long_name_has_its_neighbours(pages: Client) -> None:
    before, here, behind = (make_message(MessageState.SENT, recipient_name=f"{WIDE * 2}{number}") for number in range(3))
    beside = pages.get(f"{LOG}{here.key.hex}/", {"from": f"{LOG}?sort=recipient"}).context["beside"]
    assert before.key.hex in beside.previous_url
    assert behind.key.hex in beside.next_url


@pytest.mark.parametrize("sort", ["name", "-name"])
@pytest.mark.parametrize(("kind", "page"), [("client", "/clients/"), ("group", "/groups/"), ("user", "/users/")])
def test_the_lists_of_people_with_long_names_add_up(client: Client, kind: str, page: str, sort: str) -> None:
    client.force_login(admin())
    long = WIDE[:148]
    for number in range(52):
        if kind == "client":
            make_client(first_names=f"{long}{number:02}", last_name=long)
        elif kind == "group":
            make_group(name=f"{long}{number:02}")
        else:
            make_user(f"u{number:02}", first_name=long, last_name=long)
    first = client.get(page, {"sort": sort}).context["listing"]
    second = client.get(page + first.next_url).context["listing"]
    assert second.notice == ""
    assert len({row.pk for found in (first, second) for row in found.rows}) == KINDS[kind].objects.count()


def test_the_users_of_the_administration_add_up(client: Client) -> None:
    client.force_login(admin())
    for number in range(52):
        make_user(f"{WIDE[:147]}{number:03}")
    first = client.get("/administration/users/").context["listing"]
    second = client.get("/administration/users/" + first.next_url).context["listing"]
    assert second.problem == ""
    assert len(first.rows) + len(second.rows) == 53
