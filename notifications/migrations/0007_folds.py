"""Names and addresses get their folds beside them. Rows that are there already are filled in by the
cluster.
"""

from typing import Any

from django.db import migrations, models

from notifications.migrations._online import AddFieldOnline


def note_what_is_older(apps: Any, schema_editor: Any) -> None:
    """Tables that have rows will be filled in."""
    for name in ("Message", "Client", "Group"):
        model = apps.get_model("notifications", name)
        if model.objects.exists():
            apps.get_model("notifications", "Filling").objects.get_or_create(table=f"notifications.{name.lower()}")


class Migration(migrations.Migration):
    dependencies = [("notifications", "0006_failure_reason_index")]

    operations = [
        migrations.CreateModel(
            name="Filling",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("table", models.CharField(max_length=100, unique=True)),
                ("last_pk", models.BigIntegerField(default=0)),
                ("began_at", models.DateTimeField(auto_now_add=True)),
                ("done", models.BooleanField(default=False)),
            ],
        ),
        AddFieldOnline("client", "name_fold", models.TextField(db_default="", editable=False)),
        AddFieldOnline("group", "name_fold", models.TextField(db_default="", editable=False)),
        AddFieldOnline("message", "destination_fold", models.TextField(db_default="", editable=False)),
        AddFieldOnline("message", "recipient_name_fold", models.TextField(db_default="", editable=False)),
        migrations.RunPython(note_what_is_older, migrations.RunPython.noop),
    ]
