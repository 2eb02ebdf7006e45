"""The pages of clients, groups and users."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from commlog.models import AuditEntry, MenuItem
from notifications.models import Client as Person
from notifications.models import Group, Membership, Message
from notifications.states import MessageState
from tests.commlog.test_pages import CORPUS
from tests.factories import (
    admin,
    make_client,
    make_group,
    make_message,
    make_resend,
    make_user,
    officer,
    outsider,
    viewer,
)
from tests.forms import seen_at

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def _names(response: Any) -> list[str]:
    assert response.status_code == 200
    return [row.name for row in response.context["listing"].rows]


# --- Lists --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("path", ["/clients/", "/groups/", "/users/"])
def test_a_list_costs_the_same_for_one_row_and_for_three(
    pages: Client, path: str, rows: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(rows):
        make_group(make_client(), make_client())
        make_user()
    pages.get(path)
    # Session, user with permissions, menu item; rows; menu, banner.
    with django_assert_num_queries(6):
        pages.get(path)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("silva", ["Ana Silva"]),
        ("SILVA ana", ["Ana Silva"]),
        ("lind", ["Bo Lind"]),
        ("000777", ["Bo Lind"]),
        ("bo@exa", ["Bo Lind"]),
        ("+46 (0)70-000 00 03", ["Bo Lind"]),
        ("070 000 00 03", ["Bo Lind"]),
        ("[+46] 70\u2013000\u201100\u00a003;", ["Bo Lind"]),
        ("\u202a+46 70 000 00 03\u202c", ["Bo Lind"]),
        ("tel:+46-70-000-00-03", ["Bo Lind"]),
        ("<mailto:bo@example.org>,", ["Bo Lind"]),
        ("\u200bbo@example.org", ["Bo Lind"]),
        ("ana lind", []),
        ("", ["Ana Silva", "Bo Lind"]),
    ],
)
def test_clients_are_found_by_whatever_is_known_of_them(pages: Client, text: str, found: list[str]) -> None:
    make_client(client_id="000123")
    make_client(
        client_id="000777",
        first_names="Bo",
        last_name="Lind",
        email="bo@example.org",
        mobile_phone="+46700000003",
    )
    assert _names(pages.get("/clients/", {"q": text})) == found


def test_lists_are_sorted_by_their_heads(pages: Client) -> None:
    make_client(client_id="1", first_names="Bo", last_name="Lind")
    make_client(client_id="2", first_names="Ana", last_name="Silva")
    make_client(client_id="3", first_names="Ana", last_name="Berg")
    assert _names(pages.get("/clients/")) == ["Bo Lind", "Ana Silva", "Ana Berg"]
    assert _names(pages.get("/clients/?sort=name")) == ["Ana Berg", "Bo Lind", "Ana Silva"]
    response = pages.get("/clients/?sort=-name")
    assert _names(response) == ["Ana Silva", "Bo Lind", "Ana Berg"]
    assert 'aria-sort="descending"' in response.text
    assert _names(pages.get("/clients/?sort=nonsense")) == ["Bo Lind", "Ana Silva", "Ana Berg"]


@pytest.mark.parametrize("sort", ["", "name", "-created"])
def test_pages_lead_to_each_other(pages: Client, sort: str) -> None:
    for number in range(120):
        make_client(client_id=f"C{number:03}", last_name=f"{number % 7}")
    response = pages.get("/clients/", {"sort": sort})
    seen = [row.client_id for row in response.context["listing"].rows]
    while url := response.context["listing"].next_url:
        response = pages.get(f"/clients/{url}")
        seen += [row.client_id for row in response.context["listing"].rows]
    assert (len(seen), len(set(seen))) == (120, 120)
    back = pages.get(f"/clients/{response.context['listing'].previous_url}")
    assert [row.client_id for row in back.context["listing"].rows] == seen[50:100]
    assert "First" in response.text


@pytest.mark.parametrize("query", ["q=%00", "q=" + "x" * 10_000])
def test_a_wrong_search_lists_nobody_and_says_why(pages: Client, query: str) -> None:
    make_client()
    response = pages.get(f"/clients/?{query}")
    assert _names(response) == []
    assert "Nothing shown: the search is not valid" in response.text


@pytest.mark.parametrize(
    "query",
    ["after=%00", "after=AAAA&sort=name", "before=💶", "sort=%00", "q=%E2%80%AE💶", "foo=1&per_page=-5"],
)
def test_a_strange_address_is_no_reason_to_fail(pages: Client, query: str) -> None:
    for path in ("/clients/", "/groups/", "/users/"):
        assert pages.get(f"{path}?{query}").status_code == 200


def test_what_is_missing_is_said_in_the_list(pages: Client) -> None:
    make_client(email="", mobile_phone="")
    make_group(make_client(), make_client(), mobile_phone="")
    assert "no e-mail address" in pages.get("/clients/").text
    shown = pages.get("/groups/").text
    assert "no mobile number" in shown
    assert '2<span class="only-narrow"> members' in shown


# --- One client, group, user --------------------------------------------------------------------------------


def test_the_overview_says_who_it_is_and_what_is_missing(pages: Client) -> None:
    ana = make_client(client_id="000123", mobile_phone="")
    group = make_group(name="Market women")
    Membership.objects.create(group=group, client=ana, role="Treasurer")
    shown = pages.get(f"/clients/{ana.key.hex}/").text
    for words in (
        "Ana Silva",
        "000123",
        "ana@example.org",
        "missing: no SMS can be sent",
        "Market women",
        "Treasurer",
        ana.key.hex,
    ):
        assert words in shown
    assert f'href="/clients/{ana.key.hex}/send/email/"' in shown
    assert f'href="/clients/{ana.key.hex}/send/sms/"' not in shown
    assert "Send SMS: No mobile number is on file." in shown
    assert f'href="/clients/{ana.key.hex}/edit/"' in shown


def test_an_address_that_cannot_be_used_is_said(pages: Client) -> None:
    ana = make_client(email="ana@@example", mobile_phone="12")
    shown = pages.get(f"/clients/{ana.key.hex}/").text
    assert "The e-mail address on file is not valid" in shown
    assert "The mobile number on file is not valid" in shown
    assert "/send/" not in shown


def test_a_user_is_shown_as_a_colleague(pages: Client) -> None:
    user = make_user("bo", first_name="Bo", last_name="Lind", email="bo@example.org", is_active=False)
    shown = pages.get(f"/users/{user.key.hex}/").text
    for words in ("Bo Lind", "bo@example.org", "deactivated", "Send SMS: No mobile number is on file."):
        assert words in shown
    assert "/edit/" not in shown
    pages.force_login(admin())
    assert f'href="/administration/users/{user.key.hex}/edit/"' in pages.get(f"/users/{user.key.hex}/").text


@pytest.mark.parametrize("rows", [1, 3])
def test_a_group_costs_the_same_for_one_member_and_for_three(
    pages: Client, rows: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    group = make_group(*(make_client() for _ in range(rows)))
    pages.get(f"/groups/{group.key.hex}/")
    # Session, user with permissions; group, members, number of messages; menu, banner.
    with django_assert_num_queries(11):
        pages.get(f"/groups/{group.key.hex}/")


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(("kind", "queries"), [("client", 16), ("group", 16), ("user", 15)])
def test_a_tab_costs_the_same_for_one_row_and_for_three(
    pages: Client, kind: str, queries: int, rows: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    whom = {"client": make_client, "group": make_group, "user": make_user}[kind]()
    for _ in range(rows):
        make_resend(make_message(MessageState.FAILED, **{kind: whom}), MessageState.SENT)
        make_message(MessageState.WAITING, **{kind: whom})
    path = f"/{kind}s/{whom.key.hex}/communications/"
    pages.get(path)
    # Session, user with permissions; whom; columns, senders, rows (a user's: two for the ids besides,
    # none of what is pinned), chains, newest, views; number of messages; menu, banner.
    with django_assert_num_queries(queries):
        pages.get(path)


def test_a_tab_holds_the_messages_of_its_recipient_and_no_other(pages: Client) -> None:
    ana, bo, group, user = make_client(), make_client(), make_group(), make_user()
    to_ana, to_bo = make_message(client=ana), make_message(client=bo)
    to_group, to_user = make_message(group=group), make_message(user=user)
    by_user, both = (
        make_message(sender_user=user, sender="x"),
        make_message(user=user, sender_user=user, sender="x"),
    )
    make_message()

    def listed(path: str) -> set[Message]:
        response = pages.get(path)
        assert response.status_code == 200
        return {row.message for row in response.context["log"].rows}

    assert listed(f"/clients/{ana.key.hex}/communications/") == {to_ana}
    assert listed(f"/clients/{bo.key.hex}/communications/") == {to_bo}
    assert listed(f"/groups/{group.key.hex}/communications/") == {to_group}
    assert listed(f"/users/{user.key.hex}/communications/") == {to_user, by_user, both}
    assert listed(f"/users/{user.key.hex}/communications/?type=SMS") == set()


def test_a_users_tab_is_paged_and_sorted_like_any_log(pages: Client) -> None:
    user = make_user()
    made = [
        make_message(
            MessageState.SENT,
            created_at=NOW - timedelta(minutes=number),
            **({"user": user} if number % 3 else {"sender_user": user}),
        )
        for number in range(60)
    ]
    make_message(created_at=NOW)
    path = f"/users/{user.key.hex}/communications/"
    response = pages.get(path, {"per_page": "25"})
    seen = [row.message for row in response.context["log"].rows]
    while url := response.context["log"].next_url:
        response = pages.get(f"{path}{url}")
        seen += [row.message for row in response.context["log"].rows]
    assert seen == made
    back = pages.get(f"{path}{response.context['log'].previous_url}")
    assert [row.message for row in back.context["log"].rows] == made[25:50]


def test_a_tab_is_a_log_with_all_its_tools(pages: Client) -> None:
    ana = make_client()
    failed = make_message(MessageState.FAILED, client=ana)
    path = f"/clients/{ana.key.hex}/communications/"
    shown = pages.get(f"{path}?state=FAILED").text
    assert f'action="/communications/{failed.key.hex}/resend/"' in shown
    assert f'name="next" value="{path}?state=FAILED"' in shown
    part = pages.get(f"{path}?state=SENT", headers={"HX-Request": "true"})
    assert "<html" not in part.text
    assert f'data-address="{path}?state=SENT"' in part.text
    assert "Nothing shown" in pages.get(f"{path}?state=NOPE").text


# --- Creating and changing ----------------------------------------------------------------------------------

GOOD = {
    "client_id": "C1",
    "first_names": "Ana",
    "last_name": "Silva",
    "email": "ana@example.org",
    "mobile_phone": "+49 (170) 1234567",
}


def test_a_client_is_created_with_a_number_in_the_one_spelling(pages: Client) -> None:
    response = pages.post("/clients/new/", GOOD)
    ana = Person.objects.get()
    assert response["Location"] == f"/clients/{ana.key.hex}/"
    assert (ana.client_id, ana.name, ana.email, ana.mobile_phone) == (
        "C1",
        "Ana Silva",
        "ana@example.org",
        "+491701234567",
    )
    entry = AuditEntry.objects.get(action="CREATED")
    assert (entry.actor_name, entry.after["mobile_phone"]) == ("Ada Officer", "+491701234567")


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("client_id", "", "Enter an ID."),
        ("client_id", "TAKEN", "Another client already has this ID."),
        ("client_id", "x" * 33, "at most 32 characters"),
        ("first_names", "a\nb", "a single line"),
        ("first_names", "a\0b", "a single line"),
        ("email", "ana", "Enter a valid e-mail address"),
        ("email", "a@example.org, b@example.org", "Enter a valid e-mail address"),
        ("email", "ana\u200b@example.org", "it contains U+200B, which cannot be seen"),
        ("mobile_phone", "0170 1234567", "Enter a valid mobile number, such as +49 170 1234567"),
        ("mobile_phone", "+49 170 1234567 ext. 5", "it has an extension"),
        ("mobile_phone", "x" * 10_000, "at most 32 characters"),
    ],
)
def test_what_cannot_be_used_is_refused_at_its_field(
    pages: Client, field: str, value: str, error: str
) -> None:
    make_client(client_id="TAKEN")
    response = pages.post("/clients/new/", GOOD | {field: value})
    assert error in " ".join(response.context["form"].errors[field])
    assert f'id="id_{field}_error"' in response.text
    assert Person.objects.count() == 1


@pytest.mark.parametrize("stored", ["+46 70-000.00/03", "+46\u00a0(0)70\u2011000\u00a000\u201303"])
def test_a_number_on_file_is_found_in_whatever_spelling_it_is_stored(pages: Client, stored: str) -> None:
    make_client(first_names="Bo", last_name="Lind", mobile_phone=stored)
    make_client()
    assert _names(pages.get("/clients/", {"q": "070 – 000 00 03"})) == ["Bo Lind"]


@pytest.mark.parametrize("path", ["/clients/new/", "/groups/new/"])
def test_contact_data_is_taken_as_it_was_pasted(pages: Client, path: str) -> None:
    pasted = {
        "email": "\u200b<mailto:ana@example.org>,",
        "mobile_phone": "\u202a\u202a\u202atel:+49\u2011(0)\u00a0170\u202f123\u200945\u202f67\u202c\u202c.",
    }
    assert pages.post(path, GOOD | {"group_id": "G1", "name": "Market women"} | pasted).status_code == 302
    made = Person.objects.first() or Group.objects.get()
    assert (made.email, made.mobile_phone) == ("ana@example.org", "+491701234567")


def test_contact_data_may_be_missing(pages: Client) -> None:
    pages.post("/clients/new/", GOOD | {"email": "", "mobile_phone": "", "first_names": "أحمد \u202e🐘"})
    assert Person.objects.get().email == ""


def test_a_change_is_saved_and_the_log_keeps_what_was(pages: Client) -> None:
    ana = make_client(client_id="C1")
    message = make_message(client=ana, recipient_name="Ana Silva")
    path = f"/clients/{ana.key.hex}/edit/"
    assert 'value="ana@example.org"' in pages.get(path).text
    pages.post(path, GOOD | {"last_name": "Sousa"} | seen_at(pages, path))
    ana.refresh_from_db()
    message.refresh_from_db()
    assert (ana.name, message.recipient_name) == ("Ana Sousa", "Ana Silva")
    entry = AuditEntry.objects.get(action="CHANGED")
    assert (entry.before["last_name"], entry.after["last_name"]) == ("Silva", "Sousa")


def test_a_group_and_its_members(pages: Client) -> None:
    response = pages.post(
        "/groups/new/", {"group_id": "G1", "name": "Market women", "email": "", "mobile_phone": ""}
    )
    group = Group.objects.get()
    page = response["Location"]
    ana = make_client(client_id="C1")
    pages.post(f"{page}members/", {"client_id": "C1", "role": "Treasurer"})
    assert (group.members.get(), Membership.objects.get().role) == (ana, "Treasurer")
    assert "Treasurer" in pages.get(page).text
    for number, error in (
        ("C1", "is already a member"),
        ("C2", "No client has this ID."),
        ("", "Enter the client’s ID."),
    ):
        assert error in pages.post(f"{page}members/", {"client_id": number}).text
    for _ in range(2):  # a double click
        assert pages.post(f"{page}members/{ana.key.hex}/remove/").status_code == 302
    assert group.members.count() == 0
    assert AuditEntry.objects.filter(action="CHANGED").count() == 2
    pages.post(f"{page}edit/", {"group_id": "G1", "name": "Market men"} | seen_at(pages, f"{page}edit/"))
    group.refresh_from_db()
    assert group.name == "Market men"


def test_reading_changes_nothing(pages: Client) -> None:
    ana, group = make_client(), make_group()
    for path in (
        f"/groups/{group.key.hex}/members/",
        f"/groups/{group.key.hex}/members/{ana.key.hex}/remove/",
    ):
        assert pages.get(path).status_code == 405
    assert pages.post("/clients/").status_code == 405


@pytest.mark.parametrize("evil", CORPUS)
def test_hostile_names_are_text_everywhere(client: Client, evil: str) -> None:
    client.force_login(officer(first_name=evil[:150]))
    ana = make_client(
        first_names=evil, last_name=evil, client_id=evil[:32], email=evil, mobile_phone=evil[:32]
    )
    group = make_group(name=evil, email=evil)
    Membership.objects.create(group=group, client=ana, role=evil[:64])
    user = make_user(first_name=evil[:150], email="bo@example.org", mobile_phone=evil[:32])
    failed = make_message(
        MessageState.FAILED, client=ana, user=user, subject=evil, content=evil, destination=evil, html=evil
    )
    pages = [f"/clients/{ana.key.hex}/", f"/groups/{group.key.hex}/", f"/users/{user.key.hex}/"]
    pages += [f"{page}{tab}" for page in pages for tab in ("communications/", "send/email/", "send/sms/")]
    pages += [
        f"/clients/{ana.key.hex}/edit/",
        f"/groups/{group.key.hex}/edit/",
        f"/communications/{failed.key.hex}/send-anew/",
    ]
    for path in ("/clients/", "/groups/", "/users/", f"/clients/?q={quote(evil)}", *pages):
        response = client.get(path)
        shown = response.text
        assert response.status_code == 200
        assert not [
            tag for tag in re.findall(r"<[a-zA-Z][^>]*>", shown) if re.search(r"\son\w+=", tag.split('"')[0])
        ], path
        assert not re.search(
            r"<script>|<img|<svg onload|14{%|<style|(href|src|action)=.javascript:", shown
        ), path
        assert "script-src 'self'" in response["Content-Security-Policy"]
        assert "no-store" in response["Cache-Control"]


# --- Permissions --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("person", "read", "write"),
    [(outsider, 403, 403), (viewer, 200, 403), (officer, 200, 200), (admin, 200, 200)],
)
def test_each_role_at_each_address(client: Client, person: Any, read: int, write: int) -> None:
    ana, group, user = make_client(), make_group(), make_user()
    client.force_login(person())
    for path in ("/clients/", "/groups/", "/users/"):
        assert client.get(path).status_code == read
    for page in (f"/clients/{ana.key.hex}/", f"/groups/{group.key.hex}/", f"/users/{user.key.hex}/"):
        assert client.get(page).status_code == read
        assert client.get(f"{page}communications/").status_code == read
    for path in (
        "/clients/new/",
        "/groups/new/",
        f"/clients/{ana.key.hex}/edit/",
        f"/groups/{group.key.hex}/edit/",
    ):
        assert client.get(path).status_code == write
    added = client.post(f"/groups/{group.key.hex}/members/", {"client_id": ana.client_id})
    assert added.status_code == (302 if write == 200 else 403)


def test_a_viewer_is_offered_nothing_that_is_refused(client: Client) -> None:
    ana, group = make_client(), make_group(make_client())
    for person, offered in ((officer(), True), (viewer(), False)):
        client.force_login(person)
        shown = "".join(
            client.get(path).text
            for path in ("/clients/", f"/clients/{ana.key.hex}/", f"/groups/{group.key.hex}/")
        )
        for words in ("/new/", "/edit/", "/send/", "/members/"):
            assert (words in shown) is offered


def test_the_tab_takes_the_right_to_read_messages_and_no_menu_item(client: Client) -> None:
    ana = make_client()
    person = viewer()
    client.force_login(person)
    MenuItem.objects.update(active=False)
    assert client.get("/clients/").status_code == 403
    assert client.get(f"/clients/{ana.key.hex}/communications/").status_code == 200
    someone = make_user()
    someone.user_permissions.add(Permission.objects.get(codename="view_client_details"))
    client.force_login(someone)
    page = client.get(f"/clients/{ana.key.hex}/")
    assert page.status_code == 200
    assert "communications/" not in page.text
    assert client.get(f"/clients/{ana.key.hex}/communications/").status_code == 403


def test_an_unknown_key_leads_nowhere(pages: Client) -> None:
    for path in ("clients", "groups", "users"):
        for page in ("", "communications/", "send/email/"):
            assert pages.get(f"/{path}/{'0' * 32}/{page}").status_code == 404
