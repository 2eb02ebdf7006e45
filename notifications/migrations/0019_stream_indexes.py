"""Events are read by partition and offset; those without are found at once, as long as there are any."""

from django.db import migrations, models
from django.db.models import Q

from notifications.migrations._online import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("notifications", "0018_stream_partitions")]

    operations = [
        AddIndexOnline("streamevent", models.Index(fields=["id"], name="stream_unnumbered", condition=Q(partition=None))),
        AddIndexOnline("streamevent", models.Index(fields=["partition", "offset"], name="stream_offset")),
        migrations.RemoveIndex("streamevent", "stream_topic"),
    ]
