"""An index of the words of texts too long for phrases, which otherwise are all read for each phrase."""

from typing import Any

from django.db import migrations

_NAME = "notifications_messagewords_long"


def _add(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        _remove(apps, schema_editor)  # what an interrupted run has left would never be used
        schema_editor.execute(
            f"CREATE INDEX CONCURRENTLY {_NAME} ON notifications_messagewords USING gin (words) WHERE extent = 1"
        )


def _remove(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {_NAME}")


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("notifications", "0040_unconfirmed_recovery")]

    operations = [migrations.RunPython(_add, _remove)]
