"""Raw statements for the few places where the ORM costs more than the database.

These are the claim, the permit, the result and the broker's look. Each statement runs on SQLite and on
PostgreSQL, and its text is the same however many rows it is about: they are passed as one parameter. Values
are always parameters; only names of tables and columns are written into the text.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db import connection

from notifications.database import pooling
from notifications.models import Attempt, ChannelSwitch, Installation, Lane, Message

MESSAGE = Message._meta.db_table
ATTEMPT = Attempt._meta.db_table
LANE = Lane._meta.db_table
SWITCH = ChannelSwitch._meta.db_table
INSTALLATION = Installation._meta.db_table

# A prepared statement is planned once. Planned on the first day, on an empty table, it would read the whole
# table ever after. Statistics from an idle queue, the usual ones, say that nothing is due: then the whole
# backlog is read and sorted for each claim of fifty.
_FOR_LARGE_TABLES = ("enable_seqscan", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin")
_ONLY_ON_REQUEST = 2**31
_LANES, _MOST_LOCKS = 7_301, 2**31  # our advisory locks: their class, and how many there are in it
NUMBERS = "%s::bigint[]"
_ONE_AT_A_TIME = (
    "SELECT set_config('idle_in_transaction_session_timeout', %s, true), pg_advisory_xact_lock(%s, %s::int)"
)
_LONGEST_IDLE = "5s"  # what a claim does between two statements takes milliseconds


def moment(value: datetime) -> Any:
    """Return a time as this database takes it."""
    return connection.ops.adapt_datetimefield_value(value)


def read_moment(value: datetime | str) -> datetime:
    """Return a time read by this module as an aware datetime: SQLite returns text without a zone."""
    read = datetime.fromisoformat(value) if isinstance(value, str) else value
    return read.replace(tzinfo=read.tzinfo or UTC)


def these(column: str, ids: Sequence[int]) -> tuple[str, str]:
    """Return a condition that `column` is one of `ids`, and its parameter."""
    if connection.vendor == "postgresql":
        return f"{column} = ANY({NUMBERS})", numbers(ids)
    return f"{column} IN (SELECT value FROM json_each(%s))", f"[{','.join(map(str, ids))}]"  # noqa: S608 - the name of a column


def numbers(ids: Iterable[int]) -> str:
    """Return numbers in PostgreSQL's form for NUMBERS."""
    return f"{{{','.join(map(str, ids))}}}"


class Insert(NamedTuple):
    """An insert with its rows and their types.

    In `statement`, EACH stands for a table `v` with the columns of `types`. The rows are its last parameter.
    """

    statement: str
    rows: Sequence[Mapping[str, Any]]
    types: Mapping[str, str]
    parameters: Sequence[Any] = ()

    @property
    def text(self) -> str:
        return self.statement.replace("EACH", _table(self.types))

    @property
    def values(self) -> list[Any]:
        return [*self.parameters, as_json(self.rows)]


def update_each(
    table: str,
    statement: str,
    rows: Sequence[Mapping[str, Any]],
    types: Mapping[str, str],
    *,
    also: Insert | None = None,
) -> list[tuple[Any, ...]]:
    """Change the rows of `table` whose ids are the `id` of `rows`, and return what the statement returns.

    In `statement`, EACH stands for the FROM and the beginning of its WHERE; the columns of `rows` are those
    of `v`, and `types` are their types on PostgreSQL. Times are given as `str(moment(…))`. `also` is run too:
    on PostgreSQL in the same statement, since sending one costs more than running it.
    """
    if not rows:
        return []
    if connection.vendor == "postgresql":
        only, ids = these(f"{table}.id", [row["id"] for row in rows])
        whole = statement.replace("EACH", f"FROM {_table(types)} WHERE {only} AND {table}.id = v.id")
        if also is None:
            return select(whole, [as_json(rows), ids])
        return select(f"WITH also AS ({also.text}) {whole}", [*also.values, as_json(rows), ids])
    if also is not None:
        change(also.text, also.values)
    return select(statement.replace("EACH", f"FROM {_table(types)} WHERE {table}.id = v.id"), [as_json(rows)])


