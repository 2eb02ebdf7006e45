"""Failures by what they mean, in the order of the log."""

from django.db import migrations, models

from notifications.migrations._online import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("notifications", "0023_failure_meaning")]

    operations = [
        AddIndexOnline(
            "message",
            models.Index(
                fields=["failure_meaning", "created_at", "id"],
                name="message_meaning",
                condition=~models.Q(failure_meaning=""),
            ),
        ),
    ]
