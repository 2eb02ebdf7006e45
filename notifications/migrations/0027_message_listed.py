"""Messages of a channel, and those that were sent, are counted in the index of every log."""

from django.db import migrations, models

from notifications.migrations._online import AddIndexOnline, RemoveIndexOnline


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("notifications", "0026_samples")]

    operations = [
        AddIndexOnline("message", models.Index(fields=["created_at", "id", "type", "sent_at"], name="message_listed")),
        RemoveIndexOnline("message", "message_created"),
    ]
