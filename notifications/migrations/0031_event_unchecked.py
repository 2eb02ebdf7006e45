"""PostgreSQL does not look for the messages of an event any more when the event is deleted: no index serves that."""

from typing import Any

import django.db.models.deletion
from django.db import migrations, models

MESSAGES, EVENT = "notifications_message", "business_event_id"


def drop(apps: Any, schema_editor: Any) -> None:
    """Drop the constraint. SQLite would copy the table for that; it keeps looking, in smaller tables."""
    if schema_editor.connection.vendor != "postgresql":
        return
    with schema_editor.connection.cursor() as cursor:
        found = schema_editor.connection.introspection.get_constraints(cursor, MESSAGES)
    for name, each in found.items():
        if each["foreign_key"] and each["columns"] == [EVENT]:
            schema_editor.execute(f"ALTER TABLE {MESSAGES} DROP CONSTRAINT {schema_editor.quote_name(name)}")


class Migration(migrations.Migration):
    dependencies = [("notifications", "0030_legal_holds")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(drop, migrations.RunPython.noop)],
            state_operations=[
                migrations.AlterField(
                    "message",
                    "business_event",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="messages",
                        to="notifications.businessevent",
                    ),
                )
            ],
        )
    ]
