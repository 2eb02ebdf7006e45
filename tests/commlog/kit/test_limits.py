"""A limit of time ends with what it was for."""

import pytest
from django.db import connection, transaction

from commlog.kit.limits import TookTooLong, time_limit

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no limit of its own"),
]


def _asked(sql: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return str(cursor.fetchone()[0])


def _limit() -> str:
    return _asked("SHOW statement_timeout")


def test_a_limit_ends_with_its_transaction() -> None:
    usual = _limit()
    with time_limit(2.0):
        assert _limit() == "2s"
    assert _limit() == usual != "2s"
    with pytest.raises(TookTooLong), time_limit(0.05):
        _asked("SELECT 1 FROM pg_sleep(5)")
    assert _limit() == usual


def test_a_transaction_around_it_goes_on_without_the_limit() -> None:
    usual = _limit()
    with transaction.atomic():
        with time_limit(2.0):
            assert _limit() == "2s"
        assert _limit() == usual != "2s"
        with pytest.raises(TookTooLong), time_limit(0.05):
            _asked("SELECT 1 FROM pg_sleep(5)")
        assert _limit() == usual
