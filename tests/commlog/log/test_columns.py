"""Edit columns: what is shown, in which order, for whom it is remembered; and every column draws and
sorts.
"""

import re
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from commlog.log.columns import CATALOGUE
from commlog.models import ColumnLayout, CustomView, User
from notifications.states import MessageState, MessageType
from tests.factories import make_client, make_group, make_message, make_resend, make_user, outsider, viewer

pytestmark = pytest.mark.django_db
URL = "/communications/"
COLUMNS = "/communications/columns/"


def _heads(pages: Client, url: str = URL) -> list[str]:
    return [column.header for column in pages.get(url).context["log"].table.columns]


def _moments(pages: Client) -> list[str]:
    """The moments of the log as ears and paper get them."""
    found = re.findall('<td class=[^>]+ title="[^"]+">(.+?)<td', pages.get(URL).text)
    return [re.sub("<[^>]+>", "", text) for text in found]


def _apply(pages: Client, *shown: str, order: list[str] | None = None, **more: str) -> None:
    response = pages.post(
        COLUMNS, {"order": order or list(shown), "shown": list(shown), "apply": "1", "next": URL} | more
    )
    assert response.status_code == 302, response.text


def test_the_choice_is_remembered_for_the_user_and_the_kind_of_log(
    pages: Client, ada: User, client: Client
) -> None:
    make_message(created_at=datetime(2026, 11, 24, 9, 14, tzinfo=UTC))
    _apply(pages, "created", "event", "state", timestamps="1")
    assert _heads(pages) == ["Created", "Event", "State"]
    layout = ColumnLayout.objects.get()
    assert (layout.user, layout.kind, layout.columns, layout.timestamps) == (
        ada,
        "LOG",
        ["created", "event", "state"],
        True,
    )
    assert _moments(pages) == ["24 Nov 2026 09:14"]
    client.force_login(viewer())
    assert len(_heads(client)) == 8


def test_without_timestamps_days_alone_are_written(pages: Client) -> None:
    make_message(created_at=datetime(2026, 11, 24, 9, 14, tzinfo=UTC))
    _apply(pages, "created")
    assert _moments(pages) == ["24 Nov 2026"]


def test_widths_and_low_rows_belong_to_the_choice_and_to_a_view(pages: Client, ada: User) -> None:
    make_message()
    _apply(pages, "created", "destination", **{"width-destination": "wide", "compact": "1"})
    layout = ColumnLayout.objects.get()
    assert (layout.columns, layout.compact) == (["created", "destination:wide"], True)
    text = pages.get(URL).text
    assert 'class="log-table cards labelled sized compact"' in text
    assert 'class="col-destination wide" data-label="Destination"' in text
    pages.post("/communications/views/new/", {"name": "Roomy", "for_whom": "me", "next": URL})
    view = CustomView.objects.get(owner=ada)
    assert (view.columns, view.compact) == (["created", "destination:wide"], True)
    _apply(pages, "created", "destination")
    text = pages.get(f"{URL}?view={view.key.hex}").text
    assert 'class="log-table cards labelled sized compact"' in text
    assert "changed since saved" not in text
    assert pages.get(f"{URL}?columns=created:huge").context["log"].table.catalogue == (CATALOGUE["created"],)


def test_reset_forgets_the_choice(pages: Client) -> None:
    _apply(pages, "created")
    pages.post(COLUMNS, {"order": ["created"], "shown": ["created"], "reset": "1", "next": URL})
    assert not ColumnLayout.objects.exists()
    assert len(_heads(pages)) == 8


def test_the_list_has_the_shown_ones_in_order_and_the_others_by_alphabet(pages: Client) -> None:
    layout = pages.get(COLUMNS).context["layout"]
    assert layout.keys == [
        "state",
        "sender",
        "created",
        "sent",
        "type",
        "recipient",
        "destination",
        "message",
    ]
    labels = [column.label for column in layout.hidden]
    assert labels == sorted(labels, key=str.lower)
    assert len(labels) == 25


@pytest.mark.parametrize(
    ("move", "keys"),
    [
        ("up:type", ["type", "state", "key"]),
        ("down:type", ["state", "key", "type"]),
        ("up:state", ["state", "type", "key"]),
    ],
)
def test_a_step_up_or_down_changes_the_form_and_stores_nothing(
    pages: Client, move: str, keys: list[str]
) -> None:
    given = ["state", "type", "key"]
    response = pages.post(COLUMNS, {"order": given, "shown": given, "move": move, "next": URL})
    assert response.context["layout"].keys == keys
    assert not ColumnLayout.objects.exists()


