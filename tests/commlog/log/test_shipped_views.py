"""The views that an installation starts with, and what becomes of them in one that is older."""

import importlib
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.test import Client
from django.utils import timezone

from commlog.log import custom_views
from commlog.models import CustomView
from notifications.models import Message
from notifications.states import MessageState
from tests.factories import make_message, make_resend, officer, viewer

pytestmark = pytest.mark.django_db
URL = "/communications/"


def listed(client: Client, query: str) -> list[Message]:
    """The messages of the log at that address."""
    return [row.message for row in client.get(f"{URL}?{query}").context["log"].rows]


def test_those_that_come_with_the_installation(client: Client) -> None:
    client.force_login(viewer())
    assert [view.name for view in client.get(URL).context["views"]] == [
        "Failed",
        "Failed today",
        "Waiting",
        "Webhooks",
        "Manual",
    ]
    answered = make_message(MessageState.FAILED)
    make_resend(answered, MessageState.SENT)
    old = make_message(MessageState.FAILED, now=timezone.now() - timedelta(days=2))
    open_case = make_message(MessageState.FAILED)
    manual = make_message(sender_user=officer())
    views = {view.name: view for view in CustomView.objects.all()}
    assert listed(client, f"view={views['Failed'].key.hex}") == [open_case, old]
    assert listed(client, f"view={views['Failed today'].key.hex}") == [open_case, answered]
    assert listed(client, f"view={views['Waiting'].key.hex}") == [manual]
    assert listed(client, f"view={views['Manual'].key.hex}") == [manual]
    assert listed(client, f"view={views['Webhooks'].key.hex}") == []
    custom_views.install_defaults()
    assert CustomView.objects.count() == 5


_FAILURE, _WAIT = ["Failure reason", "Failure details"], ["Waiting reason", "Next attempt"]


@pytest.mark.parametrize(
    ("name", "columns"), [("Failed", _FAILURE), ("Failed today", _FAILURE), ("Waiting", _WAIT)]
)
def test_the_views_of_trouble_say_why(client: Client, name: str, columns: list[str]) -> None:
    client.force_login(viewer())
    log = client.get(URL, {"view": CustomView.objects.get(name=name).key.hex}).context["log"]
    labels = [column.label for column in log.table.catalogue]
    assert [label for label in labels if label in columns] == columns
    assert {"State", "Created", "Sent to", "Destination", "Message"} < set(labels)
    assert not log.changed


def _migrated() -> None:
    """What the migration does to the views as they are now."""
    importlib.import_module("commlog.migrations.0014_shipped_views").say_why(apps, None)


def _as_shipped_before() -> None:
    CustomView.objects.all().delete()
    for name, state in (("Failed", "UNDELIVERED"), ("Waiting", "PENDING")):
        CustomView.objects.create(name=name, for_everyone=True, conditions={"state": state})


def test_an_older_installation_gets_the_new_columns() -> None:
    _as_shipped_before()
    _migrated()
    _migrated()
    told = ("name", "conditions", "criteria", "columns", "for_everyone")
    shipped = [(name, custom_views.SHIPPED[name]) for name in ("Failed", "Waiting", "Failed today")]
    expected = [
        (name, content["conditions"], content.get("criteria", []), content["columns"], True)
        for name, content in shipped
    ]
    assert sorted(CustomView.objects.values_list(*told)) == sorted(expected)


@pytest.mark.parametrize(
    "edit",
    [
        {"name": "Ours"},
        {"conditions": {"state": "FAILED"}},
        {"criteria": [["attempts", "MORE_THAN", ["2"]]]},
        {"columns": ["state"]},
        {"sorting": "created"},
        {"timestamps": False},
        {"for_everyone": False},
        {"match": "ANY"},
    ],
    ids=lambda edit: next(iter(edit)),
)
def test_a_view_that_somebody_has_edited_stays_as_it_is(edit: dict[str, Any]) -> None:
    _as_shipped_before()
    CustomView.objects.update(**edit)
    before = list(CustomView.objects.order_by("pk").values())
    _migrated()
    assert list(CustomView.objects.order_by("pk").values()) == before


def test_a_view_of_the_same_name_that_a_user_made_stays_as_it_is() -> None:
    _as_shipped_before()
    CustomView.objects.update(owner=officer())
    _migrated()
    assert [view.columns for view in CustomView.objects.all()] == [[], []]
