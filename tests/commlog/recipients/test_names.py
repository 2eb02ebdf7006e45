"""People are found as their names are typed: in the log, in lists, suggestions and conditions, whatever the
database.
"""

from typing import Any

import pytest
from django.test import Client

from commlog.recipients import people
from notifications import outbox
from notifications.faults import Fault, Malformed
from notifications.models import Client as Person
from notifications.models import Group, Message
from notifications.outbox import Draft
from notifications.states import MessageState, MessageType
from tests.factories import (
    admin,
    make_client,
    make_group,
    make_message,
    make_resend,
    make_user,
    officer,
    set_up_channels,
)
from tests.forms import seen_at

pytestmark = pytest.mark.django_db
URL = "/communications/"
NAMES = ["Sinéad O’Leary", "Emre Öztürk", "Søren Łukasz", "Anne-Marie Ærø", "ÉLODIE ŞAHİN", "Bo Lind"]
TYPED = [
    ("O'Leary", "Sinéad O’Leary"),
    ("OLEARY sinead", "Sinéad O’Leary"),
    ("o´leary", "Sinéad O’Leary"),
    ("Ozturk", "Emre Öztürk"),
    ("öztürk", "Emre Öztürk"),
    ("ÖZTÜRK EMRE", "Emre Öztürk"),
    ("o\u0308ztu\u0308rk", "Emre Öztürk"),
    ("Soren", "Søren Łukasz"),
    ("lukasz SØREN", "Søren Łukasz"),
    ("anne marie", "Anne-Marie Ærø"),
    ("Anne\u2011Marie", "Anne-Marie Ærø"),
    ("aero\u00a0anne", "Anne-Marie Ærø"),
    ("elodie sahin", "ÉLODIE ŞAHİN"),
    ("Élodie", "ÉLODIE ŞAHİN"),
    ("lind – bo", "Bo Lind"),
    ("Öztürk, Emre", "Emre Öztürk"),
    ("\u200blind", "Bo Lind"),
]


def _listed(pages: Client, **params: str) -> list[str]:
    return sorted(row.message.recipient_name for row in pages.get(URL, params).context["log"].rows)


def _person(name: str, **fields: Any) -> Person:
    first, _, last = name.rpartition(" ")
    return make_client(first_names=first, last_name=last, email="", **fields)


# --- The log ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("typed", "name"), TYPED, ids=lambda text: ascii(text))
def test_the_search_box_finds_who_a_message_was_for(pages: Client, typed: str, name: str) -> None:
    for each in NAMES:
        make_message(MessageState.SENT, MessageType.SMS, recipient_name=each)
    assert _listed(pages, q=typed) == [name]


@pytest.mark.parametrize(
    ("operator", "typed", "found"),
    [
        ("contains", "o'leary", ["Sinéad O’Leary"]),
        ("contains", "OZTURK", ["Emre Öztürk"]),
        ("starts_with", "soren", ["Søren Łukasz"]),
        ("starts_with", "leary", []),
        ("equals", "anne marie aero", ["Anne-Marie Ærø"]),
        ("equals", "anne marie", []),
        ("not_contains", "öz", sorted(set(NAMES) - {"Emre Öztürk"})),
        ("different_than", "bo-lind", sorted(set(NAMES) - {"Bo Lind"})),
        ("equals_case_sensitive", "Søren Łukasz", ["Søren Łukasz"]),
        ("equals_case_sensitive", "Soren Lukasz", []),
    ],
)
def test_conditions_on_names_know_every_spelling(
    pages: Client, operator: str, typed: str, found: list[str]
) -> None:
    for each in NAMES:
        make_message(recipient_name=each)
    assert _listed(pages, c=f"recipient.{operator}.{typed}") == found


@pytest.mark.parametrize(("field", "column"), [("sender", "sender"), ("resent_by", "resent_by")])
def test_senders_are_found_as_their_names_are_typed(pages: Client, field: str, column: str) -> None:
    emre = make_user(first_name="Emre", last_name="Öztürk")
    make_message(recipient_name="a", **{column: emre.name})
    make_message(recipient_name="b", **{column: "Emre O’Leary"})  # called otherwise since
    make_message(recipient_name="c", **{column: "Bo Lind"})
    assert _listed(pages, c=f"{field}.contains.OZTURK") == ["a"]
    assert _listed(pages, c=f"{field}.equals.emre ozturk") == ["a"]
    assert _listed(pages, c=f"{field}.starts_with.emre") == ["a", "b"]
    assert _listed(pages, c=f"{field}.not_contains.ozturk") == ["b", "c"]
    assert _listed(pages, c=f"{field}.contains.O’Leary") == ["b"]


def test_an_address_is_found_however_it_is_typed(pages: Client) -> None:
    make_message(destination="O’Leary-Ü@Example.org", recipient_name="a")
    make_message(destination="topic/é", type=MessageType.EVENT_STREAM, recipient_name="b")
    assert _listed(pages, q="o'leary-u@example") == ["a"]
    assert _listed(pages, c="destination.starts_with.OLEARY") == ["a"]
    assert _listed(pages, c="destination.equals.TOPIC/E") == ["b"]


def test_a_number_that_was_stored_as_it_was_pasted_is_found(pages: Client) -> None:
    make_message(
        MessageState.FAILED,
        MessageType.SMS,
        destination="\u202a\uff0b46\u00a070\u2011000\u200900\u201303 x\u202c",
        recipient_name="a",
    )
    assert _listed(pages, q="070 000 00 03") == ["a"]


