"""The database looks for the items of a message before it deletes the message."""

from django.db import migrations, models

from notifications.migrations._online import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("commlog", "0023_retention")]

    operations = [
        AddIndexOnline("jobitem", models.Index(fields=["message"], name="job_item_message")),
        AddIndexOnline(
            "jobitem",
            models.Index(condition=models.Q(("new__isnull", False)), fields=["new"], name="job_item_new"),
        ),
    ]
