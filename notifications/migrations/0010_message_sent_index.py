"""Messages are found by when they were sent: the dashboard counts those of the last day."""

from django.db import migrations, models

from notifications.migrations._online import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("notifications", "0009_lane_pace")]

    operations = [
        AddIndexOnline(
            "message",
            models.Index(fields=["sent_at", "id"], name="message_sent", condition=models.Q(sent_at__isnull=False)),
        ),
    ]