def test_rows_that_are_not_filled_in_yet_are_found_as_before(pages: Client) -> None:
    for each in NAMES:
        make_message(recipient_name=each, destination=f"{each.split()[0]}@example.org")
        _person(each)
    Message.objects.update(recipient_name_fold="", destination_fold="")
    Person.objects.update(name_fold="")
    assert _listed(pages, q="O’Leary") == ["Sinéad O’Leary"]
    assert _listed(pages, q="Öztürk") == ["Emre Öztürk"]
    assert _listed(pages, q="anne-marie") == ["Anne-Marie Ærø"]
    assert _listed(pages, c="recipient.contains.Łukasz") == ["Søren Łukasz"]
    assert [row.name for row in pages.get("/clients/", {"q": "Öztürk"}).context["listing"].rows] == [
        "Emre Öztürk"
    ]
    assert people.suggest("client", "Anne-Marie") == [
        people.label(Person.objects.get(first_names="Anne-Marie"))
    ]
    assert people.resolve("client", "Anne-Marie Ærø") == Person.objects.get(first_names="Anne-Marie").key.hex


# --- Lists, suggestions, conditions on people ---------------------------------------------------------------


@pytest.mark.parametrize(("typed", "name"), TYPED, ids=lambda text: ascii(text))
def test_lists_and_suggestions_find_people(pages: Client, typed: str, name: str) -> None:
    for each in NAMES:
        first, _, last = each.rpartition(" ")
        _person(each)
        make_group(name=each, email="")
        make_user(first_name=first, last_name=last)
    for kind in ("client", "group", "user"):
        assert [row.name for row in pages.get(f"/{kind}s/", {"q": typed}).context["listing"].rows] == [name]
        assert [text.partition(" (")[0] for text in people.suggest(kind, typed)] == [name]


def test_the_administration_finds_users(client: Client) -> None:
    client.force_login(admin())
    make_user("sol", first_name="Sinéad", last_name="O’Leary")
    rows = client.get("/administration/users/", {"q": "o'leary SINEAD"}).context["listing"].rows
    assert [user.username for user in rows] == ["sol"]


def test_a_whole_name_in_another_spelling_means_one_person(pages: Client) -> None:
    soren = _person("Søren Łukasz")
    for spelling in ("soren lukasz", "Łukasz, Søren", "LUKASZ SOREN"):
        assert people.resolve("client", spelling) == soren.key.hex
    with pytest.raises(Malformed) as refused:
        people.resolve("client", "Łukasz")
    assert refused.value.fault is Fault.NOBODY_CALLED
    _person("Soren Lukasz", client_id="2")
    with pytest.raises(Malformed) as refused:
        people.resolve("client", "Soren Lukasz")
    assert refused.value.fault is Fault.SEVERAL_CALLED


def test_who_is_called_just_so_comes_first(pages: Client) -> None:
    for number in range(60):
        make_client(client_id=f"A{number:03}", first_names="Li", last_name="Lindgren")
    wanted = make_client(client_id="Z1", first_names="Lí", last_name="")
    by_id = make_client(client_id="LI", first_names="Bo", last_name="Berg")
    assert people.suggest("client", "li")[0] == "Lí (Z1)"
    assert people.suggest("client", "LI")[:2] == ["Bo Berg (LI)", "Lí (Z1)"]
    assert len(people.suggest("client", "li")) == people.MOST_SUGGESTIONS
    page = pages.get("/clients/", {"q": "LI"}).context["listing"]
    assert page.rows[:2] == [by_id, wanted]
    seen = [row.client_id for row in page.rows]
    page = pages.get(f"/clients/{page.next_url}").context["listing"]
    seen += [row.client_id for row in page.rows]
    assert (len(seen), len(set(seen))) == (62, 62)
    back = pages.get(f"/clients/{page.previous_url}").context["listing"]
    assert [row.client_id for row in back.rows] == seen[:52]


# --- Where folds come from ----------------------------------------------------------------------------------


def test_folds_are_born_with_a_message_and_with_its_resend(settings: Any) -> None:
    set_up_channels(settings)
    message = outbox.enqueue(
        Draft(
            MessageType.EMAIL,
            destination="ana-maria@example.org",
            subject="s",
            body="b",
            client=_person("Ana Ž"),
        )
    )
    assert (message.recipient_name_fold, message.destination_fold) == ("ana z", "ana maria@example.org")
    failed = make_message(MessageState.FAILED, recipient_name="Ana Ž")
    again = outbox.resend(failed, by=officer()).message
    assert (again.recipient_name_fold, make_resend(failed, MessageState.FAILED).recipient_name_fold) == (
        "ana z",
        "ana z",
    )
    many = outbox.enqueue_many(
        [Draft(MessageType.EMAIL, subject="s", body="b", client=_person(name)) for name in ("Bo Ž", "Bo Z")]
    )
    assert [Message.objects.get(pk=each.pk).recipient_name_fold for each in many] == ["bo z", ""]


def test_a_renamed_client_is_found_by_the_new_name_and_the_log_keeps_the_old_one(pages: Client) -> None:
    ana = _person("Ana Ž", client_id="1")
    make_message(client=ana, recipient_name="Ana Ž")
    form = {"client_id": "1", "first_names": "Bö", "last_name": "Ž"}
    path = f"/clients/{ana.key.hex}/edit/"
    assert pages.post(path, form | seen_at(pages, path)).status_code == 302
    ana.refresh_from_db()
    assert ana.name_fold == "bo z"
    assert Message.objects.get().recipient_name_fold == "ana z"
    ana.last_name = "Ø"
    ana.save(update_fields=["last_name"])
    assert Person.objects.get().name_fold == "bo o"


def test_people_who_are_made_in_bulk_have_folds() -> None:
    Group.objects.bulk_create([Group(group_id="1", name="Éa")])
    assert Group.objects.get().name_fold == "ea"


def test_an_endless_fold_is_cut_so_that_an_index_can_hold_it() -> None:
    assert len(_person("ﷺ" * 150).name_fold) == 400
