"""Passwords and secret headers that were stored readable are sealed."""

from typing import Any

from django.db import migrations
from django.db.models import Q

from notifications.secrets.sealed import is_sealed, seal, seal_headers

_BATCH = 500


def seal_stored(apps: Any, schema_editor: Any) -> None:
    """Batch by batch along the primary key; once begun again it goes on where it was."""
    messages = apps.get_model("notifications", "Message").objects.using(schema_editor.connection.alias)
    readable, last = ~Q(auth_password="") | ~Q(headers={}), 0
    while rows := list(messages.filter(readable, type="WEB_HOOK", pk__gt=last).only("headers", "auth_password").order_by("pk")[:_BATCH]):
        for row in rows:
            row.headers = {name: value if is_sealed(value) else seal_headers({name: value})[name] for name, value in row.headers.items()}
            row.auth_password = row.auth_password if is_sealed(row.auth_password) else seal(row.auth_password)
        messages.bulk_update(rows, ["headers", "auth_password"])
        last = rows[-1].pk


class Migration(migrations.Migration):
    dependencies = [("notifications", "0001_initial")]

    operations = [migrations.RunPython(seal_stored, migrations.RunPython.noop)]
