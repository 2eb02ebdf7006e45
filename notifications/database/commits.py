"""A cheap test of whether anything was committed: it reads no table.

It needs no listening session, so it works through a pooler, and writers pay nothing for it.
"""

from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections

from notifications.database import pooling


def committed() -> tuple[int, str] | None:
    """Return a value that differs after a commit.

    None within a transaction, which also sees its own changes.
    """
    database: Any = connections[DEFAULT_DB_ALIAS]
    if database.in_atomic_block:
        return None
    database.ensure_connection()
    # Where nothing waits, a cluster that rests asks twenty times a second: by the driver alone, as Django's
    # cursors take four times the processor for it, and not through `connection`, which finds the database
    # anew for each name.
    with database.wrap_database_errors:
        session = database.connection
        return id(session), _snapshot(session) if database.vendor == "postgresql" else _data_version(session)


def wait_for_another(seen: tuple[int, str], *, seconds: float, every: float) -> bool:
    """Wait for so long, or until what `committed` says is not `seen` any more. False where nothing waits.

    PostgreSQL looks by itself, which costs less than being asked. A session that a pooler shares would be
    kept from others meanwhile.
    """
    database: Any = connections[DEFAULT_DB_ALIAS]
    if (
        database.vendor != "postgresql"
        or database.in_atomic_block
        or id(database.connection) != seen[0]
        or pooling.sessions_are_shared()
    ):
        return False
    question = (
        f"DO $$BEGIN FOR each IN 1..{int(seconds / every)} LOOP PERFORM pg_sleep({every}); "
        f"EXIT WHEN pg_current_snapshot()::text <> '{seen[1]}'; END LOOP; END$$"
    )
    with database.wrap_database_errors:
        session = database.connection
        # Not by `execute`, which wakes up ten times a second meanwhile. It raises what is the matter.
        if session.pgconn.exec_(question.encode()).status != database.Database.pq.ExecStatus.COMMAND_OK:
            session.execute(question)
    return True


def _snapshot(session: Any) -> str:
    question = "SELECT pg_current_snapshot()"
    found = session.pgconn.exec_(question.encode())
    if found.ntuples:
        return str(found.get_value(0, 0).decode())
    return str(session.execute(question).fetchone()[0])  # or it raises what is the matter


def _data_version(session: Any) -> str:
    return str(session.execute("PRAGMA data_version").fetchone()[0])
