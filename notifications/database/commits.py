"""A cheap test of whether anything was committed: it reads no table.

It needs no listening session, so it works through a pooler, and writers pay nothing for it.
"""

from django.db import connection


def committed() -> tuple[int, str] | None:
    """Return a value that differs after a commit.

    None within a transaction, which also sees its own changes.
    """
    if connection.in_atomic_block:
        return None
    connection.ensure_connection()
    # A cluster that rests asks twenty times a second: by the driver alone, as Django's cursors take four
    # times the processor for it.
    with connection.wrap_database_errors:
        stamp = _snapshot() if connection.vendor == "postgresql" else _data_version()
    return id(connection.connection), stamp


def _snapshot() -> str:
    session, question = connection.connection, "SELECT pg_current_snapshot()"
    found = session.pgconn.exec_(question.encode())
    if found.ntuples:
        return found.get_value(0, 0).decode()
    return str(session.execute(question).fetchone()[0])  # or it raises what is the matter


def _data_version() -> str:
    return str(connection.connection.execute("PRAGMA data_version").fetchone()[0])
