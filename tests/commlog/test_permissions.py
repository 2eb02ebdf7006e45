"""Who may see and do what: refused by address, not only hidden."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group as Role
from django.contrib.auth.models import Permission
from django.test import Client

from commlog import permissions
from commlog.models import MenuItem, User
from notifications.content import stored_in
from notifications.criteria import Criterion, Operator, narrow
from notifications.masking import Withheld, masked
from notifications.models import Message
from notifications.states import MessageState
from tests.factories import admin, make_message, make_user, officer, outsider, set_up_channels, viewer

pytestmark = pytest.mark.django_db
LOG = "/communications/"


def _superuser() -> User:
    return User.objects.create_superuser("root", password="x")


@pytest.mark.parametrize(
    ("person", "log", "resend"),
    [
        (outsider, 403, 403),
        (viewer, 200, 403),
        (officer, 200, 302),
        (admin, 200, 302),
        (_superuser, 200, 302),
    ],
)
def test_each_role_at_each_address(
    client: Client, person: Callable[[], User], log: int, resend: int, settings: Any
) -> None:
    set_up_channels(settings)
    message = make_message(MessageState.FAILED)
    client.force_login(person())
    assert client.get(LOG).status_code == log
    assert client.get(f"{LOG}{message.key.hex}/").status_code == log
    assert client.post(f"{LOG}{message.key.hex}/resend/").status_code == resend
    assert Message.objects.count() == (2 if resend == 302 else 1)


@pytest.mark.parametrize("path", ["/", LOG, f"{LOG}{'0' * 32}/"])
def test_nobody_sees_anything_before_signing_in(client: Client, path: str) -> None:
    response = client.get(path)
    assert (response.status_code, response["Location"]) == (302, f"/sign-in/?next={path}")


def test_resending_takes_a_sign_in(client: Client) -> None:
    message = make_message(MessageState.FAILED)
    assert client.post(f"{LOG}{message.key.hex}/resend/").status_code == 302
    assert Message.objects.count() == 1


def test_a_viewer_is_shown_no_resend_button(client: Client) -> None:
    message = make_message(MessageState.FAILED)
    for person, shown in ((officer(), True), (viewer(), False)):
        client.force_login(person)
        for path in (LOG, f"{LOG}{message.key.hex}/"):
            assert (f'action="/communications/{message.key.hex}/resend/"' in client.get(path).text) is shown


def test_resending_takes_the_right_to_read_as_well(client: Client) -> None:
    message = make_message(MessageState.FAILED)
    person = make_user()
    person.user_permissions.add(Permission.objects.get(codename="resend_failed_messages"))
    client.force_login(person)
    assert client.post(f"{LOG}{message.key.hex}/resend/").status_code == 403


@pytest.mark.parametrize("change", [{"active": False}, {"for_everyone": False}])
def test_the_log_takes_an_active_menu_item_that_the_user_sees_and_a_message_does_not(
    client: Client, change: dict[str, bool]
) -> None:
    message = make_message()
    client.force_login(officer())
    assert client.get(LOG).status_code == 200
    MenuItem.objects.update(**change)
    response = client.get(LOG)
    assert response.status_code == 403
    assert "an active menu item of the type Communications" in response.text
    assert client.get(f"{LOG}{message.key.hex}/").status_code == 200


def test_a_menu_item_is_seen_by_its_roles_and_by_its_creator(client: Client) -> None:
    reader, author, other = officer(), viewer(), viewer()
    item = MenuItem.objects.get(type="COMMUNICATIONS")
    MenuItem.objects.update(for_everyone=False, creator=author)
    item.roles.add(Role.objects.get(name="Officer"), Role.objects.get(name="Administrator"))
    for person, status in ((reader, 200), (author, 200), (other, 403)):
        client.force_login(person)
        assert client.get(LOG).status_code == status
        assert ("Communications</a>" in client.get("/nowhere/").text) is (status == 200)


def test_querysets_hide_what_may_not_be_read() -> None:
    make_message()
    assert permissions.messages_for(viewer()).count() == 1
    assert permissions.messages_for(outsider()).count() == 0


def test_an_account_that_was_switched_off_is_out(client: Client) -> None:
    person = viewer()
    client.force_login(person)
    assert client.get(LOG).status_code == 200
    User.objects.filter(pk=person.pk).update(is_active=False)
    assert client.get(LOG).status_code == 302


def test_whoever_could_read_messages_or_streams_may_still_read_what_they_say() -> None:
    grant = import_module("commlog.migrations.0029_read_content").grant
    held = {"View": "view_communication_history", "Stream": "read_streams", "Other": "edit_client"}
    for name, codename in held.items():
        Role.objects.create(name=name).permissions.add(Permission.objects.get(codename=codename))
    alone = outsider()
    alone.user_permissions.add(Permission.objects.get(codename=held["View"]))
    for _ in range(2):
        grant(apps, None)
    given = Permission.objects.get(codename="read_message_content")
    assert [
        role.permissions.contains(given) for role in Role.objects.filter(name__in=held).order_by("name")
    ] == [
        False,
        True,
        True,
    ]
    assert alone.user_permissions.contains(given)


@pytest.mark.parametrize(
    ("destination", "left"),
    [
        ("+447700900945", "+44 77•• ••• 945"),
        ("+4917012345678", "+49 17•• ••• 678"),
        ("+290 12345", "+290 •••"),
        ("ana@example.org", "a•••@example.org"),
        ("jo@example.org", "•••@example.org"),
        ("Ana Silva <ana@example.org>", "a•••@example.org"),
        ("https://ana:pw@hooks.example.org:8443/in?key=1", "https://hooks.example.org:8443/•••"),
        ("HTTP://hooks.example.org", "http://hooks.example.org/•••"),
        ("accounts", "•••"),
        ("", ""),
    ],
)
def test_what_is_left_of_a_destination(destination: str, left: str) -> None:
    assert masked(destination) == left


def test_a_masked_row_is_neither_stored_nor_sent_nor_read_around() -> None:
    make_message(MessageState.FAILED)
    row = Message.objects.withheld().get()
    assert (row.destination, row.subject, row.content, row.failure_cause) == ("a•••@example.org", "", "", "")
    with pytest.raises(Withheld):
        row.save()
    with pytest.raises(ValueError, match="masked"):
        stored_in(row)
    for read in (Message.objects.withheld().values, Message.objects.withheld().values_list):
        with pytest.raises(Withheld):
            read("key", "destination")
    with pytest.raises(Withheld):
        narrow(Message.objects.withheld(), [Criterion("text", Operator.CONTAINS, ("a",))])
    assert Message.objects.get().content == "Dear Ana, your payment is due."
