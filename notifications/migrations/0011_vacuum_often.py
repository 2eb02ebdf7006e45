"""PostgreSQL vacuums and analyses the tables of the hot path once a hundredth of them has changed.

Each message is updated three times and each attempt twice. By default a fifth of a table is dead before
anybody looks: two million rows of ten million. Lanes are few rows that change many times a second; with room
left on their pages they change in place. None of this rewrites a table, and the lock lets others read and
write.
"""

from typing import Any

from django.db import migrations

_OFTEN = ("autovacuum_vacuum_scale_factor = 0.01", "autovacuum_vacuum_insert_scale_factor = 0.01", "autovacuum_analyze_scale_factor = 0.01")
SETTINGS = {"message": _OFTEN, "attempt": _OFTEN, "lane": ("fillfactor = 50",)}


def _apply(apps: Any, schema_editor: Any, settings: dict[str, str]) -> None:
    if schema_editor.connection.vendor != "postgresql":
        return
    for model, change in settings.items():
        table = schema_editor.quote_name(apps.get_model("notifications", model)._meta.db_table)
        schema_editor.execute(f"ALTER TABLE {table} {change}")


def often(apps: Any, schema_editor: Any) -> None:
    """Set them."""
    _apply(apps, schema_editor, {model: f"SET ({', '.join(values)})" for model, values in SETTINGS.items()})


def by_default(apps: Any, schema_editor: Any) -> None:
    """Leave it to the server again."""
    names = {model: ", ".join(value.partition(" ")[0] for value in values) for model, values in SETTINGS.items()}
    _apply(apps, schema_editor, {model: f"RESET ({each})" for model, each in names.items()})


class Migration(migrations.Migration):
    dependencies = [("notifications", "0010_message_sent_index")]

    operations = [migrations.RunPython(often, by_default)]
