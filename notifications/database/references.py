"""References to messages on PostgreSQL, changed so that deleting a message checks each reference once.

The references that Django makes ask two questions of each row and each table that refers to messages: whether
the row is there again, and whether anything refers to it. With ON DELETE RESTRICT only the second is asked,
when the statement ends instead of when the transaction does. Rows that refer to a message are themselves
checked at the end of the transaction, as before.
"""

from typing import Any

from django.db import connections

_CHANGE = """
SELECT format('ALTER TABLE %s DROP CONSTRAINT %I, ADD CONSTRAINT %I %s'
              ' ON DELETE RESTRICT DEFERRABLE INITIALLY DEFERRED NOT VALID',
              conrelid::regclass, conname, conname, split_part(pg_get_constraintdef(oid), ' DEFERRABLE', 1))
FROM pg_constraint
WHERE contype = 'f' AND confdeltype = 'a' AND confrelid = to_regclass('notifications_message')
ORDER BY conname
"""
# That what is there already is right was known before; the rows are read while others write.
_VALIDATE = """
SELECT format('ALTER TABLE %s VALIDATE CONSTRAINT %I', conrelid::regclass, conname)
FROM pg_constraint
WHERE contype = 'f' AND NOT convalidated AND confrelid = to_regclass('notifications_message')
ORDER BY conname
"""


def install(using: str = "default", **_: Any) -> None:
    """Change the references to messages that are as Django makes them (signal receiver of post_migrate)."""
    connection = connections[using]
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        for question in (_CHANGE, _VALIDATE):
            cursor.execute(question)
            for (statement,) in cursor.fetchall():
                cursor.execute(statement)
