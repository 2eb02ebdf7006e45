"""Every address that a page gives out can be read back, however long the names and the filters in it are."""

import html
import io
import json
from urllib.parse import quote, urlencode

import pytest
from django.test import Client
from openpyxl import load_workbook

from commlog.kit import return_address
from commlog.models import ColumnLayout, CustomView
from commlog.recipients import people
from commlog.recipients.kinds import KINDS
from notifications.models import Message
from notifications.states import MessageState
from tests.factories import (
    PASSWORD,
    admin,
    make_client,
    make_group,
    make_key,
    make_message,
    make_user,
    officer,
)

pytestmark = pytest.mark.django_db
LOG = "/communications/"
WIDE = "𠮷野家株" * 38  # 152 characters of four bytes


# A filter that finds one of two messages. Its address has some 6,800 characters; gunicorn used to read 4,094.
LONG = "𠮷野家株" * 95  # 380 characters
FILTER = urlencode(
    [("c", f"recipient.starts_with.{LONG[:300]}"), ("c", f"text.contains.{LONG}"), ("sort", "recipient")]
)


@pytest.fixture
def found() -> Message:
    make_message(MessageState.FAILED, recipient_name=LONG[:300])
    return make_message(MessageState.FAILED, recipient_name=LONG[:304], content=LONG)


@pytest.mark.parametrize(
    ("sort", "field"), [("recipient", "recipient_name"), ("sender", "sender"), ("template", "template_name")]
)
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
    before, here, behind = (
        make_message(MessageState.SENT, recipient_name=f"{WIDE * 2}{number}") for number in range(3)
    )
    beside = pages.get(f"{LOG}{here.key.hex}/", {"from": f"{LOG}?sort=recipient"}).context["beside"]
    assert before.key.hex in beside.previous_url
    assert behind.key.hex in beside.next_url


@pytest.mark.parametrize("sort", ["name", "-name"])
@pytest.mark.parametrize(
    ("kind", "page"), [("client", "/clients/"), ("group", "/groups/"), ("user", "/users/")]
)
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


@pytest.mark.parametrize("whom", ["client", "group", "user"])
def test_whoever_is_suggested_can_be_chosen_however_long_the_name(pages: Client, whom: str) -> None:
    long = WIDE[:150]
    made = {
        "client": lambda: make_client(first_names=long, last_name=long, client_id="9" * 32),
        "group": lambda: make_group(name=long, group_id="9" * 32),
        "user": lambda: make_user("u" * 150, first_name=long, last_name=long),
    }[whom]()
    message = make_message(**{whom: made})
    make_message()
    (label,) = people.suggest(whom, long[:20])
    log = pages.get(LOG, {"f1": whom, "o1": "EQUALS", "v1": label}).context["log"]
    assert [row.message for row in log.rows] == [message]
    if whom != "user":
        assert pages.get("/communications/events/", {whom: label}).context["listing"].form.errors == {}


def linked(page: str, words: str) -> str:
    """Where the link or the form before these words leads."""
    before = page[: page.index(words)]
    place = max(before.rindex(' href="') + 7, before.rindex(' action="') + 9)
    return html.unescape(before[place:].partition('"')[0])


def test_a_view_that_is_saved_of_a_long_filter_holds_the_filter(pages: Client, found: Message) -> None:
    """Django takes no address of over 2,048 characters for safe: the view held everything."""
    page = pages.get(f"{LOG}?{FILTER}").text
    answer = pages.post(
        linked(page, "Save as view…"),
        {"name": "Long", "for_whom": "me", "next": f"{LOG}?{FILTER}", "kind": "LOG"},
    )
    view = CustomView.objects.get(name="Long")
    assert answer["Location"] == f"{LOG}?view={view.key.hex}"
    assert [row.message for row in pages.get(answer["Location"]).context["log"].rows] == [found]
    assert len(view.criteria) == 2


def test_columns_that_are_chosen_over_a_long_filter_lead_back_to_it(pages: Client, found: Message) -> None:
    form = pages.get(linked(pages.get(f"{LOG}?{FILTER}").text, "Edit columns")).context
    answer = pages.post(
        "/communications/columns/",
        {"kind": "LOG", "next": form["back"], "order": ["state"], "shown": ["state"]},
    )
    assert ColumnLayout.objects.get().columns == ["state"]
    assert [row.message for row in pages.get(answer["Location"]).context["log"].rows] == [found]


def test_a_resend_leads_back_to_the_long_filter(pages: Client, found: Message) -> None:
    here = f"{LOG}?{FILTER}"
    assert pages.post(f"{LOG}{found.key.hex}/resend/", {"next": here})["Location"] == here


