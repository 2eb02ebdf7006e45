"""Whether there is any row of several queries."""

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext

from notifications.database.cached_exists import AnyOf
from notifications.models import Lane, Message
from notifications.states import Circuit, MessageState
from tests.factories import make_lane, make_message

pytestmark = pytest.mark.django_db


def test_one_statement_asks_for_all_of_them_and_django_is_asked_once() -> None:
    made: list[QuerySet[Lane] | QuerySet[Message]] = []

    def make() -> list[QuerySet[Lane] | QuerySet[Message]]:
        made.append(Lane.objects.exclude(circuit=Circuit.CLOSED).filter(name="mail:25"))
        made.append(Message.objects.filter(state__in=[MessageState.FAILED, MessageState.QUEUED]))
        return made

    asked = AnyOf(make)
    make_lane(name="mail:25")
    with CaptureQueriesContext(connection) as queries:
        assert not asked.exist()
    assert len(queries) == 1
    message = make_message(MessageState.FAILED)
    assert asked.exist()
    Message.objects.filter(pk=message.pk).delete()
    assert not asked.exist()
    Lane.objects.filter(name="mail:25").update(failing_since=None, cap=1)
    assert not asked.exist()
    assert len(made) == 2
