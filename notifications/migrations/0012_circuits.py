"""An open circuit holds the destinations that failed, whose messages wait apart from the others of their
lane.

The index of what is due becomes two. Both are built while others write, and the old one goes last: what still
runs asks by it.
"""

import django.db.models.deletion
from django.db import migrations, models

from notifications.migrations._online import AddIndexOnline

_DUE = {"due_at__isnull": False}


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("notifications", "0011_vacuum_often")]

    operations = [
        migrations.AddField("lane", "worked_at", models.DateTimeField(null=True)),
        migrations.AlterField(
            "lane",
            "circuit",
            models.CharField(
                choices=[("CLOSED", "Working"), ("OPEN", "In trouble"), ("HALF_OPEN", "Working again")], default="CLOSED", max_length=9
            ),
        ),
        migrations.CreateModel(
            "FailingDestination",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("digest", models.CharField(max_length=64)),
                ("failed_at", models.DateTimeField()),
                (
                    "lane",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="failing", to="notifications.lane"
                    ),
                ),
            ],
            options={"constraints": [models.UniqueConstraint(fields=("lane", "digest"), name="failing_destination_once")]},
        ),
        migrations.AddField("message", "parked_at", models.DateTimeField(null=True)),
        AddIndexOnline(
            "message", models.Index(fields=["lane", "due_at", "id"], name="message_next", condition=models.Q(**_DUE, parked_at=None))
        ),
        AddIndexOnline(
            "message",
            models.Index(fields=["lane", "due_at", "id"], name="message_parked", condition=models.Q(**_DUE, parked_at__isnull=False)),
        ),
        migrations.RemoveIndex("message", "message_due"),
    ]