def test_the_export_of_a_long_filter_holds_what_it_finds(pages: Client, found: Message) -> None:
    page = pages.get(f"{LOG}?{FILTER}").text
    file = pages.post(linked(page, 'value="xlsx"'), {"format": "xlsx"})
    sheet = load_workbook(io.BytesIO(b"".join(file.streaming_content)))["Messages"]
    assert sheet.max_row == 2


def test_every_link_of_a_long_filter_leads_to_a_page(pages: Client, found: Message) -> None:
    for _ in range(30):
        make_message(MessageState.FAILED, recipient_name=LONG[:304], content=LONG)
    page = pages.get(f"{LOG}?{FILTER}&per_page=25").text
    inside = page[page.index("<main") : page.index("</main>")]
    links = {html.unescape(each.partition('"')[0]) for each in inside.split(' href="')[1:]}
    links = {each if each.startswith("/") else LOG + each for each in links if each.startswith(("/", "?"))}
    long = sorted(each for each in links if len(each) > 4_094)
    assert len(long) > 30
    assert max(map(len, long)) < return_address.LONGEST
    assert {pages.get(each).status_code for each in long} == {200}


def test_a_long_filter_survives_a_sign_in(client: Client, found: Message) -> None:
    ada = officer()
    here = f"{LOG}?{FILTER}"
    asked = client.get(here)["Location"]
    assert client.post(asked, {"username": ada.username, "password": PASSWORD})["Location"] == here


def test_a_message_that_is_opened_from_a_long_filter_is_found_after_a_sign_in(
    client: Client, found: Message
) -> None:
    page = f"{LOG}{found.key.hex}/"
    asked = client.get(page, {"from": f"{LOG}?{urlencode([('c', f'text.contains.{LONG[:320]}')] * 3)}"})
    assert asked["Location"] == f"/sign-in/?next={page}"
    assert "too long to keep its filter" in client.get(asked["Location"]).text


def test_a_filter_that_is_too_long_lists_nothing_and_says_so(pages: Client, found: Message) -> None:
    address = f"{LOG}?{urlencode([('c', f'text.contains.{LONG}')] * 3)}"
    log = pages.get(address).context["log"]
    assert log.rows == []
    assert log.problems == [
        "The filter is too long: its address takes 11,165 characters, and 10,000 are read at most. Remove "
        "conditions or shorten texts."
    ]
    shorter = pages.get(LOG + html.unescape(log.chips[0].url)).context["log"]
    assert [row.message for row in shorter.rows] == [found]
    assert pages.post(f"/communications/export/?of={quote(address)}", {"format": "csv"}).status_code == 302


def test_an_address_beyond_every_limit_is_refused_in_words(pages: Client) -> None:
    answer = pages.get(LOG, {"q": "x" * 40_000})
    assert answer.status_code == 414
    assert "This address is too long" in answer.text
    assert f'<a href="{LOG}">Open the page without the filter</a>' in answer.text
    assert "40,018 characters" in answer.text


def test_a_program_is_told_that_its_address_is_too_long(client: Client) -> None:
    answer = client.get(
        "/api/communications/messages/x", {"cursor": "x" * 40_000}, headers={"apiKey": make_key()}
    )
    assert answer.status_code == 414
    (error,) = json.loads(answer.content)["errors"]
    assert error == {
        "errorCode": 4,
        "errorReason": "INVALID_PARAMETERS",
        "errorSource": "the address has 40,037 characters, at most 40,000 are allowed",
    }


def test_a_form_that_holds_too_much_is_refused_in_words(pages: Client) -> None:
    answer = pages.post(
        "/communications/columns/",
        {"next": "x" * 3_000_000},
        content_type="application/x-www-form-urlencoded",
    )
    assert (answer.status_code, "The form is too large" in answer.text) == (413, True)
    answer = pages.post("/communications/columns/", {f"a{number}": "" for number in range(2_001)})
    assert (answer.status_code, "2,000 fields" in answer.text) == (413, True)


@pytest.mark.parametrize(
    "way",
    [
        "//evil.example/?",
        "https://evil.example/?",
        "/\\evil.example?",
        "javascript:alert(1)?",
        "\t//evil.example?",
    ],
)
@pytest.mark.parametrize("query", ["", "q=" + "x" * 3_000])
def test_no_address_leads_to_another_site(pages: Client, found: Message, way: str, query: str) -> None:
    page = f"{LOG}{found.key.hex}/"
    assert pages.post(f"{page}resend/", {"next": way + query})["Location"] == page
    assert (
        pages.post("/communications/columns/", {"next": way + query, "order": ["state"], "shown": ["state"]})[
            "Location"
        ]
        == LOG
    )
    pages.logout()
    ada = officer(username="ada")
    signed = pages.post(
        f"/sign-in/?{urlencode({'next': way + query})}", {"username": ada.username, "password": PASSWORD}
    )
    assert signed["Location"] == "/"
