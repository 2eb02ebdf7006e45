"""Resending many at once: the rules of resending one, in one transaction."""

import pytest
from django.db import connection
from pytest_django import DjangoAssertNumQueries

from commlog.models import User
from notifications import outbox
from notifications.models import Message
from notifications.outbox import Obstacle
from notifications.states import MessageState, MessageType
from tests.factories import make_message, make_resend, officer, set_up_channels

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _channels_are_set_up(settings: pytest.FixtureRequest) -> None:
    set_up_channels(settings)


@pytest.fixture
def ada() -> User:
    return officer()


def newest() -> int:
    return Message.objects.latest("pk").pk


def test_new_rows_are_what_resending_one_by_one_makes(ada: User) -> None:
    failed = [
        make_message(MessageState.FAILED, subject="ü", headers={"X-A": "b"}, event="E"),
        make_message(MessageState.FAILED, MessageType.SMS),
    ]
    results = outbox.resend_many([each.pk for each in failed], by=ada, newest=newest()).results
    many = list(Message.objects.filter(resend_of__in=failed).order_by("pk"))
    assert [results[each.pk] for each in failed] == [each.pk for each in many]
    Message.objects.filter(resend_of__in=failed).delete()
    one = [outbox.resend(each, by=ada).message for each in failed]
    own = {"id", "key", "created_at", "due_at"}
    for left, right in zip(many, one, strict=True):
        for field in Message._meta.concrete_fields:
            if field.name not in own:
                assert getattr(left, field.attname) == getattr(right, field.attname), field.name


def test_what_stands_in_the_way_is_said_and_nothing_is_made(ada: User) -> None:
    failed = MessageState.FAILED
    delivered, under_way, again, plain = (make_message(failed) for _ in range(4))
    make_resend(delivered, MessageState.SENT)
    make_resend(under_way, MessageState.WAITING)
    sent = make_message(MessageState.SENT)
    before = newest()
    failed_since = make_resend(again, failed)
    ids = [each.pk for each in (delivered, under_way, again, sent, plain)]
    results = outbox.resend_many(ids, by=ada, newest=before).results
    assert {pk: result for pk, result in results.items() if pk != plain.pk} == {
        delivered.pk: Obstacle.DELIVERED,
        under_way.pk: Obstacle.UNDER_WAY,
        again.pk: Obstacle.RESENT_SINCE,
        sent.pk: Obstacle.NOT_FAILED,
    }
    (new,) = Message.objects.filter(pk__gt=failed_since.pk)
    assert results[plain.pk] == new.pk
    assert (new.resend_of, new.first, new.resent_by_user) == (plain, plain, ada)


def test_two_of_one_chain_make_one_new_row_and_a_second_time_none(ada: User) -> None:
    first = make_message(MessageState.FAILED)
    second = make_resend(first, MessageState.FAILED)
    bound = newest()
    results = outbox.resend_many([first.pk, second.pk], by=ada, newest=bound).results
    new = Message.objects.get(pk__gt=bound)
    assert (new.first, new.resend_of) == (first, second)
    assert results == {first.pk: Obstacle.UNDER_WAY, second.pk: new.pk}
    again = outbox.resend_many([first.pk, second.pk], by=ada, newest=bound)
    assert (again.created, again.skipped, set(again.results.values())) == (0, 2, {Obstacle.UNDER_WAY})
    assert Message.objects.count() == 3


@pytest.mark.parametrize("rows", [1, 3])
def test_it_costs_the_same_for_one_row_and_for_three(
    ada: User, rows: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    outbox.resend(make_message(MessageState.FAILED), by=ada)  # their lane exists
    failed = [make_message(MessageState.FAILED).pk for _ in range(rows)]
    # A savepoint; roots, their locks, two for the chains; the texts, the lane, the new rows; PostgreSQL's
    # clock.
    with django_assert_num_queries(9 if connection.vendor == "sqlite" else 10):
        assert outbox.resend_many(failed, by=ada, newest=failed[-1]).created == rows
