"""What may have been sent before the database was restored is found by an index that is empty as long as it
never was.
"""

from django.db import migrations, models

from notifications.migrations._online import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("notifications", "0014_restored")]

    operations = [
        AddIndexOnline(
            "message",
            models.Index(fields=["created_at", "id"], name="message_restored", condition=models.Q(restored_at__isnull=False)),
        ),
    ]
