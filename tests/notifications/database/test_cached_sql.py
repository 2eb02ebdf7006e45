"""Queries and expressions whose SQL is compiled once."""

import pytest
from django.db import connection
from django.db.models import BooleanField, Exists, ExpressionWrapper, OuterRef, Q, QuerySet
from django.test.utils import CaptureQueriesContext

from notifications.database.cached_sql import CachedExists, CachedExpression, CachedQuery
from notifications.models import Client, Lane, Message
from notifications.states import Circuit, MessageState
from tests.factories import make_client, make_lane, make_message

pytestmark = pytest.mark.django_db
made: list[tuple[int, ...]] = []
BOOLEAN = BooleanField()


def _between(first: int, last: int, *others: int) -> QuerySet[Client]:
    made.append((first, last, *others))
    chosen = Q(pk__gte=first, pk__lte=last) | Q(pk__in=others)
    return Client.objects.filter(chosen, state="ACTIVE").order_by("-pk")[:50]


def test_it_is_asked_with_other_ids_and_written_once_for_each_number_of_them() -> None:
    made.clear()
    a, b, c = (make_client(state="ACTIVE").pk for _ in range(3))
    asked = CachedQuery(_between)
    assert [row.pk for row in asked.rows(a, b)] == [b, a]
    assert [row.pk for row in asked.rows(b, c)] == [c, b]
    assert [row.pk for row in asked.rows(a, a, c)] == [c, a]
    assert [row.pk for row in asked.rows(c, c, a)] == [c, a]
    assert [len(ids) for ids in made] == [2, 3]


def test_rows_are_whole_and_tuples_plain() -> None:
    ana = make_client(first_names="Ana", custom_fields={"branch": "100 %"})
    (row,) = CachedQuery(lambda pk: Client.objects.filter(pk=pk)).rows(ana.pk)
    assert (row, row.key, row.custom_fields, row.name) == (ana, ana.key, {"branch": "100 %"}, ana.name)
    named = CachedQuery(
        lambda pk: Client.objects.filter(pk=pk, first_names="Ana").values_list("pk", "last_name")
    )
    assert named.tuples(ana.pk) == [(ana.pk, ana.last_name)]
    assert named.tuples(ana.pk + 1) == []


def test_a_part_says_the_same_of_each_row() -> None:
    ana, bo = make_client(first_names="Ana"), make_client(first_names="Bo")
    called = ExpressionWrapper(Exists(Client.objects.filter(pk=OuterRef("pk"), first_names="Ana")), BOOLEAN)
    part = CachedExpression(Client, called, BOOLEAN)
    for _ in range(2):
        rows = Client.objects.filter(pk__in=[ana.pk, bo.pk]).annotate(called=part.sql())
        assert {row.pk: row.called for row in rows} == {ana.pk: True, bo.pk: False}


def test_one_statement_asks_for_all_of_them_and_django_is_asked_once() -> None:
    made: list[QuerySet[Lane] | QuerySet[Message]] = []

    def make() -> list[QuerySet[Lane] | QuerySet[Message]]:
        made.append(Lane.objects.exclude(circuit=Circuit.CLOSED).filter(name="mail:25"))
        made.append(Message.objects.filter(state__in=[MessageState.FAILED, MessageState.QUEUED]))
        return made

    asked = CachedExists(make)
    make_lane(name="mail:25")
    with CaptureQueriesContext(connection) as queries:
        assert not asked.found()
    assert len(queries) == 1
    message = make_message(MessageState.FAILED)
    assert asked.found()
    Message.objects.filter(pk=message.pk).delete()
    assert not asked.found()
    Lane.objects.filter(name="mail:25").update(failing_since=None, cap=1)
    assert not asked.found()
    assert len(made) == 2
