"""The list of users: its conditions and its order."""

from typing import Any

from django.db.models import QuerySet

from commlog.administration.forms import UsersForm
from commlog.kit.paging import Sorting
from commlog.models import User
from commlog.recipients.kinds import KINDS, search

__all__ = ["BY_NAME", "UsersForm", "narrow"]

BY_NAME = Sorting("name", ("username",))


def narrow(people: QuerySet[User], conditions: dict[str, Any]) -> QuerySet[User]:
    """The users who meet the conditions. Each word is found in some part of the name or the address."""
    if text := conditions["q"].strip():
        people = people.filter(pk__in=search(KINDS["user"], text).values("pk"))
    if state := conditions["state"]:
        people = people.filter(is_active=state == "active")
    if role := conditions["role"]:
        people = people.filter(groups=role)
    return people
