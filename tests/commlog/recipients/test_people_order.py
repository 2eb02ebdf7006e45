"""Sorting a log by client, group or user: by name, as a clerk reads it, and those without one last."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from commlog.models import User
from notifications.models import Client as Customer
from notifications.models import Group
from tests.factories import make_client, make_group, make_message, make_user, officer

pytestmark = pytest.mark.django_db


def _client(name: str) -> Customer:
    return make_client(first_names=name.split()[0], last_name=name.split()[1])


def _group(name: str) -> Group:
    return make_group(name=name)


def _user(name: str) -> User:
    return make_user(first_name=name.split()[0], last_name=name.split()[1])


@pytest.mark.parametrize(
    ("column", "make", "ordered"),
    [
        ("client", _client, ["Bo Adams", "Ada Brown", "Zoe Brown"]),
        ("group", _group, ["Ada Brown", "Bo Adams", "Zoe Brown"]),
        ("user", _user, ["Bo Adams", "Ada Brown", "Zoe Brown"]),
    ],
)
def test_people_are_sorted_by_name_both_ways(
    client: Client, column: str, make: Callable[[str], Any], ordered: list[str]
) -> None:
    client.force_login(officer())
    make_message()
    for name in ("Zoe Brown", "Bo Adams", "Ada Brown"):
        make_message(**{column: make(name)})
    for alias, expected in ((column, [*ordered, ""]), (f"-{column}", [*reversed(ordered), ""])):
        rows = client.get("/communications/", {"sort": alias}).context["log"].rows
        shown = [getattr(row.message, column) for row in rows]
        assert [person.name if person else "" for person in shown] == expected
