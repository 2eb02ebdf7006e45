"""The log page: what it lists, what its filter does with good and with bad input, and what it costs."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from commlog.log import page
from notifications.models import Message
from notifications.states import MessageState, MessageType, Outcome, WaitingReason
from tests.factories import make_client, make_message, make_resend, make_user, viewer

pytestmark = pytest.mark.django_db
URL = "/communications/"
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def _listed(pages: Client, **params: str) -> list[Message]:
    response = pages.get(URL, params)
    assert response.status_code == 200
    return [row.message for row in response.context["log"].rows]


@pytest.mark.parametrize("rows", [1, 3])
def test_the_page_costs_the_same_for_one_row_and_for_three(
    pages: Client, rows: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(rows):
        failed = make_message(MessageState.FAILED, client=make_client(), sender_user=make_user())
        make_resend(failed, MessageState.SENT)
        make_message(MessageState.WAITING)
    pages.get(URL)
    # Session, user with permissions, menu; columns, senders, rows, chains, newest; views, menu,
    # banner.
    with django_assert_num_queries(12):
        pages.get(URL)


def test_the_newest_comes_first_with_the_default_columns(pages: Client) -> None:
    older = make_message(created_at=NOW - timedelta(days=1))
    newer = make_message(created_at=NOW, recipient_name="Ana Silva")
    response = pages.get(URL)
    assert [row.message for row in response.context["log"].rows] == [newer, older]
    heads = [column.header for column in response.context["log"].table.columns]
    assert heads == ["State", "Sent by", "Created", "Sent", "Type", "Sent to", "Destination", "Message"]
    for shown in (
        "Queued",
        "Mambu",
        "24 Nov 2026 12:00",
        "E-mail",
        "Ana Silva",
        "ana@example.org",
        "Payment due",
        "Dear Ana",
    ):
        assert shown in response.text


def test_a_waiting_row_says_which_retry_comes_when(pages: Client) -> None:
    make_message(MessageState.WAITING, failures=4, due_at=timezone.now() + timedelta(seconds=50))
    assert "retry 4 of 5 in " in pages.get(URL).text
    Message.objects.update(waiting_reason=WaitingReason.WAIT_FOR_CLOSE_CIRCUIT)
    assert "retry 4 of 5 in " in pages.get(URL).text  # released, and not yet taken


def test_marks_of_what_may_have_been_delivered_and_of_what_was_resent(pages: Client) -> None:
    failed = make_message(MessageState.FAILED, outcome=Outcome.UNKNOWN)
    assert "May have been delivered" in pages.get(URL).text
    assert "Already resent" not in pages.get(URL).text
    resend = make_resend(failed, MessageState.SENT)
    text = pages.get(URL, {"state": "FAILED"}).text
    assert "Already resent" in text
    assert f'href="/communications/{resend.key.hex}/"' in text


def test_only_the_start_of_a_long_text_is_read(pages: Client) -> None:
    make_message(content="a" * 300 + "the end")
    (row,) = _listed(pages)
    assert row.excerpt == "a" * 200  # type: ignore[attr-defined]
    assert "content" in row.get_deferred_fields()
    assert "html" in row.get_deferred_fields()


# --- Conditions ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "states"),
    [
        ("FAILED", ["FAILED"]),
        ("SENT", ["SENT"]),
        ("WAITING", ["WAITING"]),
        ("SENDING_ASYNC", ["SENDING_ASYNC"]),
        ("QUEUED", ["QUEUED", "QUEUED_FOR_STREAM"]),
        ("PENDING", ["QUEUED", "QUEUED_FOR_STREAM", "SENDING_ASYNC", "WAITING"]),
    ],
)
def test_by_state(pages: Client, value: str, states: list[str]) -> None:
    for state in MessageState:
        make_message(state)
    assert sorted(message.state for message in _listed(pages, state=value)) == states


def test_not_yet_delivered_leaves_out_what_a_later_entry_sent_or_is_sending(pages: Client) -> None:
    open_case = make_message(MessageState.FAILED)
    make_resend(make_message(MessageState.FAILED), MessageState.SENT)
    make_resend(make_message(MessageState.FAILED), MessageState.QUEUED)
    twice = make_message(MessageState.FAILED)
    failed_again = make_resend(twice, MessageState.FAILED)
    make_message(MessageState.SENT)
    assert {message.pk for message in _listed(pages, state="UNDELIVERED")} == {
        open_case.pk,
        twice.pk,
        failed_again.pk,
    }
    assert len(_listed(pages, state="FAILED")) == 5


def test_by_type(pages: Client) -> None:
    for kind in MessageType:
        make_message(type=kind)
    assert [message.type for message in _listed(pages, type="SMS")] == ["SMS"]


def test_by_sender(pages: Client) -> None:
    ada = make_user("ada")
    automatic, manual = make_message(), make_message(sender="Ada", sender_user=ada)
    assert _listed(pages, sender="system") == [automatic]
    assert _listed(pages, sender=ada.key.hex) == [manual]


def test_by_day_in_the_zone_of_the_organisation(pages: Client, settings: Any) -> None:
    settings.TIME_ZONE = "Pacific/Auckland"  # thirteen hours ahead of UTC in November
    moments = [
        datetime(2026, 11, 23, 10, 59, 59, tzinfo=UTC),
        datetime(2026, 11, 23, 11, tzinfo=UTC),
        datetime(2026, 11, 24, 11, tzinfo=UTC),
    ]
    before, first, after = (make_message(created_at=moment) for moment in moments)
    assert _listed(pages, created_from="2026-11-24", created_to="2026-11-24") == [first]
    assert _listed(pages, created_from="2026-11-24") == [after, first]
    assert _listed(pages, created_to="2026-11-23") == [before]
    assert "24 Nov 2026 00:00" in pages.get(URL, {"created_to": "2026-11-24"}).text


@pytest.mark.parametrize(
    "text",
    [
        "silva",
        "Ana S",
        "ANA@EXAMPLE",
        "payment due",
        "your balance",
        "000777",
        "100%",
        "it_em",
        "💶",
        "O'Neil",
    ],
)
def test_search_finds_a_person_an_address_a_text(pages: Client, text: str) -> None:
    wanted = make_message(
        recipient_name="Ana Silva",
        client=make_client(client_id="000777"),
        content="Your balance is 100% fine, it_em 💶, Mr O'Neil",
    )
    make_message(destination="bo@example.net", subject="Welcome", content="Hello, 100 times. itxem")
    assert _listed(pages, q=text) == [wanted]


@pytest.mark.parametrize("text", ["Silva Renée", "renee silva", "silva  REN"])
def test_search_finds_a_person_by_words_in_any_order(pages: Client, text: str) -> None:
    renee = make_client(first_names="Renée", last_name="Silva", email="renee.silva@example.org")
    wanted = make_message(MessageState.SENT, MessageType.SMS, client=renee, recipient_name="Renée Silva")
    make_message(client=make_client(), recipient_name="Ana Silva")
    assert _listed(pages, q=text) == [wanted]


def test_words_with_figures_are_no_name(pages: Client) -> None:
    make_message(client=make_client(mobile_phone="+4917020261"), content="Hello")
    assert _listed(pages, q="ana 2026") == []


@pytest.mark.parametrize(
    "text", ["+491701234567", "+49 (0)170 123-4567", "0170 / 123 45 67", "0049 170 1234567", "170.123.4567"]
)
@pytest.mark.parametrize("stored", ["+491701234567", "+49 170 123-4567", "+49(170)123.45.67"])
def test_search_finds_a_number_in_any_spelling(pages: Client, text: str, stored: str) -> None:
    wanted = make_message(type=MessageType.SMS, destination=stored)
    make_message(type=MessageType.SMS, destination="+491701234568")
    assert _listed(pages, q=text) == [wanted]


@pytest.mark.parametrize(
    "text",
    [
        "070 – 000 00 03", "070\u2212000 00 03", "+46\u201170\u2011000\u201100\u201103", "\u200e+46700000003",
        "tel:+46700000003", "＋46 70 000 00 03", "+٤٦٧٠٠٠٠٠٠٠٣", "0046 (0)70 000 00 03", "+46 070 000 00 03",
        "\u202a+46\u00a070\u202f000\u20090003\u202c.",
    ],
    ids=ascii,
)  # fmt: skip
def test_search_finds_a_number_as_it_was_pasted(pages: Client, text: str) -> None:
    wanted = make_message(type=MessageType.SMS, destination="+46700000003")
    make_message(type=MessageType.SMS, destination="+46700000004")
    assert _listed(pages, q=text) == [wanted]


@pytest.mark.parametrize(
    "text", ["mailto:ana@example.org", "<ana@example.org>,", "\u200bANA@example.org\u00a0"], ids=ascii
)
def test_search_finds_an_address_as_it_was_pasted(pages: Client, text: str) -> None:
    wanted = make_message(destination="ana@example.org")
    make_message(destination="bo@example.org")
    assert _listed(pages, q=text) == [wanted]


def test_search_finds_a_key_in_both_spellings_and_nothing_else(pages: Client) -> None:
    wanted = make_message()
    make_message(content=f"see {wanted.key.hex}")
    for spelling in (wanted.key.hex, wanted.key.hex.upper(), str(wanted.key), f" {wanted.key} "):
        assert _listed(pages, q=spelling) == [wanted]
    assert _listed(pages, q=uuid4().hex) == []


def test_conditions_are_chips_that_can_be_removed_one_by_one(pages: Client) -> None:
    make_message(MessageState.FAILED)
    response = pages.get(
        URL,
        {
            "state": "FAILED",
            "type": "EMAIL",
            "created_from": "2020-01-02",
            "q": "",
            "sort": "created",
            "after": "",
        },
    )
    chips = response.context["log"].chips
    assert [(chip.condition.label, chip.condition.value) for chip in chips] == [
        ("State", "Failed"),
        ("Type", "E-mail"),
        ("Created from", "2 Jan 2020"),
    ]
    assert chips[0].url == "?type=EMAIL&created_from=2020-01-02&sort=created"
    assert response.context["log"].bare_url == "?sort=created"


# --- Bad input ----------------------------------------------------------------------------------------------

_BAD = [
    ("state", "NOPE", "Unknown state."),
    ("state", "failed", "Unknown state."),
    ("state", "QUEUED\0", "Unknown state."),
    ("type", "PIGEON", "Unknown type."),
    ("sender", "root", "Unknown sender."),
    ("sender", "0" * 32, "Unknown sender."),
    ("created_from", "0000-01-01", "Enter a day between"),
    ("created_from", "0001-01-01", "Enter a day between"),
    ("created_from", "9999-12-31", "Enter a day between"),
    ("created_to", "9999-12-31", "Enter a day between"),
    ("created_to", "2026-02-30", "Enter a day between"),
    ("created_to", "yesterday\0", "Enter a day between"),
    ("created_to", "２０２６-11-24", ""),
    ("q", "a\0b", "NUL character"),
    ("q", "x" * 10_000, "at most 200 characters"),
]


@pytest.mark.parametrize(
    ("name", "value", "said"), _BAD, ids=[f"{name}={value[:12]!r}" for name, value, _ in _BAD]
)
def test_a_bad_value_is_said_at_its_field_and_lists_nothing(
    pages: Client, name: str, value: str, said: str
) -> None:
    make_message(MessageState.FAILED)
    assert len(_listed(pages, state="FAILED")) == 1
    response = pages.get(URL, {name: value, "type": "EMAIL"} if name != "type" else {name: value})
    assert response.status_code == 200
    if not said:  # other scripts' figures are figures
        return
    assert response.context["log"].rows == []
    assert said in response.context["log"].filter.form.errors[name][0]
    assert said in response.text
    assert "Nothing shown: a filter is not valid" in response.text


def test_a_span_that_ends_before_it_begins_lists_nothing(pages: Client) -> None:
    make_message()
    response = pages.get(URL, {"created_from": "2026-11-24", "created_to": "2026-11-23"})
    assert response.context["log"].rows == []
    assert "The end date is before the start date." in response.text


@pytest.mark.parametrize(
    "query",
    ["foo=1", "page=%00", "page=2", "State=FAILED", "state__in=FAILED", "%F0%9F%92%B6=1", "x" * 5_000 + "=1"],
)
def test_an_unknown_parameter_is_said_and_lists_nothing(pages: Client, query: str) -> None:
    make_message()
    response = pages.get(f"{URL}?{query}")
    assert response.status_code == 200
    assert response.context["log"].rows == []
    assert "Unknown filter" in response.text


def test_a_condition_given_twice_is_said_and_lists_nothing(pages: Client) -> None:
    make_message()
    response = pages.get(f"{URL}?state=FAILED&state=QUEUED")
    assert response.context["log"].rows == []
    assert "“state” is given more than once." in response.text


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ("-5", 25),
        ("0", 25),
        ("60", 50),
        ("100000000", 200),
        ("9" * 5_000, 50),
        ("x", 50),
        ("\0", 50),
        ("²", 50),
    ],
)
def test_a_page_size_that_does_not_exist_is_said_and_bounded(pages: Client, value: str, size: int) -> None:
    make_message(MessageState.FAILED)
    make_message(MessageState.SENT)
    response = pages.get(URL, {"per_page": value, "state": "FAILED"})
    assert response.context["log"].size == size
    assert len(response.context["log"].rows) == 1
    assert "A page cannot have" in response.text


@pytest.mark.parametrize(
    "params",
    [
        {"sort": "password"},
        {"sort": "nope"},
        {"sort": "--created"},
        {"sort": "\0"},
        {"sort": "-" * 9_000},
    ],
)
def test_an_order_that_does_not_exist_is_said(pages: Client, params: dict[str, str]) -> None:
    make_message()
    response = pages.get(URL, params)
    assert response.status_code == 200
    assert "cannot be sorted by" in response.text
    assert response.context["log"].sorting.alias == "-created"


@pytest.mark.parametrize("name", ["after", "before"])
@pytest.mark.parametrize("value", ["x", "\0", "💶", "A" * 10_000, "WyItY3JlYXRlZCIsMV0"])
def test_a_bad_cursor_is_said(pages: Client, name: str, value: str) -> None:
    make_message()
    response = pages.get(URL, {name: value})
    assert response.status_code == 200
    assert "The link to that page is damaged" in response.text


# --- Order and pages ----------------------------------------------------------------------------------------


def test_a_head_sorts_and_then_turns_the_order(pages: Client) -> None:
    make_message(type=MessageType.SMS)
    make_message(type=MessageType.EMAIL)
    assert [message.type for message in _listed(pages, sort="type")] == ["EMAIL", "SMS"]
    assert [message.type for message in _listed(pages, sort="-type")] == ["SMS", "EMAIL"]
    text = pages.get(URL, {"sort": "type", "state": "QUEUED"}).text
    assert 'aria-sort="ascending"' in text
    assert 'href="?state=QUEUED&amp;sort=-type"' in text
    assert 'href="?state=QUEUED&amp;sort=-sent"' in text


def test_an_order_without_an_index_is_refused_for_a_long_list(
    pages: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "SORTABLE", 2)
    for _ in range(2):
        make_message()
    assert pages.get(URL, {"sort": "type"}).context["log"].sorting.alias == "type"
    make_message()
    response = pages.get(URL, {"sort": "type"})
    assert response.context["log"].sorting.alias == "-created"
    assert "too many to sort by “Type”" in response.text


def test_pages_keep_the_conditions(pages: Client) -> None:
    for number in range(60):
        make_message(
            MessageState.FAILED if number % 2 else MessageState.SENT,
            created_at=NOW + timedelta(seconds=number),
        )
    first = pages.get(URL, {"state": "FAILED", "per_page": "25"}).context["log"]
    assert (len(first.rows), first.previous_url) == (25, "")
    second = pages.get(URL + first.next_url).context["log"]
    assert [row.message.state for row in second.rows] == ["FAILED"] * 5
    assert second.next_url == ""
    back = pages.get(URL + second.previous_url).context["log"]
    assert [row.message.pk for row in back.rows] == [row.message.pk for row in first.rows]


# --- States of the page -------------------------------------------------------------------------------------


def test_an_empty_log_says_what_fills_it(pages: Client) -> None:
    assert "No messages yet" in pages.get(URL).text


def test_no_match_offers_to_loosen(pages: Client) -> None:
    make_message()
    text = pages.get(URL, {"state": "FAILED"}).text
    assert "No messages match" in text
    assert "remove this condition" in text


def test_a_part_for_htmx_and_the_address_that_it_leaves_behind(pages: Client) -> None:
    make_message()
    response = pages.get(URL, {"q": "", "state": "QUEUED"}, headers={"HX-Request": "true"})
    assert "<html" not in response.text
    assert 'id="log"' in response.text
    assert 'data-address="/communications/?state=QUEUED"' in response.text
    assert 'id="filters"' not in response.text
    assert "HX-Request" in response["Vary"]
    whole = pages.get(URL, headers={"HX-Request": "true", "HX-History-Restore-Request": "true"})
    assert "<html" in whole.text


def test_reading_the_log_writes_nothing(client: Client) -> None:
    client.force_login(viewer())
    make_message(MessageState.WAITING)
    before = list(Message.objects.values())
    client.get(URL, {"sort": "state", "q": "x"})
    assert list(Message.objects.values()) == before
