"""Detection of a pooler that shares PostgreSQL's sessions (PgBouncer's transaction mode).

Such a pooler gives a session to others between two transactions, so nothing may be kept in it beyond a
transaction. A statement that another client prepared under the same name would run instead of ours: messages
would be sent twice. A cursor would be gone before it is read.
"""

from typing import Any

from django.conf import settings
from django.db import connection
from django.db.backends.signals import connection_created
from django.dispatch import receiver


@receiver(connection_created)
def look(*, connection: Any, **_: Any) -> None:
    """Compare a new session's process id with the connection's: a pooler answers with a number of its own."""
    if connection.vendor != "postgresql":
        return
    session = connection.connection
    (process,) = session.execute("SELECT pg_backend_pid()").fetchone()
    pooled = process != session.info.backend_pid
    connection.settings_dict["DISABLE_SERVER_SIDE_CURSORS"] = (
        pooled or not settings.POSTGRES_PREPARED_STATEMENTS
    )


def sessions_are_shared() -> bool:
    """Return whether nothing may be kept in the session of this thread's connection."""
    connection.ensure_connection()
    return bool(connection.settings_dict["DISABLE_SERVER_SIDE_CURSORS"])
