"""A database knows itself by a random id, and whether it was restored; a message, whether it may have been
sent before that.
"""

import uuid

from django.db import migrations, models

from notifications.migrations._online import AddFieldOnline


class Migration(migrations.Migration):
    dependencies = [("notifications", "0013_lane_health")]

    operations = [
        migrations.CreateModel(
            name="Installation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.UUIDField(default=uuid.uuid4)),
                ("restored_at", models.DateTimeField(null=True)),
                ("newest", models.BigIntegerField(default=0)),
                ("last_sent_at", models.DateTimeField(null=True)),
                ("known_sent_at", models.DateTimeField(null=True)),
                ("marked_at", models.DateTimeField(null=True)),
                ("lifted_at", models.DateTimeField(null=True)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(id=1), name="installation_once"),
                    models.CheckConstraint(
                        condition=models.Q(lifted_at=None, marked_at=None)
                        | models.Q(marked_at__isnull=False, restored_at__isnull=False),
                        name="installation_marked_before_lifted",
                    ),
                ],
            },
        ),
        AddFieldOnline("message", "restored_at", models.DateTimeField(null=True)),
    ]
