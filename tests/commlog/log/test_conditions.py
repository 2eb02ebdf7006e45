"""More conditions: in addresses, in the form with and without JavaScript, as chips; and what is said of wrong
ones.
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.utils import timezone

from commlog.log.page import Log
from notifications.models import Message
from notifications.states import MessageState, MessageType
from tests.factories import make_client, make_group, make_message, make_user, outsider, viewer

pytestmark = pytest.mark.django_db
URL = "/communications/"


def _log(pages: Client, *params: tuple[str, str]) -> Log:
    response = pages.get(f"{URL}?{urlencode(params)}")
    assert response.status_code == 200
    return response.context["log"]


def _listed(log: Log) -> list[Message]:
    return [row.message for row in log.rows]


def test_conditions_of_an_address_all_hold(pages: Client) -> None:
    wanted = make_message(MessageState.FAILED, destination="ana@Example.org, and.more=1&x")
    make_message(MessageState.FAILED, destination="bo@example.net")
    make_message(MessageState.SENT, destination="ana@example.org, and.more=1&x")
    log = _log(
        pages, ("c", "destination.contains.@example.org, and.more=1&x"), ("c", "state.in.FAILED,WAITING")
    )
    assert _listed(log) == [wanted]
    assert [(chip.condition.label, chip.condition.value) for chip in log.chips] == [
        ("Destination", "contains @example.org, and.more=1&x"),
        ("State", "one of Failed, Waiting"),
    ]
    assert log.chips[0].url == "?c=state.in.FAILED%2CWAITING"
    assert log.chips[1].url == "?c=destination.contains.%40example.org%2C+and.more%3D1%26x"
    assert log.bare_url == "?"


def test_any_of_them_and_the_bar_still_holds(pages: Client) -> None:
    for state in (MessageState.FAILED, MessageState.SENT, MessageState.WAITING):
        make_message(state)
        make_message(state, MessageType.SMS)
    log = _log(
        pages, ("c", "state.equals.FAILED"), ("c", "sent.not_empty"), ("match", "any"), ("type", "SMS")
    )
    assert sorted(message.state for message in _listed(log)) == ["FAILED", "SENT"]
    assert {message.type for message in _listed(log)} == {"SMS"}
    assert log.address == "?type=SMS&c=state.equals.FAILED&c=sent.not_empty&match=any"


def test_the_rows_of_the_form_become_conditions(pages: Client) -> None:
    wanted = make_message(MessageState.FAILED, attempt_count=5)
    make_message(MessageState.FAILED, attempt_count=7)
    make_message(MessageState.SENT, attempt_count=5)
    rows = [
        ("f1", "state"),
        ("o1", "IN"),
        ("v1", "FAILED"),
        ("v1", "WAITING"),
        ("f3", "attempts"),
        ("o3", "BETWEEN"),
        ("v3", "4"),
    ]
    empty = [("v3", "6"), ("f4", ""), ("o4", "EQUALS"), ("v4", ""), ("match", "all"), ("q", "")]
    log = _log(pages, *rows, *empty)
    assert _listed(log) == [wanted]
    assert log.address == "?c=state.in.FAILED%2CWAITING&c=attempts.between.4%2C6"
    again = _log(pages, *(("c", text) for text in ("state.in.FAILED,WAITING", "attempts.between.4,6")))
    assert again.address == log.address


def test_adding_a_row_keeps_the_others_and_opens_the_part(pages: Client) -> None:
    make_message()
    log = _log(pages, ("f1", "state"), ("o1", "EQUALS"), ("v1", "QUEUED"), ("add", "1"))
    assert [row.given.field for row in log.condition_rows] == ["state", ""]
    assert log.condition_rows[1].fresh
    assert log.address == "?c=state.equals.QUEUED"
    assert len(log.rows) == 1


def test_a_row_is_taken_out_by_its_button(pages: Client) -> None:
    wanted = make_message(MessageState.FAILED)
    rows = [("f1", "attempts"), ("o1", "BETWEEN"), ("v1", "4"), ("v1", "many")]
    rows += [("f2", "state"), ("o2", "EQUALS"), ("v2", "FAILED")]
    page = pages.get(f"{URL}?{urlencode(rows)}").text
    assert '<button type="submit" name="remove" value="1"' in page
    assert [label in page for label in ('aria-label="From"', 'aria-label="To"')] == [True, True]
    log = _log(pages, *rows, ("remove", "1"))
    assert _listed(log) == [wanted]
    assert log.address == "?c=state.equals.FAILED"
    assert [row.given.field for row in log.condition_rows] == ["state"]
    log = _log(pages, *rows, ("remove", "x"))
    assert [row.given.field for row in log.condition_rows] == ["attempts", "state"]


@pytest.mark.parametrize("spelling", ["000777", "Ana Silva", "ana silva", "Ana Silva (000777)", "key"])
def test_a_person_is_found_by_id_by_name_or_by_key(pages: Client, spelling: str) -> None:
    ana = make_client(client_id="000777")
    wanted = make_message(client=ana)
    make_message(client=make_client(first_names="Bo"))
    log = _log(
        pages, ("f1", "client"), ("o1", "EQUALS"), ("v1", ana.key.hex if spelling == "key" else spelling)
    )
    assert _listed(log) == [wanted]
    assert log.address == f"?c=client.equals.{ana.key.hex}"
    assert log.chips[0].condition.value == "Ana Silva (000777)"
    assert list(log.condition_rows[0].inputs) == ["Ana Silva (000777)"]


def test_groups_users_and_senders(pages: Client) -> None:
    group, ada = make_group(), make_user("ada", first_name="Ada", last_name="Lovelace")
    to_group, to_user, by_user = (
        make_message(group=group),
        make_message(user=ada),
        make_message(sender_user=ada),
    )
    assert _listed(_log(pages, ("c", f"group.equals.{group.group_id}"))) == [to_group]
    assert _listed(_log(pages, ("c", "user.in.ada"))) == [to_user]
    assert _listed(_log(pages, ("c", "sender_key.equals.Ada Lovelace"))) == [by_user]
    assert len(_log(pages, ("c", "user.not_equal.ada")).rows) == 2


def test_two_of_one_name_are_told_apart(pages: Client) -> None:
    make_message(client=make_client(client_id="1"))
    make_client(client_id="2")
    log = _log(pages, ("c", "client.equals.Ana Silva"))
    assert log.rows == []
    assert "enter the ID (1, 2)" in log.chips[0].condition.wrong


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Choose a field"),
        (".", "Choose a field"),
        ("..x", "Choose a field"),
        ("nope.equals.x", "Unknown field"),
        ("state", "Choose an operator"),
        ("state.like.FAILED", "Unknown operator LIKE"),
        ("state.equals", "Enter a value"),
        ("state.equals.NOPE", "Unknown value NOPE"),
        ("state.contains.FAIL", "State cannot be used with “contains”. Choose another operator."),
        ("client.equals.nobody", "No client has the name or ID “nobody”"),
        ("client.equals." + "x" * 5_000, "No client has this name or ID"),
        ("client.in.a\0b", "No client has this name or ID"),
        ("destination.contains.a\0b", "Contains a NUL character"),
        ("destination.contains." + "x" * 501, "Has 501 characters, at most 500 are allowed"),
        ("created.on.0000-01-01", "Must be a day such as"),
        ("created.on.9999-12-31", "Must be a day such as"),
        ("created.between.2026-11-24", "Enter two values, from and to"),
        ("created.last_days.9999999999", "Must be a number of days from 1 to 36,500"),
        ("created.today.2026-11-24", "TODAY takes no value"),
        ("attempts.more_than." + "9" * 5_000, "Has 5,000 characters, at most 500"),
        ("key.in." + ",".join(["0" * 32] * 1_001), "1,001 values are given"),
    ],
)
def test_a_wrong_condition_is_said_at_its_row_and_lists_nothing(pages: Client, text: str, said: str) -> None:
    make_message(MessageState.FAILED)
    response = pages.get(f"{URL}?{urlencode([('c', text), ('state', 'FAILED')])}")
    log = response.context["log"]
    assert log.rows == []
    assert log.open_conditions
    assert log.chips[1].condition.wrong.startswith(said)
    assert log.condition_rows[0].given.wrong.startswith(said)
    assert "Nothing shown: a filter is not valid" in response.text
    assert log.chips[1].url == "?state=FAILED"


def test_more_than_fifty_conditions_and_an_unknown_match(pages: Client) -> None:
    make_message()
    log = _log(pages, *[("c", "type.equals.EMAIL")] * 51)
    assert (log.rows, log.problems) == ([], ["51 conditions are set; at most 50 are allowed."])
    log = _log(pages, ("c", "type.equals.EMAIL"), ("match", "some"))
    assert (log.rows, log.problems) == ([], ["Conditions match “all” or “any”."])


@pytest.mark.parametrize(
    "value",
    [
        "💶 \u202e gnp",
        "%",
        "_",
        "\\",
        "'\"; DROP TABLE x; --",
        "<script>alert(1)</script>",
        "\ud800",
        "\0",
        ",",
        ".",
    ],
)
def test_no_condition_breaks_the_page(pages: Client, value: str) -> None:
    make_message()
    for field in ("destination.contains", "client.in", "event.in", "state.equals", value):
        response = pages.get(
            f"{URL}?"
            + urlencode(
                [("c", f"{field}.{value}"), ("f1", value), ("o1", value), ("v1", value)],
                errors="surrogatepass",
            )
        )
        assert response.status_code == 200
        assert "<script>alert" not in response.text


def test_relative_days(pages: Client) -> None:
    now = timezone.now()
    today, lately = make_message(created_at=now), make_message(created_at=now - timedelta(days=3))
    make_message(created_at=now - timedelta(days=40))
    assert _listed(_log(pages, ("c", "created.today"))) == [today]
    assert _listed(_log(pages, ("c", "created.last_days.7"))) == [today, lately]
    assert "Created: <bdi>in the last 7 days" in pages.get(f"{URL}?c=created.last_days.7").text


@time_machine.travel(datetime(2026, 10, 15, 12, tzinfo=UTC))
def test_the_bar_asks_for_a_stretch_of_time_by_its_name(pages: Client) -> None:
    now = timezone.now()
    lately, before = make_message(created_at=now), make_message(created_at=now - timedelta(hours=3))
    make_message(created_at=now - timedelta(days=70))
    assert _listed(_log(pages, ("created", "LAST_HOURS.2"))) == [lately]
    assert _listed(_log(pages, ("created", "LAST_HOURS.24"))) == [lately, before]
    assert "Created: <bdi>Last 2 hours" in pages.get(f"{URL}?created=LAST_HOURS.2").text
    assert _listed(_log(pages, ("created", "LAST_MONTH"))) == []
    for wrong in ("LAST_HOURS.3", "LAST_HOURS", "today", "x"):
        assert "There is no such time span." in pages.get(f"{URL}?created={wrong}").text


@pytest.mark.parametrize("rows", [1, 3])
def test_names_cost_one_query_a_kind(pages: Client, rows: int, django_assert_max_num_queries: Any) -> None:
    people = [make_client() for _ in range(rows)]
    for person in people:
        make_message(client=person)
    url = f"{URL}?c=client.in.{','.join(person.key.hex for person in people)}"
    pages.get(url)
    with django_assert_max_num_queries(18 if connection.vendor == "postgresql" else 16):
        assert len(pages.get(url).context["log"].rows) == rows


# --- While somebody fills it in -----------------------------------------------------------------------------


def test_a_row_for_another_field_has_its_operators_and_inputs(pages: Client) -> None:
    response = pages.get(
        "/communications/condition/",
        {"f2": "type", "o2": "CONTAINS", "v2": "x"},
        headers={"HX-Trigger-Name": "f2"},
    )
    assert '<option value="IN">is one of</option>' in response.text
    assert 'value="CONTAINS"' not in response.text
    assert '<option value="SMS">SMS</option>' in response.text
    kept = pages.get(
        "/communications/condition/",
        {"f2": "attempts", "o2": "BETWEEN", "v2": "5"},
        headers={"HX-Trigger-Name": "o2"},
    )
    assert kept.text.count('name="v2"') == 2
    assert 'value="5"' in kept.text


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"f1": "nope"},
        {"f1": "\0", "o1": "\0", "v1": "\0"},
        {"f1": "state", "o1": "x" * 9_000},
        {"f99": "key"},
    ],
)
def test_a_row_survives_anything(pages: Client, params: dict[str, str]) -> None:
    assert pages.get("/communications/condition/", params).status_code == 200


def test_suggestions(pages: Client) -> None:
    make_client(client_id="000123")
    make_client(client_id="000124", first_names="Bo", last_name="Lind")
    assert 'value="Ana Silva (000123)"' in pages.get("/communications/suggest/client/", {"v1": "a si"}).text
    assert pages.get("/communications/suggest/client/", {"v1": "0001"}).text.count("<option") == 2
    make_user("ada", first_name="Ada")
    assert 'value="Ada (ada)"' in pages.get("/communications/suggest/user/", {"v7": "ada"}).text
    for nothing in ("", "\0", "x" * 9_000, str(uuid4())):
        assert "<option" not in pages.get("/communications/suggest/group/", {"v1": nothing}).text
    assert pages.get("/communications/suggest/password/", {"v1": "a"}).status_code == 404


def test_suggestions_need_the_permission_to_see_them(client: Client) -> None:
    make_client()
    person = viewer()
    client.force_login(person)
    assert "<option" in client.get("/communications/suggest/client/", {"v1": "ana"}).text
    client.force_login(outsider())
    assert client.get("/communications/suggest/client/", {"v1": "ana"}).status_code == 403
    assert client.get("/communications/condition/").status_code == 403


def test_a_wrong_row_sends_what_it_was_given_and_never_something_else(pages: Client) -> None:
    text = pages.get(f"{URL}?c=state.equals.NOPE&c=fax.equals.123").text
    assert '<option value="">Choose a value</option>' in text
    assert '<option value="fax" selected>fax (no longer exists)</option>' in text
    assert 'id="v2-1" value="123"' in text