def as_json(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as a single JSON parameter."""
    return json.dumps([dict(row) for row in rows])


def _table(types: Mapping[str, str]) -> str:
    """Return SQL for a table `v` from the rows of a JSON parameter."""
    if connection.vendor == "postgresql":
        return recordset(types)
    columns = ", ".join(f"json_extract(value, '$.{name}') AS {name}" for name in types)
    return f"(SELECT {columns} FROM json_each(%s)) AS v"  # noqa: S608 - names of columns


def recordset(types: Mapping[str, str]) -> str:
    """Return PostgreSQL's SQL for that table."""
    return f"json_to_recordset(%s::json) AS v({', '.join(f'{name} {type}' for name, type in types.items())})"


@contextmanager
def prepared() -> Iterator[None]:
    """Prepare this module's statements once inside the block: planning cost more. Not in shared sessions."""
    if connection.vendor != "postgresql" or pooling.sessions_are_shared():
        yield
        return
    session = connection.connection
    session.execute(
        "; ".join(
            [f"SET {each} = off" for each in _FOR_LARGE_TABLES] + ["SET plan_cache_mode = force_generic_plan"]
        )
    )
    session.prepare_threshold = _ONLY_ON_REQUEST
    try:
        yield
    finally:
        session.prepare_threshold = None
        with suppress(_driver().Error):  # a session that is gone takes its settings along
            session.execute("; ".join(f"RESET {each}" for each in (*_FOR_LARGE_TABLES, "plan_cache_mode")))


def plan_for_large_tables() -> None:
    """Have PostgreSQL plan this transaction's statements as `prepared` does."""
    if connection.vendor == "postgresql" and not _is_prepared():
        with connection.cursor() as cursor:
            cursor.execute("; ".join(f"SET LOCAL {each} = off" for each in _FOR_LARGE_TABLES))


def one_at_a_time(lane_id: int, statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Return all rows of a query that starts only once no other transaction holds the lane's lock.

    On SQLite, transactions that write are alone anyway. A transaction that holds the lock but whose process
    has stopped or was cut off is ended by the server, so that others wait only seconds.
    """
    if connection.vendor != "postgresql":
        return select(statement.replace("GREATEST", "MAX").replace("LEAST", "MIN"), parameters)
    waiting = [_LONGEST_IDLE, _LANES, lane_id % _MOST_LOCKS]
    if not _is_prepared():
        select(_ONE_AT_A_TIME, waiting)
        return select(statement, parameters)
    session, driver = connection.connection, _driver()
    # Both are sent together: the second begins, and sees what there is, only when the first has ended.
    with (
        connection.wrap_database_errors,
        session.pipeline(),
        driver.Cursor(session) as first,
        driver.Cursor(session) as cursor,
    ):
        first.execute(_ONE_AT_A_TIME, waiting, prepare=True)
        cursor.execute(statement, parameters, prepare=True)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def plan_in_order() -> None:
    """Have PostgreSQL follow an index in this transaction, instead of sorting what it takes for few rows."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_sort = off")


def select(statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Return all rows of a query, or of a statement with RETURNING."""
    with _executed(statement, parameters) as cursor:
        return cursor.fetchall()


def change(statement: str, parameters: Sequence[Any]) -> int:
    """Run a statement and return how many rows it changed."""
    with _executed(statement, parameters) as cursor:
        return cursor.rowcount


def insert(rows: Insert) -> int:
    """Run an insert by itself and return how many rows it changed."""
    return change(rows.text, rows.values)


def change_twice(
    first: tuple[str, Sequence[Any]], second: tuple[str, Sequence[Any]]
) -> tuple[list[tuple[Any, ...]], int]:
    """Run two statements: return the first's rows and the second's count.

    Neither sees the other's changes.
    """
    if connection.vendor != "postgresql":
        return select(*first), change(*second)
    rows = select(
        f"WITH one AS ({first[0]}), other AS ({second[0]} RETURNING 1) "  # noqa: S608
        "SELECT one.*, (SELECT COUNT(*) FROM other) FROM one",
        [*first[1], *second[1]],
    )
    return [row[:-1] for row in rows], rows[0][-1] if rows else 0


@contextmanager
def _executed(statement: str, parameters: Sequence[Any]) -> Iterator[Any]:
    session = connection.connection
    if not _is_prepared():
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            yield cursor
        return
    # Django's own cursor writes the parameters into the text, which then is a new statement each time.
    with connection.wrap_database_errors, _driver().Cursor(session) as cursor:
        cursor.execute(statement, parameters, prepare=True)
        yield cursor


def _is_prepared() -> bool:
    return getattr(connection.connection, "prepare_threshold", None) is not None


def _driver() -> Any:
    """Return the module of the database's driver: psycopg need not be installed where SQLite is used."""
    return connection.Database  # type: ignore[attr-defined]
