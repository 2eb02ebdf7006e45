"""The raw statements on PostgreSQL: prepared inside a turn, and nothing of it left in the session
afterwards.
"""

import pytest
from django.db import connection

from notifications.database import sql
from notifications.models import Message
from notifications.states import MessageState
from tests.factories import make_message

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]


@pytest.fixture(autouse=True)
def _postgres() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("PostgreSQL only")


def shown(name: str) -> str:
    return sql.select(f"SHOW {name}", [])[0][0]


def test_a_statement_is_prepared_once_and_the_session_is_as_before() -> None:
    before = [shown("enable_seqscan"), shown("plan_cache_mode")]
    with sql.prepared():
        found = [sql.select("SELECT %s::int + 1", [number]) for number in (1, 2)]
        inside = [shown("enable_seqscan"), shown("plan_cache_mode")]
        statements = sql.select(
            "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'SELECT $1::int + 1%%'", []
        )
    assert found == [[(2,)], [(3,)]]
    assert inside == ["off", "force_generic_plan"]
    assert statements == [(1,)]
    assert [shown("enable_seqscan"), shown("plan_cache_mode")] == before == ["on", "auto"]


def test_a_turn_that_loses_its_session_ends_with_that_error_alone() -> None:
    def turn() -> None:
        with sql.prepared():
            connection.close()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        turn()
    assert sql.select("SELECT 1", []) == [(1,)]


def test_rows_travel_as_they_are() -> None:
    message = make_message(state=MessageState.SENDING_ASYNC)
    text = "a'b\"c\\d \u20ac \U0001f600 \u2028 %s {} $1"
    statement = f"UPDATE {sql.MESSAGE} SET provider_id = v.provider_id EACH RETURNING {sql.MESSAGE}.id"
    rows = [{"id": message.pk, "provider_id": text}]
    with sql.prepared():
        changed = sql.update_each(sql.MESSAGE, statement, rows, {"id": "bigint", "provider_id": "text"})
    assert changed == [(message.pk,)]
    assert Message.objects.get(pk=message.pk).provider_id == text


def test_the_tables_of_the_hot_path_are_vacuumed_once_a_hundredth_has_changed() -> None:
    found = dict(
        sql.select(
            "SELECT relname::text, array_to_string(reloptions, ', ') FROM pg_class WHERE reloptions IS NOT "
            "NULL",
            [],
        )
    )
    for table in (sql.MESSAGE, sql.ATTEMPT):
        assert found[table].split(", ") == [
            "autovacuum_vacuum_scale_factor=0.01",
            "autovacuum_vacuum_insert_scale_factor=0.01",
            "autovacuum_analyze_scale_factor=0.01",
        ]
    assert found[sql.LANE] == "fillfactor=50"