@pytest.mark.parametrize("move", ["", "up", "up:", "sideways:state", "up:nope", "\0", "down:key:key"])
def test_a_strange_step_changes_nothing(pages: Client, move: str) -> None:
    response = pages.post(COLUMNS, {"order": ["state", "key"], "shown": ["state", "key"], "move": move})
    assert response.context["layout"].keys == ["state", "key"]


def test_no_column_at_all_is_refused(pages: Client) -> None:
    response = pages.post(COLUMNS, {"order": ["state", "nope"], "shown": ["nope"], "apply": "1"})
    assert "Choose at least one column." in response.text
    assert not ColumnLayout.objects.exists()


def test_the_dialog_gets_the_form_alone_and_leads_back(pages: Client) -> None:
    back = f"{URL}?state=FAILED"
    response = pages.get(f"{COLUMNS}?next={quote(back)}", headers={"HX-Request": "true"})
    assert "<html" not in response.text
    done = pages.post(
        COLUMNS,
        {"order": ["key"], "shown": ["key"], "apply": "1", "next": back},
        headers={"HX-Request": "true"},
    )
    assert (done.status_code, done["HX-Redirect"]) == (204, back)


@pytest.mark.parametrize(
    "bad", ["https://evil.example.org/", "//evil.example.org", "javascript:alert(1)", "\0", "/x\0"]
)
def test_the_way_back_stays_in_the_house(pages: Client, bad: str) -> None:
    assert (
        pages.post(COLUMNS, {"order": ["key"], "shown": ["key"], "apply": "1", "next": bad})["Location"]
        == URL
    )


def test_a_column_that_exists_no_more_is_left_out(pages: Client, ada: User) -> None:
    ColumnLayout.objects.create(user=ada, kind="LOG", columns=["fax", "key"])
    assert _heads(pages) == ["Key"]
    ColumnLayout.objects.update(columns=["fax"])
    assert len(_heads(pages)) == 8


def test_columns_in_the_address_are_tried_out(pages: Client) -> None:
    assert _heads(pages, f"{URL}?columns=key,nope,type,key") == ["Key", "Type"]
    assert "Unknown column “nope” was ignored." in pages.get(f"{URL}?columns=key,nope").text
    assert "Unknown column" not in pages.get(f"{URL}?columns=key").text
    assert not ColumnLayout.objects.exists()


def test_nobody_without_permission_edits_columns(client: Client) -> None:
    client.force_login(outsider())
    assert client.get(COLUMNS).status_code == 403
    assert client.post(COLUMNS, {"order": ["key"], "shown": ["key"]}).status_code == 403


@pytest.mark.parametrize("rows", [1, 3])
def test_all_columns_cost_the_same_for_one_row_and_for_three(
    pages: Client, rows: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(rows):
        failed = make_message(
            MessageState.FAILED,
            client=make_client(),
            group=make_group(),
            user=make_user("", first_name="Bo"),
            event="X",
        )
        make_resend(failed, MessageState.SENT)
        make_message(MessageState.WAITING, MessageType.SMS)
    url = f"{URL}?columns={','.join(CATALOGUE)}"
    pages.get(url)
    with django_assert_num_queries(12):
        text = pages.get(url).text
    for shown in (
        "Ana Silva",
        "Market women",
        "550 5.1.1 no such user",
        "Waiting for the next retry",
        "Ada Officer",
        ": new entry",
    ):
        assert shown in text


@pytest.mark.parametrize("key", [key for key, column in CATALOGUE.items() if column.order])
def test_every_column_sorts_both_ways(pages: Client, key: str) -> None:
    for state in MessageState:
        make_message(state)
    for alias in (key, f"-{key}"):
        response = pages.get(URL, {"sort": alias, "columns": key, "per_page": "25"})
        assert response.context["log"].sorting.alias == alias
        assert len(response.context["log"].rows) == 6
        assert not response.context["log"].notices


def test_every_cell_escapes_what_it_shows(pages: Client) -> None:
    evil = "<i>x</i>\"'&"
    client = make_client(last_name=evil, client_id="<i>q7")
    message = make_message(
        state=MessageState.FAILED,
        client=client,
        destination=f"{evil}@example.org",
        **dict.fromkeys(
            ("subject", "content", "sender", "recipient_name", "reference_id", "template_name", "event"), evil
        ),
        failure_cause=evil,
    )
    assert message.subject == evil

    shown = pages.get(f"{URL}?columns={','.join(CATALOGUE)}").text

    assert "<i>x" not in shown
    assert "<i>q7" not in shown
    assert shown.count("&lt;i&gt;x&lt;/i&gt;&quot;&#x27;&amp;") > 10
