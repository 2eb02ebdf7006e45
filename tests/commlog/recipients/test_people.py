"""Who is meant by an ID, where IDs differ in capitals alone: never somebody else."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from commlog.message_templates import trial
from commlog.models import User
from commlog.recipients import people
from notifications.faults import Fault, Malformed
from notifications.models import BusinessEvent, Message
from notifications.models import Client as Person
from tests.factories import admin, make_client, make_group, make_key, make_message, make_template, make_user
from tests.forms import seen_at

pytestmark = pytest.mark.django_db
URL = "/communications/"


def _clients() -> tuple[Person, Person]:
    return make_client(client_id="Kd-7", last_name="Big"), make_client(client_id="kd-7", last_name="Small")


def _listed(pages: Client, **params: str) -> list[Message]:
    return [row.message for row in pages.get(URL, params).context["log"].rows]


@pytest.mark.parametrize(
    "text", ["kd-7", "Ana Small (kd-7)", " kd-7 ", "\u200bkd\u20117", "Ana Formerly (kd-7)"], ids=ascii
)
def test_an_id_that_is_written_exactly_is_nobody_else_s(text: str) -> None:
    _, small = _clients()
    assert people.resolve("client", text) == small.key.hex


@pytest.mark.parametrize("text", ["KD-7", "kD-7", "Ana Formerly (KD-7)"])
def test_an_id_in_other_capitals_than_both_is_refused_and_both_are_named(text: str) -> None:
    _clients()
    with pytest.raises(Malformed) as refused:
        people.resolve("client", text)
    assert (refused.value.fault, refused.value.facts["which"]) == (Fault.DIFFER_IN_CAPITALS, "Kd-7, kd-7")


@pytest.mark.parametrize("text", ["kd-7", "KD-7", "Ana Formerly (KD-7)"])
def test_an_id_in_other_capitals_is_the_only_one_s(text: str) -> None:
    only = make_client(client_id="Kd-7")
    make_client(client_id="Kd-70")
    assert people.resolve("client", text) == only.key.hex


@pytest.mark.parametrize(
    ("whom", "make"),
    [
        ("client", lambda number: make_client(client_id=number)),
        ("group", lambda number: make_group(group_id=number)),
        ("user", make_user),
    ],
)
def test_groups_and_users_are_told_apart_alike(whom: str, make: Callable[[str], Any]) -> None:
    big, small = make("Äb-1"), make("äb-1")
    assert people.resolve(whom, "Äb-1") == big.key.hex
    assert people.resolve(whom, "äb-1") == small.key.hex
    assert people.resolve(whom, people.label(small)) == small.key.hex
    with pytest.raises(Malformed) as refused:
        people.resolve(whom, "ÄB-1")
    assert (refused.value.fault, refused.value.facts["which"]) == (Fault.DIFFER_IN_CAPITALS, "Äb-1, äb-1")


def test_a_name_that_is_somebody_s_id_in_other_capitals_is_refused() -> None:
    make_client(client_id="BO")
    make_client(client_id="12", first_names="Bo", last_name="")
    with pytest.raises(Malformed) as refused:
        people.resolve("client", "bo")
    assert (refused.value.fault, refused.value.facts["which"]) == (Fault.SEVERAL_CALLED, "12, BO")


def test_brackets_of_a_name_are_no_id() -> None:
    make_client(client_id="junior")
    wanted = make_client(first_names="Ana (junior)", last_name="")
    assert people.resolve("client", "Ana (junior)") == wanted.key.hex


@pytest.mark.parametrize("number", ["A(1)", "(7)", "a) (b"])
def test_an_id_with_brackets_is_read_back_from_its_label(number: str) -> None:
    wanted = make_client(client_id=number)
    make_client(client_id="1")
    assert people.resolve("client", people.label(wanted)) == wanted.key.hex


def test_a_label_that_is_somebody_else_s_id_is_refused() -> None:
    make_client(client_id="Ana Small (kd-7)", last_name="Other")
    _clients()
    with pytest.raises(Malformed) as refused:
        people.resolve("client", "Ana Small (kd-7)")
    assert refused.value.fault is Fault.SEVERAL_CALLED


# --- Where IDs are written ----------------------------------------------------------------------------------


def test_a_condition_lists_the_messages_of_whoever_was_picked(pages: Client) -> None:
    big, small = _clients()
    make_message(client=big)
    wanted = make_message(client=small)
    log = pages.get(URL, {"c": "client.equals.Ana Small (kd-7)"}).context["log"]
    assert [row.message for row in log.rows] == [wanted]
    assert log.address == f"?c=client.equals.{small.key.hex}"  # what chips and links carry from now on
    again = pages.get(URL, {"f1": "client", "o1": "EQUALS", "v1": log.condition_rows[0].inputs[0]}).context[
        "log"
    ]
    assert again.address == log.address
    assert pages.get(URL, {"c": "client.equals.KD-7"}).context["log"].rows == []


def test_the_search_box_lists_the_messages_of_one(pages: Client) -> None:
    big, small = _clients()
    of_big, of_small = make_message(client=big), make_message(client=small)
    assert _listed(pages, q="kd-7") == [of_small]
    assert _listed(pages, q="Kd-7") == [of_big]
    response = pages.get(URL, {"q": "KD-7"})
    assert response.context["log"].rows == []
    assert "enter it exactly (Kd-7, kd-7)" in response.text


def test_the_search_box_takes_an_id_in_other_capitals(pages: Client) -> None:
    wanted = [
        make_message(client=make_client(client_id="Kd-7")),
        make_message(group=make_group(group_id="kD-7")),
    ]
    assert sorted(row.pk for row in _listed(pages, q="KD-7")) == [row.pk for row in wanted]


def test_a_member_is_added_by_the_exact_id(pages: Client) -> None:
    _, small = _clients()
    group = make_group()
    path = f"/groups/{group.key.hex}/members/"
    assert "enter it exactly (Kd-7, kd-7)" in pages.post(path, {"client_id": "KD-7"}).text
    assert pages.post(path, {"client_id": "kd-7"}).status_code == 302
    assert list(group.members.all()) == [small]


def test_an_event_is_about_whoever_has_exactly_that_id() -> None:
    _, small = _clients()
    make_template()
    headers = {"apiKey": make_key()}
    told = {"event": "LOAN_REPAYMENT", "clientId": "kd-7", "data": {"AMOUNT": "10"}}
    post: Callable[..., Any] = Client().post
    for number, status in (("kd-7", 202), ("KD-7", 404)):
        answer = post(
            "/api/events",
            json.dumps(told | {"clientId": number}),
            content_type="application/json",
            headers=headers,
        )
        assert answer.status_code == status
    assert [event.client for event in BusinessEvent.objects.all()] == [small]
    assert [message.client for message in Message.objects.all()] == [small]


def test_a_preview_is_filled_in_for_whoever_was_named() -> None:
    _, small = _clients()
    assert trial.client_of("kd-7") == small
    with pytest.raises(Malformed) as refused:
        trial.client_of("KD-7")
    assert (refused.value.fault, refused.value.facts["which"]) == (Fault.DIFFER_IN_CAPITALS, "Kd-7, kd-7")


# --- New IDs ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "other"), [("KD-7", "Kd-7"), ("äb-1", "Äb-1"), ("K\u200bD\u20117", "Kd-7")], ids=ascii
)
def test_a_new_id_that_differs_in_capitals_alone_is_refused_with_the_other_named(
    pages: Client, number: str, other: str
) -> None:
    make_client(client_id=other)
    make_group(group_id=other)
    for path, field, form in (
        ("/clients/new/", "client_id", {"first_names": "Ana"}),
        ("/groups/new/", "group_id", {"name": "Market women"}),
    ):
        said = " ".join(pages.post(path, form | {field: number}).context["form"].errors[field])
        assert f"has the ID {other}, which differs only in capitals" in said


def test_an_old_pair_can_still_be_changed(pages: Client) -> None:
    _, small = _clients()
    path = f"/clients/{small.key.hex}/edit/"
    values = {name: value for name, value in pages.get(path).context["form"].initial.items() if value}
    changed = values | {"client_id": "kd-7", "first_names": "Anna"} | seen_at(pages, path)
    assert pages.post(path, changed).status_code == 302
    small.refresh_from_db()
    assert small.first_names == "Anna"


def test_a_user_name_that_differs_in_capitals_alone_is_refused(client: Client) -> None:
    make_user("Ada")
    client.force_login(admin())
    answer = client.post(
        "/administration/users/new/", {"username": "aDA", "password": "correct horse battery staple"}
    )
    assert "A user with this name already exists: Ada." in answer.text
    with pytest.raises(CommandError, match="already exists: Ada"):
        call_command("create_user", "ada", role="Viewer")
    assert User.objects.filter(username__iexact="ada").count() == 1
