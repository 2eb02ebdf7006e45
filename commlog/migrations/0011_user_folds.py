"""Users get the fold of their name beside it."""

from typing import Any

from django.db import migrations, models

from notifications.migrations._online import AddFieldOnline


def note_what_is_older(apps: Any, schema_editor: Any) -> None:
    """Users who are there already will be filled in."""
    if apps.get_model("commlog", "User").objects.exists():
        apps.get_model("notifications", "Filling").objects.get_or_create(table="commlog.user")


class Migration(migrations.Migration):
    dependencies = [("commlog", "0010_publish_views"), ("notifications", "0007_folds")]

    operations = [
        AddFieldOnline("user", "name_fold", models.TextField(db_default="", editable=False)),
        migrations.RunPython(note_what_is_older, migrations.RunPython.noop),
    ]
