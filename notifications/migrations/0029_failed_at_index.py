"""What failed on a lane, by time."""

from django.db import migrations, models

from notifications.migrations._online import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("notifications", "0028_incidents")]

    operations = [
        AddIndexOnline(
            "message",
            models.Index(
                fields=["lane", "failed_at"],
                name="message_failed_at",
                condition=models.Q(failed_at__isnull=False),
            ),
        ),
    ]
